// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli.output;

import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;

/**
 * Shows on a terminal how far a long walk has come. A thread of its own writes: a terminal that does not take the text
 * (Ctrl-S) must not keep the target waiting.
 */
public final class Progress implements AutoCloseable {
    private static final long PATIENCE_MILLIS = 1_000;
    private static final long STEP_MILLIS = 250;

    private final Thread painter;
    /** When a trial has lasted long enough, a moment of {@link System#nanoTime()}. */
    private final long enough;

    private final boolean trial;
    private volatile long done;
    private volatile long total;
    private volatile boolean closed;
    private volatile boolean painted;

    /** Shows it, if the error stream is a terminal. */
    public Progress() {
        this(Terminal.error());
    }

    /** Shows nothing, as where rows are printed on the same terminal meanwhile. */
    public static Progress hidden() {
        return new Progress(false);
    }

    private Progress(boolean shown) {
        trial = false;
        enough = 0;
        painter = shown ? Thread.ofPlatform().daemon().name("progress").unstarted(this::paint) : null;
        if (painter != null) {
            painter.start();
        }
    }

    private Progress(long enough) {
        this.trial = true;
        this.enough = enough;
        this.painter = null;
    }

    /**
     * Shows nothing, and ends a walk that is only tried.
     *
     * @param nanos for how long it may go on
     */
    public static Progress ofTrial(long nanos) {
        return new Progress(System.nanoTime() + nanos);
    }

    /** Ends a walk that was only tried. */
    public static final class Enough extends RuntimeException {
        private static final long serialVersionUID = 1;

        private Enough() {
            super("the trial has lasted long enough", null, false, false);
        }
    }

    /**
     * Tells how far the walk is. Cheap, but not for every chunk.
     *
     * @throws Enough if the walk is a trial that has lasted long enough
     * @throws Interruption if the command is to end
     */
    public void at(long doneBytes, long totalBytes) {
        Interruption.check();
        if (trial && System.nanoTime() - enough >= 0) {
            throw new Enough();
        }
        done = doneBytes;
        total = totalBytes;
    }

    private void paint() {
        // Not closed: the descriptor is the process's.
        @SuppressWarnings("resource")
        FileOutputStream stream = new FileOutputStream(FileDescriptor.err);
        try {
            Thread.sleep(PATIENCE_MILLIS);
            while (!closed) {
                long all = total;
                if (all > 0) {
                    painted = true;
                    String line = "\rheapwalk: read " + (done >> 20) + " of " + (all >> 20) + " MiB ";
                    stream.write(line.getBytes(StandardCharsets.US_ASCII));
                }
                Thread.sleep(STEP_MILLIS);
            }
        } catch (InterruptedException e) {
            // Closed.
        } catch (IOException e) {
            // Nobody looks.
        }
        if (painted) {
            try {
                stream.write("\r\033[K".getBytes(StandardCharsets.US_ASCII));
            } catch (IOException e) {
                // Nobody looks.
            }
        }
    }

    /** Stops showing it, and waits, though not for ever, until the line is wiped: a message may follow. */
    @Override
    public void close() {
        closed = true;
        if (painter == null) {
            return;
        }
        painter.interrupt();
        try {
            painter.join(STEP_MILLIS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
