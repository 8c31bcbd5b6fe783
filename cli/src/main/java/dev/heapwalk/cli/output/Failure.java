// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli.output;

import dev.heapwalk.heap.usage.CategorizerException;
import dev.heapwalk.memory.TargetException;
import dev.heapwalk.memory.UnmappedAddressException;
import dev.heapwalk.text.SafeText;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.ServiceConfigurationError;

/** The exit statuses, which failure ends in which, and the lines on the error stream. */
public final class Failure {
    public static final int FINE = 0;
    public static final int OTHER = 1;
    public static final int USAGE = 2;
    public static final int DAMAGED = 3;
    public static final int UNREADABLE = 4;
    /** More is lost than was allowed. */
    public static final int LOST = 5;

    /** The statuses, from the best to the worst. */
    private static final List<Integer> ORDER = List.of(FINE, LOST, DAMAGED, UNREADABLE, USAGE, OTHER);

    private Failure() {}

    /** The worse of two exit statuses. */
    public static int worse(int one, int other) {
        return ORDER.indexOf(one) > ORDER.indexOf(other) ? one : other;
    }

    public static int report(Throwable failure, boolean verbose) {
        if (closedPipe(failure)) {
            return FINE;
        }
        int status;
        switch (failure) {
            case UnmappedAddressException hole -> {
                say(hole.getMessage());
                status = DAMAGED;
            }
            case TargetException unreadable -> {
                say(unreadable.getMessage());
                status = UNREADABLE;
            }
            case RefusedException refused -> {
                say(refused.getMessage());
                status = UNREADABLE;
            }
            case Interruption ctrlC -> {
                say(ctrlC.getMessage());
                status = OTHER;
            }
            case CategorizerException plugin -> {
                say(plugin.getMessage());
                status = OTHER;
            }
            case ServiceConfigurationError plugin -> {
                say("a heap or a categorizer can't be loaded: " + plugin.getMessage());
                status = OTHER;
            }
            case UncheckedIOException io -> {
                say(io.getCause().getMessage());
                status = OTHER;
            }
            case OutOfMemoryError memory -> {
                say("out of memory (" + memory.getMessage() + "); give it more with HEAPWALK_JAVA_OPTIONS=-Xmx4g");
                status = OTHER;
            }
            default -> {
                String message = failure.getMessage();
                say("internal error: " + failure.getClass().getSimpleName()
                        + (message == null ? "" : ": " + message)
                        + (verbose ? "" : " (--verbose shows where)"));
                status = OTHER;
            }
        }
        if (verbose) {
            StringWriter trace = new StringWriter();
            failure.printStackTrace(new PrintWriter(trace));
            trace.toString().lines().forEach(line -> error(SafeText.of(line.replace("\t", "    "))));
        }
        return status;
    }

    /** Whether the reader of our output has gone: it has what it wanted, so that is no failure. */
    private static boolean closedPipe(Throwable failure) {
        return failure instanceof Output.WriteException write && write.closedPipe();
    }

    /** One line on the error stream. Text of the target may be in it. */
    public static void say(String message) {
        error("heapwalk: " + SafeText.of(message == null ? "unknown failure" : message));
    }

    private static void error(String line) {
        // Not closed: the descriptor is the process's, and more lines may follow.
        @SuppressWarnings("resource")
        FileOutputStream stream = new FileOutputStream(FileDescriptor.err);
        try {
            stream.write((line + "\n").getBytes(StandardCharsets.UTF_8));
        } catch (IOException e) {
            // Nobody listens; the exit status tells what is left to tell.
        }
    }
}
