// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory.linux;

import dev.heapwalk.memory.TargetException;
import dev.heapwalk.memory.TargetOptions;
import java.io.IOException;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.lang.ref.WeakReference;
import java.math.BigDecimal;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Consumer;

/**
 * Looks a few times a second whether a read of a process hangs, and whether the process has been stopped for too long.
 * Who reads only notes in a {@link Mark} of its own that a call begins and ends.
 */
final class Watch {
    private static final long LOOK_NANOS = TimeUnit.MILLISECONDS.toNanos(250);
    /**
     * So many looks in a row must find the same call without progress. They are counted, rather than time, since time
     * also passes while this JVM itself is stopped.
     */
    private static final int LOOKS = 8;
    /** It ends at once, but for one that lets the process go at this moment. */
    private static final Duration END = Duration.ofMillis(100);
    /** Decimal places of a second in nanoseconds. */
    private static final int NANO = 9;

    private static final Path STAT = Path.of("/proc/self/stat");
    /** The field {@code majflt}, counted from the one behind the name. */
    private static final int MAJOR_FAULTS = 9;

    private static final VarHandle TURN;

    static {
        try {
            TURN = MethodHandles.lookup().findVarHandle(Mark.class, "turn", long.class);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    /** Where somebody notes what he reads. For one thread at a time. */
    static final class Mark {
        private long address;
        private long length;
        /** Odd during a call. */
        private long turn;

        // The watching thread's own.
        private long seen;
        private int looks;

        /** A call that reads memory begins; without a length it is one that lists mappings. */
        void begin(long from, long bytes) {
            address = from;
            length = bytes;
            TURN.setRelease(this, turn + 1);
        }

        /** A part of it is done: what lasts need not hang. */
        void goesOn() {
            TURN.setRelease(this, turn + 2);
        }

        /** It has returned. */
        void end() {
            TURN.setRelease(this, turn + 1);
        }
    }

    private final String description;
    private final long maxStop;
    private final Consumer<TargetException> lose;
    private final Thread thread;
    private final List<WeakReference<Mark>> marks = new ArrayList<>();
    private volatile boolean closed;
    private volatile boolean stopped;
    private volatile long stoppedSince;
    private long majorFaults = -1;

    /**
     * Makes one that does not watch yet.
     *
     * @param process whose memory is read
     * @param options how long it may be stopped
     * @param lose lets the process go, and has later reads fail; called once
     */
    Watch(LiveProcess process, TargetOptions options, Consumer<TargetException> lose) {
        this.description = process.description();
        this.maxStop = options.maxStop().isZero() ? Long.MAX_VALUE : TimeUnit.NANOSECONDS.convert(options.maxStop());
        this.lose = lose;
        this.thread = Thread.ofPlatform()
                .daemon()
                .name("heapwalk-watch-" + process.pid())
                .unstarted(this::run);
    }

    void start() {
        thread.start();
    }

    /** Ends the watching, and waits a little for the end of the thread. */
    void close() {
        closed = true;
        LockSupport.unpark(thread);
        if (Thread.currentThread() != thread) {
            try {
                thread.join(END);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }
    }

    /** A new mark, watched as long as somebody has it. */
    Mark mark() {
        Mark mark = new Mark();
        synchronized (marks) {
            marks.add(new WeakReference<>(mark));
        }
        return mark;
    }

    /** The process stands still, since a moment of {@link System#nanoTime()}. */
    void stopped(long since) {
        stoppedSince = since;
        stopped = true;
        LockSupport.unpark(thread);
    }

    /** It runs on. */
    void resumed() {
        stopped = false;
    }

    private void run() {
        // Where the stop is to be short, there is no time to find words at its end.
        TargetException soon = maxStop < LOOK_NANOS ? tooLong() : null;
        while (!closed) {
            long left = stopped ? maxStop - (System.nanoTime() - stoppedSince) : Long.MAX_VALUE;
            LockSupport.parkNanos(this, Math.clamp(left, 1, LOOK_NANOS));
            if (closed) {
                return;
            }
            boolean late = stopped && System.nanoTime() - stoppedSince >= maxStop;
            TargetException lost = !late ? hanging() : soon != null ? soon : tooLong();
            if (lost != null) {
                lose.accept(lost);
                return;
            }
        }
    }

    private TargetException tooLong() {
        return new TargetException(
                TargetException.Reason.STOPPED_TOO_LONG,
                "%s has been stopped for %s s, as long as it may be, and was let go before all was read"
                        .formatted(
                                description,
                                BigDecimal.valueOf(maxStop, NANO)
                                        .stripTrailingZeros()
                                        .toPlainString()));
    }

    /** Why the process must be let go, null if it need not. */
    private TargetException hanging() {
        List<Mark> busy = new ArrayList<>();
        synchronized (marks) {
            marks.removeIf(reference -> reference.get() == null);
            for (WeakReference<Mark> reference : marks) {
                Mark mark = reference.get();
                long turn = mark == null ? 0 : (long) TURN.getAcquire(mark);
                if (mark != null && turn == mark.seen && (turn & 1) != 0) {
                    busy.add(mark);
                } else if (mark != null) {
                    mark.seen = turn;
                    mark.looks = 0;
                }
            }
        }
        if (busy.isEmpty()) {
            return null;
        }
        // A call that waits for a disk, page by page, counts as major faults of this process.
        long faults = majorFaults();
        boolean progress = faults != majorFaults;
        majorFaults = faults;
        for (Mark mark : busy) {
            mark.looks = progress ? 0 : mark.looks + 1;
            if (mark.looks >= LOOKS) {
                return new TargetException(TargetException.Reason.NO_PROGRESS, describe(mark));
            }
        }
        return null;
    }

    private String describe(Mark mark) {
        long from = mark.address;
        long bytes = mark.length;
        String what = bytes == 0
                ? "listing the mappings of " + description
                : "reading 0x%x-0x%x of %s".formatted(from, from + bytes, description);
        return what + " has made no progress for 2 seconds: a page there never comes, such as one of a userfaultfd that"
                + " nobody serves, of a file system that hangs, or of a driver; the process is let go";
    }

    private static long majorFaults() {
        try {
            String stat = Files.readString(STAT, StandardCharsets.ISO_8859_1);
            // The name stands in parentheses and may hold anything.
            return Long.parseLong(stat.substring(stat.lastIndexOf(')') + 2).split(" ")[MAJOR_FAULTS]);
        } catch (IOException e) {
            return 0;
        }
    }
}
