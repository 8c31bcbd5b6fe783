// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli.output;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;

/** Whether somebody looks at an output, and how much they see. */
public final class Terminal {
    private static final int INPUT = 0;
    private static final int OUTPUT = 1;
    private static final int ERROR = 2;
    private static final long TIOCGWINSZ = 0x5413;
    private static final int WINDOW_BYTES = 8;
    private static final int LINES = 0;
    private static final int COLUMNS = 2;

    private Terminal() {}

    /** Whether somebody types standard input. */
    public static boolean input() {
        return isTerminal(INPUT);
    }

    /** Whether standard output is a terminal. */
    public static boolean output() {
        return isTerminal(OUTPUT);
    }

    /** Whether the error stream is one. */
    static boolean error() {
        return isTerminal(ERROR);
    }

    private static boolean isTerminal(int descriptor) {
        try {
            String device = Files.readSymbolicLink(Path.of("/proc/self/fd/" + descriptor))
                    .toString();
            return device.startsWith("/dev/pts/") || device.startsWith("/dev/tty") || device.equals("/dev/console");
        } catch (IOException e) {
            return false;
        }
    }

    /**
     * How many characters a line on standard output has.
     *
     * @return what COLUMNS or the terminal says; 0 if it is no terminal, or does not know
     */
    public static int width() {
        if (!output()) {
            return 0;
        }
        return told("COLUMNS", COLUMNS);
    }

    /**
     * How many lines standard output shows at once.
     *
     * @return what LINES or the terminal says; 0 if it is no terminal, or does not know
     */
    public static int height() {
        return output() ? told("LINES", LINES) : 0;
    }

    /** What a variable of the environment says, or else a field of what the terminal knows of itself. */
    private static int told(String variable, int field) {
        String said = System.getenv(variable);
        if (said != null && said.matches("[1-9][0-9]{0,4}")) {
            return Integer.parseInt(said);
        }
        Linker linker = Linker.nativeLinker();
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment window = arena.allocate(WINDOW_BYTES, JAVA_SHORT.byteAlignment());
            int failed = (int) linker.downcallHandle(
                            linker.defaultLookup().findOrThrow("ioctl"),
                            FunctionDescriptor.of(JAVA_INT, JAVA_INT, JAVA_LONG, ADDRESS),
                            Linker.Option.firstVariadicArg(2))
                    .invokeExact(OUTPUT, TIOCGWINSZ, window);
            return failed == 0 ? Short.toUnsignedInt(window.get(JAVA_SHORT, field)) : 0;
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
    }
}
