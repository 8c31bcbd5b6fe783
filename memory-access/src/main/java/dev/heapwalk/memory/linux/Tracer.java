// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory.linux;

import static java.lang.foreign.ValueLayout.JAVA_INT;

import dev.heapwalk.memory.ErrnoException;
import dev.heapwalk.memory.Mappings;
import dev.heapwalk.memory.NoSuchProcessException;
import dev.heapwalk.memory.PermissionDeniedException;
import dev.heapwalk.memory.Registers;
import dev.heapwalk.memory.TargetException;
import dev.heapwalk.memory.UnsupportedTargetException;
import dev.heapwalk.memory.core.CoreNote;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.LongBuffer;
import java.nio.file.Files;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SequencedMap;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.Supplier;

/**
 * Stops every thread of a process and lets it go on. All {@code ptrace} calls come from one thread of its own, since
 * the kernel ties a tracee to the thread that seized it; when that thread ends, the kernel lets go of whatever it still
 * holds.
 *
 * <p>A signal that a process ignores (SIGCHLD, SIGURG and SIGWINCH by default) is dropped when it is sent, but not if
 * the thread that it is addressed to is traced. If that one stands still, another thread is woken, and a call that is
 * never restarted ends in EINTR there, for nothing; a tracer need not even get to see it, since a third thread may take
 * the signal away first. Addressed are the first thread, by {@code kill}, terminals and timers, and a thread that has
 * forked a child, by the child's end. Hence:
 *
 * <ul>
 * <li>the addressees are stopped when all others stand still, and none of them is interrupted before all of them are
 * seized;
 *   <li>the first thread is seized last;
 * <li>all are let go in one step, by the end of the tracer thread: the kernel begins with the one that was seized last,
 * and holds the lock that the end of a child needs.
 * </ul>
 */
final class Tracer {
    /** How long a thread may take to stand still. */
    static final long PATIENCE_NANOS = TimeUnit.MILLISECONDS.toNanos(500);

    /** How long one may take in all that waits for nothing but a processor, on a machine that has too few. */
    private static final long BUSY_PATIENCE_NANOS = TimeUnit.SECONDS.toNanos(2);

    private static final int EVENT_STOP = 128;
    private static final int SIGTRAP = 5;
    private static final int MOST_LOOKS = 1000;
    private static final long SPIN_NANOS = 200_000;
    private static final long SHORTEST_PAUSE_NANOS = 20_000;
    /** How long only the shortest pauses are made, since a thread that has stopped should be seen soon. */
    private static final long ALERT_NANOS = 50_000_000;

    private static final long LONGEST_PAUSE_NANOS = 1_000_000;
    private static final long LOOK_NANOS = 10_000_000;
    /** How long threads may go on in all until a process is at rest, */
    private static final long MOST_GOING_NANOS = TimeUnit.MILLISECONDS.toNanos(10);
    /** and how long they may be given besides without that they move: on a busy machine they wait for a processor. */
    private static final long MOST_WAITING_NANOS = TimeUnit.MILLISECONDS.toNanos(100);
    /** How often they may. */
    private static final int MOST_GOES = 250;
    /**
     * How long they go on at a time, as long as they come on. One that is not seen to move is given twice as long, and
     * half as long once it has moved.
     */
    private static final long SHORTEST_GO_NANOS = 10_000;

    private static final long LONGEST_GO_NANOS = 1_000_000;

    /** How many threads are asked to forget a copy, besides the first one. */
    private static final int MOST_FORGETTERS = 4;

    /** How long the kernel may take to end the tracer thread, which takes well below a millisecond. */
    private static final long THREAD_END_NANOS = TimeUnit.SECONDS.toNanos(10);

    private final Libc libc;
    private final LiveProcess process;
    /** What is done as soon as the process stands still, before it is let go again; empty if it is asked for later. */
    private final Optional<Consumer<Tracer>> atOnce;

    private final Thread thread;
    private final Thread atShutdown;
    private final CountDownLatch stopped = new CountDownLatch(1);
    private final CountDownLatch wanted = new CountDownLatch(1);
    /** Whether the threads have been let go. */
    private final CountDownLatch released = new CountDownLatch(1);
    /** Whether the copy is to end. */
    private final CountDownLatch ending = new CountDownLatch(1);

    private volatile Optional<ForkedProcess> copy = Optional.empty();
    /** The threads that stood still when a copy was made at once. */
    private List<Tracee> stood = List.of();

    private volatile Map<Long, List<CoreNote>> notes = Map.of();
    /** Made the copy; null before. */
    private ThreadCall maker;

    /** Whether the tracer thread stays, since it has a copy. */
    private volatile boolean keeps;

    private volatile long forgettingNanos;
    private final RegisterSet registers;
    private final MemorySegment status = Arena.ofAuto().allocate(JAVA_INT);
    private final SequencedMap<Integer, Tracee> tracees = new LinkedHashMap<>();
    /** Whether a thread has made another one since this was last asked. */
    private boolean made;

    private volatile int tracerThread;
    /** When the first thread was told to stop, a moment of {@link System#nanoTime()}. */
    private volatile long since;
    /** When the last one was let go. */
    private volatile long until;

    private volatile RuntimeException failure;
    private volatile Error error;
    private volatile List<StoppedThread> threads = List.of();
    /** What is asked for; null if nothing is. Guarded by {@link #asking}. */
    private Request<?> asked;
    /** Whether nobody answers any more. Guarded by {@link #asking}. */
    private boolean over;

    private final Object asking = new Object();

    private enum State {
        /** Seized, and perhaps interrupted. */
        RUNNING,
        STOPPED,
        /** The kernel lets go of it when the tracer thread ends. */
        LEFT,
        /** Not ours: it has ended, or is about to, or was detached. */
        ENDED
    }

    /**
     * A thread that stands still.
     *
     * @param tid its id
     * @param name its name
     * @param registers its registers
     */
    record StoppedThread(long tid, String name, Optional<Registers> registers) {}

    private static final class Tracee {
        private final int tid;
        private State state = State.RUNNING;
        private boolean interrupted;
        /** Whether job control has stopped it, so that it must not go on. */
        private boolean held;
        /** Whether it stands still, and it is not known yet that its call is restarted. */
        private boolean owed;

        private long interruptedAt;
        private Optional<Registers> registers = Optional.empty();
        /** Empty before it is known. */
        private Optional<String> name = Optional.empty();

        private Tracee(int tid) {
            this.tid = tid;
        }
    }

    /**
     * What the tracer thread is asked to do.
     *
     * @param <T> what it answers
     */
    private static final class Request<T> {
        private final Supplier<T> work;
        /** Whether the process is let go if it fails. */
        private final boolean fatal;

        private final CountDownLatch done = new CountDownLatch(1);
        private Optional<T> answer = Optional.empty();
        private RuntimeException failure;
        private Error error;

        private Request(Supplier<T> work, boolean fatal) {
            this.work = work;
            this.fatal = fatal;
        }

        private void run() {
            answer = Optional.of(work.get());
        }
    }

    private Tracer(Libc libc, LiveProcess process, Optional<Consumer<Tracer>> atOnce) {
        this.atOnce = atOnce;
        this.libc = libc;
        this.process = process;
        this.registers = new RegisterSet(libc);
        this.thread = new Thread(this::run, "heapwalk-tracer-" + process.pid());
        this.thread.setDaemon(true);
        this.atShutdown = new Thread(this::shutDown, "heapwalk-release-" + process.pid());
    }

    /**
     * Stops a process.
     *
     * @param libc the C library
     * @param process the process
     * @return its tracer; the process stands still until {@link #close()}
     * @throws TargetException if that is not possible; then it runs on
     */
    static Tracer stop(Libc libc, LiveProcess process) {
        return started(new Tracer(libc, process, Optional.empty()));
    }

    /**
     * Stops a process, has it fork a copy as {@link #fork(ThreadCall, RegisterNotes, Mappings, List)} does, and lets it go.
     *
     * @param libc the C library
     * @param process the process
     * @param call makes the call
     * @param reader reads the registers that a core has besides
     * @param mappings of the process
     * @param dead dead copies that were left, by their ids inside
     * @return its tracer, with the {@link #copy}; the process runs on
     * @throws TargetException if that is not possible; then it runs on, too
     */
    static Tracer fork(
            Libc libc, LiveProcess process, ThreadCall call, RegisterNotes reader, Mappings mappings, List<Long> dead) {
        return started(new Tracer(libc, process, Optional.of(tracer -> tracer.forked(call, reader, mappings, dead))));
    }

    private static Tracer started(Tracer tracer) {
        try {
            Runtime.getRuntime().addShutdownHook(tracer.atShutdown);
        } catch (IllegalStateException e) {
            throw new TargetException(
                    TargetException.Reason.SHUTDOWN,
                    "this JVM is shutting down: " + tracer.process.description() + " is not stopped",
                    e);
        }
        tracer.thread.start();
        await(tracer.atOnce.isPresent() ? tracer.released : tracer.stopped);
        if (tracer.failure != null || tracer.error != null) {
            tracer.close();
            if (tracer.error != null) {
                throw withStackOfCaller(tracer.error);
            }
            throw withStackOfCaller(tracer.failure);
        }
        return tracer;
    }

    /** Puts the frames of this thread, which waited, below those of the tracer thread, which worked for it. */
    private static <T extends Throwable> T withStackOfCaller(T thrown) {
        StackTraceElement[] there = thrown.getStackTrace();
        StackTraceElement[] here = new Throwable().getStackTrace();
        StackTraceElement[] all = Arrays.copyOf(there, there.length + here.length - 1);
        // Without this method.
        System.arraycopy(here, 1, all, there.length, here.length - 1);
        thrown.setStackTrace(all);
        return thrown;
    }

    /** When the first thread was told to stop, a moment of {@link System#nanoTime()}. */
    long since() {
        return since;
    }

    /** For how long the process stood still that was let go again. */
    Duration standstill() {
        return Duration.ofNanos(until - since);
    }

    /** The copy that was made at once. */
    ForkedProcess copy() {
        return copy.orElseThrow();
    }

    /** The registers of each thread when a copy was made that {@link #threads()} does not tell, as a core has them. */
    Map<Long, List<CoreNote>> notes() {
        return notes;
    }

    /** The threads that were stopped. */
    List<StoppedThread> threads() {
        return threads;
    }

    /**
     * Lets threads that are in the middle of something go on for some microseconds, and stops them again, until none of
     * them is. The others stand still all the while.
     *
     * @param busy which threads have to go on, by what is known of all of them; called by the tracer thread after each
     *     stop
     * @return whether none had to at last; if not, it took too long, or the process was let go meanwhile
     * @throws TargetException if a thread could not be stopped again; then the process runs on
     */
    boolean settle(Function<List<StoppedThread>, Set<Long>> busy) {
        return ask(() -> settled(busy), true).orElse(false);
    }

    /**
     * Has one of the stopped threads make a copy of the process, which stands still from its first moment on. It is
     * killed when {@link #endCopy} is called, or by the kernel when this JVM dies. The process is put back as it was,
     * and goes on when it is let go.
     *
     * @param call makes the thread's call
     * @param reader reads the registers that a core has besides
     * @param mappings of the process
     * @param dead dead copies that were left, by their ids inside; the process is made to forget them
     * @return the copy
     * @throws TargetException with {@link TargetException.Reason#NOT_FORKED} if there is none; then the process stands
     *     still as before
     */
    ForkedProcess fork(ThreadCall call, RegisterNotes reader, Mappings mappings, List<Long> dead) {
        return ask(() -> forked(call, reader, mappings, dead), false)
                .orElseThrow(() -> new TargetException(
                        TargetException.Reason.NOT_FORKED, process.description() + " was let go before it was copied"));
    }

    /**
     * Kills the copy, and has the process forget it, for which one thread of it is stopped for a moment. To be called
     * when the process was let go. A second call does nothing.
     */
    void endCopy() {
        kill();
        forgetShutdown();
    }

    private void kill() {
        try {
            ask(this::endedCopy, false);
        } catch (TargetException e) {
            // It is dead, and the next copy's maker has the process forget it.
        } finally {
            ending.countDown();
            synchronized (asking) {
                asking.notifyAll();
            }
            uninterrupted(thread::join);
        }
    }

    /** For how long a thread was stopped to have the process forget the copy, in nanoseconds. */
    long forgettingNanos() {
        return forgettingNanos;
    }

    /** Has the tracer thread do something. Returns nothing if nobody answers any more. */
    private <T> Optional<T> ask(Supplier<T> work, boolean fatal) {
        Request<T> mine = new Request<>(work, fatal);
        synchronized (asking) {
            if (over) {
                return Optional.empty();
            }
            if (asked != null) {
                throw new IllegalStateException(process.description() + " is worked at by another thread already");
            }
            asked = mine;
            asking.notifyAll();
        }
        await(mine.done);
        if (mine.error != null) {
            throw withStackOfCaller(mine.error);
        }
        if (mine.failure != null) {
            throw withStackOfCaller(mine.failure);
        }
        return mine.answer;
    }

    /** Lets the process go on. A second call does nothing. A copy stays. */
    void close() {
        release();
        if (!keeps) {
            forgetShutdown();
        }
    }

    private void shutDown() {
        release();
        if (keeps) {
            kill();
        }
    }

    private void forgetShutdown() {
        try {
            Runtime.getRuntime().removeShutdownHook(atShutdown);
        } catch (IllegalStateException e) {
            // The JVM is shutting down, and the hook runs or has run.
        }
    }

    private void release() {
        wanted.countDown();
        synchronized (asking) {
            asking.notifyAll();
        }
        uninterrupted(() -> {
            released.await();
            if (!keeps) {
                thread.join();
                awaitKernel();
            }
        });
    }

    /**
     * Waits until the kernel has let go: it does so when the tracer thread has ended there too, a little later than in
     * Java.
     */
    private void awaitKernel() {
        if (tracees.values().stream().noneMatch(tracee -> tracee.state == State.LEFT)) {
            return;
        }
        var task = process.proc().thread(ProcessHandle.current().pid(), tracerThread);
        long begin = System.nanoTime();
        long pause = SHORTEST_PAUSE_NANOS;
        while (Files.exists(task) && System.nanoTime() - begin < THREAD_END_NANOS) {
            LockSupport.parkNanos(pause);
            pause = Math.min(2 * pause, LONGEST_PAUSE_NANOS);
        }
    }

    private static void await(CountDownLatch latch) {
        uninterrupted(latch::await);
    }

    /** What waits for something. */
    @FunctionalInterface
    private interface Wait {
        void end() throws InterruptedException;
    }

    /** Waits to the end also where this thread is interrupted, which is passed on then. */
    private static void uninterrupted(Wait wait) {
        boolean interrupted = false;
        while (true) {
            try {
                wait.end();
                break;
            } catch (InterruptedException e) {
                interrupted = true;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    private void run() {
        try {
            tracerThread = libc.gettid();
            rehearse();
            since = System.nanoTime();
            stopAll();
            // No lambda expressions from here on, whose code would be made while the process stands still.
            if (atOnce.isPresent()) {
                // Their names can wait.
                stood = standing();
                atOnce.get().accept(this);
            } else {
                threads = states();
                stopped.countDown();
                answer(wanted);
            }
        } catch (RuntimeException e) {
            failure = e;
        } catch (Error e) {
            error = e;
        } finally {
            try {
                letGo();
            } finally {
                until = System.nanoTime();
                stopped.countDown();
                try {
                    holdCopy();
                } finally {
                    released.countDown();
                    try {
                        keepCopy();
                    } finally {
                        nobodyAnswers();
                    }
                }
            }
        }
    }

    /** Sees to it that the copy ends with this thread. Until then it would end by itself if it was let go. */
    private void holdCopy() {
        if (copy.isPresent()) {
            tracees.clear();
            try {
                if (atOnce.isPresent()) {
                    threads = states(stood);
                }
                copy.get().hold(maker);
            } catch (RuntimeException e) {
                copy = Optional.empty();
                keeps = false;
                failure = failure == null ? e : failure;
            }
        }
    }

    /** Holds the copy, which belongs to this thread, until it is to end. */
    private void keepCopy() {
        if (keeps) {
            answer(ending);
        }
    }

    /** Does what is asked for, until something is wanted. */
    private void answer(CountDownLatch until) {
        boolean interrupted = false;
        while (until.getCount() > 0) {
            Request<?> now = null;
            synchronized (asking) {
                if (asked == null && until.getCount() > 0) {
                    try {
                        asking.wait();
                    } catch (InterruptedException e) {
                        interrupted = true;
                    }
                }
                now = asked;
            }
            if (now != null) {
                answer(now);
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    private void answer(Request<?> now) {
        boolean good = !now.fatal;
        try {
            now.run();
            good = true;
        } catch (RuntimeException e) {
            now.failure = e;
            if (now.fatal) {
                throw e;
            }
        } catch (Error e) {
            now.error = e;
            throw e;
        } finally {
            if (good) {
                answered();
            }
        }
    }

    private void answered() {
        synchronized (asking) {
            asked.done.countDown();
            asked = null;
        }
    }

    /** Whoever waits is told; of a failure when all threads have been let go. */
    private void nobodyAnswers() {
        synchronized (asking) {
            over = true;
            if (asked != null) {
                asked.done.countDown();
                asked = null;
            }
        }
    }

    private ForkedProcess forked(ThreadCall call, RegisterNotes reader, Mappings mappings, List<Long> dead) {
        String why = "none of its threads stands still";
        // The first thread's stack is known best.
        for (int turn = 0; turn < 2; turn++) {
            for (Tracee each : tracees.values()) {
                if (each.state == State.STOPPED && (each.tid == process.pid()) == (turn == 0)) {
                    Optional<String> refusal = call.refusal(each.tid, mappings);
                    if (refusal.isEmpty()) {
                        // Before the call changes those of this thread.
                        readNotes(reader);
                        return forkedBy(each.tid, call, mappings, dead);
                    }
                    why = "thread " + each.tid + ": " + refusal.get();
                }
            }
        }
        throw new TargetException(
                TargetException.Reason.NOT_FORKED,
                "no thread of %s can be made to fork a copy: %s".formatted(process.description(), why));
    }

    private void readNotes(RegisterNotes reader) {
        notes = new HashMap<>();
        for (Tracee each : tracees.values()) {
            if (each.state == State.STOPPED) {
                notes.put((long) each.tid, reader.of(each.tid));
            }
        }
    }

    private ForkedProcess forkedBy(int tid, ThreadCall call, Mappings mappings, List<Long> dead) {
        for (long pid : dead) {
            ForkedProcess.forget(call, tid, pid);
            call.refusal(tid, mappings);
        }
        ForkedProcess made = ForkedProcess.of(libc, process, call, tid);
        copy = Optional.of(made);
        maker = call;
        keeps = true;
        return made;
    }

    private boolean endedCopy() {
        ForkedProcess forked = copy.orElseThrow();
        copy = Optional.empty();
        forked.kill();
        process.checkSame();
        Mappings mappings = process.mappings(() -> {});
        List<Long> tids = process.threads();
        // One to which no signals are sent that the process ignores, if there is one.
        int tries = 0;
        for (long tid : tids.reversed()) {
            boolean last = tid == tids.getFirst();
            if (last || tries < MOST_FORGETTERS && !isAddressee((int) tid)) {
                tries++;
                if (forgets(forked, (int) tid, mappings)) {
                    return true;
                }
            }
        }
        return false;
    }

    /** Whether a thread, which is stopped for that, could be made to forget the copy. */
    private boolean forgets(ForkedProcess forked, int tid, Mappings mappings) {
        if (!seize(tid)) {
            return false;
        }
        Tracee tracee = tracees.get(tid);
        long begin = System.nanoTime();
        try {
            interrupt(tracee);
            awaitStop(tracee);
            return tracee.state == State.STOPPED
                    && maker.refusal(tid, mappings).isEmpty()
                    && ForkedProcess.forget(maker, tid, forked.pidInside()) == forked.pidInside();
        } finally {
            settle(tracee);
            detach(tracee);
            forgettingNanos += System.nanoTime() - begin;
        }
    }

    private boolean settled(Function<List<StoppedThread>, Set<Long>> busy) {
        long going = 0;
        long waiting = 0;
        long go = SHORTEST_GO_NANOS;
        for (int goes = 0; ; goes++) {
            Set<Long> tids = busy.apply(threads);
            if (tids.isEmpty()) {
                return true;
            }
            List<Tracee> able = new ArrayList<>();
            for (Tracee tracee : tracees.values()) {
                if (tracee.state == State.STOPPED && !tracee.held && tids.contains((long) tracee.tid)) {
                    able.add(tracee);
                }
            }
            if (able.isEmpty()
                    || goes == MOST_GOES
                    || going >= MOST_GOING_NANOS
                    || waiting >= MOST_WAITING_NANOS
                    || wanted.getCount() == 0) {
                return false;
            }
            // One at a time: a signal that the process ignores may wake one thread and be taken by another. In turn,
            // since one may wait for another.
            Tracee one = able.get(goes % able.size());
            Optional<LongBuffer> was = general(one);
            long begin = System.nanoTime();
            made = false;
            goOn(one);
            if (go == SHORTEST_GO_NANOS) {
                while (System.nanoTime() - begin < go) {
                    Thread.onSpinWait();
                }
            } else {
                // It may need this processor.
                LockSupport.parkNanos(go);
            }
            stopSeized();
            // It has new threads, or another program, where one has made a thread or is gone.
            if (made || one.state != State.STOPPED) {
                stopAll();
            }
            long took = System.nanoTime() - begin;
            threads = states();
            if (general(one).equals(was)) {
                waiting += took;
                go = Math.min(2 * go, LONGEST_GO_NANOS);
            } else {
                // The rest it waited for a processor, as it will again: with the shortest time it would hardly move.
                long ran = Math.min(took, go);
                going += ran;
                waiting += took - ran;
                go = Math.max(go / 2, SHORTEST_GO_NANOS);
            }
        }
    }

    private static Optional<LongBuffer> general(Tracee tracee) {
        return tracee.registers.map(registers -> LongBuffer.wrap(registers.general()));
    }

    private void goOn(Tracee tracee) {
        long result = libc.ptrace(Libc.PTRACE_CONT, tracee.tid, 0, 0);
        if (result != 0 && result != -Errno.ESRCH) {
            throw failed("PTRACE_CONT", result, tracee.tid);
        }
        // Killed while it stood still, it reports its end next.
        tracee.state = State.RUNNING;
        tracee.interrupted = false;
    }

    /**
     * Does what is done at a stop once on a thread that can't be traced, this one: a JVM loads and links code when it
     * first runs, which takes far longer than the code itself, and at a stop there is no time to lose.
     */
    private void rehearse() {
        libc.waitpid(tracerThread, status, Libc.WALL | Libc.WNOHANG);
        status.get(JAVA_INT, 0);
        registers.rehearse(tracerThread);
        // Of no thread yet.
        states();
        letGo();
    }

    private void stopAll() {
        List<Long> before = List.of();
        for (int look = 0; look < MOST_LOOKS; look++) {
            List<Long> now = process.proc().threads(process.pid());
            // The kernel's list may skip a thread while another one of it ends: only an unchanged list is whole.
            boolean whole = !stopNew(now) && now.equals(before);
            before = now;
            // What the addressees make before they are seized is seen at the next look, what they make then is born
            // seized.
            if (whole && !seizeAddressees(now) && !stopSeized()) {
                if (tracees.values().stream().noneMatch(tracee -> tracee.state == State.STOPPED)) {
                    throw new NoSuchProcessException(process.description() + " ended while it was being stopped");
                }
                return;
            }
        }
        throw new UnsupportedTargetException(
                TargetException.Reason.NOT_STOPPED,
                "%s makes threads faster than they can be stopped; nothing stays stopped; read without stopping"
                        .formatted(process.description()));
    }

    /**
     * Stops the threads that have appeared since the last look, but not the addressees of signals, one after the other:
     * between the moment when a call is interrupted and the one when it is told to restart, the death of this JVM
     * would show the thread an EINTR, and so that moment is short, and is that of one thread at a time. Returns whether
     * there were any.
     */
    private boolean stopNew(List<Long> tids) {
        boolean any = false;
        for (long each : tids) {
            int tid = (int) each;
            if (isNew(tid) && !isAddressee(tid) && seize(tid)) {
                Tracee tracee = tracees.get(tid);
                stop(tracee);
                if (isAddressee(tid)) {
                    // It has forked just now: later then.
                    detach(tracee);
                }
                any = true;
            }
        }
        return any;
    }

    /** Seizes what is left, the first thread last; returns whether there was anything. */
    private boolean seizeAddressees(List<Long> tids) {
        boolean any = false;
        for (long tid : tids.reversed()) {
            any |= isNew((int) tid) && seize((int) tid);
        }
        return any;
    }

    private boolean stopSeized() {
        boolean any = false;
        for (Tracee tracee : tracees.values()) {
            if (tracee.state == State.RUNNING) {
                stop(tracee);
                any = true;
            }
        }
        return any;
    }

    /** Whether it is to be seized. One that was ours and lives is a new thread with the same id, or was detached. */
    private boolean isNew(int tid) {
        Tracee known = tracees.get(tid);
        return known == null || known.state == State.ENDED && !ended(tid);
    }

    /** Whether signals to the whole process are sent to this thread. */
    private boolean isAddressee(int tid) {
        return tid == process.pid() || process.proc().hasChildren(process.pid(), tid);
    }

    private void stop(Tracee tracee) {
        if (wanted.getCount() == 0) {
            throw new TargetException(
                    TargetException.Reason.SHUTDOWN, process.description() + " is let go: this JVM is shutting down");
        }
        interrupt(tracee);
        awaitStop(tracee);
    }

    private boolean seize(int tid) {
        long result = libc.ptrace(Libc.PTRACE_SEIZE, tid, 0, Libc.PTRACE_O_TRACECLONE);
        switch ((int) -result) {
            case 0 -> {
                // It is ours.
            }
            case Errno.ESRCH -> {
                return false;
            }
            case Errno.EPERM, Errno.EACCES -> {
                if (!explainRefusal(tid)) {
                    return false;
                }
            }
            default -> throw failed("PTRACE_SEIZE", result, tid);
        }
        // To the end, also in place of one that ended: the kernel lets them go in the opposite order.
        tracees.remove(tid);
        tracees.put(tid, new Tracee(tid));
        return true;
    }

    private void interrupt(Tracee tracee) {
        long result = libc.ptrace(Libc.PTRACE_INTERRUPT, tracee.tid, 0, 0);
        switch ((int) -result) {
            case 0 -> {
                tracee.interrupted = true;
                tracee.interruptedAt = System.nanoTime();
            }
            // The kernel says EIO of a thread that is just ending.
            case Errno.ESRCH, Errno.EIO -> tracee.state = State.ENDED;
            default -> throw failed("PTRACE_INTERRUPT", result, tracee.tid);
        }
    }

    /** Returns whether the thread is ours already, or false if it has ended; throws if the refusal is meant. */
    private boolean explainRefusal(int tid) {
        ProcFs.Status now;
        try {
            now = process.proc().status(process.pid(), tid);
        } catch (NoSuchProcessException e) {
            return false;
        }
        if (now.ended()) {
            return false;
        }
        // It was born seized, or called execve, which gives it the id of the first thread.
        if (now.tracer() == tracerThread) {
            return true;
        }
        if (now.tracer() != 0
                && Files.exists(process.proc().thread(ProcessHandle.current().pid(), now.tracer()))) {
            throw new PermissionDeniedException(
                    TargetException.Reason.TRACED_BY_THIS_JVM,
                    process.description()
                            + " is held by this JVM already, by another target that is open: close that one first,"
                            + " or read without stopping");
        }
        if (now.tracer() != 0) {
            throw new PermissionDeniedException(TargetException.Reason.TRACED_BY_ANOTHER, traced(now.tracer()));
        }
        throw new PermissionDeniedException(process.proc().refused(process.pid(), "stop process " + process.pid()));
    }

    private String traced(long tracer) {
        String name;
        try {
            name = process.proc().status(tracer).name();
        } catch (TargetException e) {
            name = "of another pid namespace";
        }
        return "%s is traced by process %d (%s), and a process has one tracer: end that one first, or read without stopping"
                .formatted(process.description(), tracer, Text.printable(name));
    }

    private ErrnoException failed(String call, long result, int tid) {
        int errno = (int) -result;
        return new ErrnoException(
                call, errno, Errno.name(errno), "thread %d of %s".formatted(tid, process.description()));
    }

    /**
     * Waits until an interrupted thread stands still. Nothing but time ends this early, not even the end of this JVM:
     * the call that the thread was in has been interrupted, and must be told to restart.
     */
    private void awaitStop(Tracee tracee) {
        long pause = SHORTEST_PAUSE_NANOS;
        long begin = System.nanoTime();
        long spinUntil = begin + SPIN_NANOS;
        long alertUntil = begin + ALERT_NANOS;
        long look = begin + LOOK_NANOS;
        while (tracee.state == State.RUNNING) {
            int result = libc.waitpid(tracee.tid, status, Libc.WALL | Libc.WNOHANG);
            if (result == tracee.tid) {
                reported(tracee, status.get(JAVA_INT, 0));
                continue;
            }
            if (result == -Errno.EINTR) {
                continue;
            }
            if (result == -Errno.ECHILD) {
                // It ended and its entry is gone, or execve in another thread took its id away.
                tracee.state = State.ENDED;
                continue;
            }
            if (result != 0) {
                throw failed("waitpid", result, tracee.tid);
            }
            long now = System.nanoTime();
            if (now >= look) {
                // The end of the first thread is not reported before all others have ended.
                if (ended(tracee.tid)) {
                    tracee.state = State.ENDED;
                    continue;
                }
                look = now + LOOK_NANOS;
            }
            long waited = now - tracee.interruptedAt;
            if (waited >= PATIENCE_NANOS && !(waited < BUSY_PATIENCE_NANOS && runnable(tracee.tid))) {
                throw new UnsupportedTargetException(TargetException.Reason.NOT_STOPPED, stuck(tracee.tid, waited));
            }
            if (now < spinUntil) {
                // Not yield, which would let everybody else go first just when the thread has stopped.
                Thread.onSpinWait();
                continue;
            }
            LockSupport.parkNanos(pause);
            if (now >= alertUntil) {
                pause = Math.min(2 * pause, LONGEST_PAUSE_NANOS);
            }
        }
    }

    private boolean ended(int tid) {
        try {
            return process.proc().status(process.pid(), tid).ended();
        } catch (NoSuchProcessException e) {
            return true;
        }
    }

    private boolean runnable(int tid) {
        try {
            return process.proc().status(process.pid(), tid).state() == 'R';
        } catch (TargetException e) {
            return false;
        }
    }

    private void reported(Tracee tracee, int report) {
        boolean stop = (report & 0xff) == 0x7f;
        if (!stop) {
            tracee.state = State.ENDED;
            return;
        }
        int event = report >> 16;
        int signal = report >> 8 & 0xff;
        made |= event != 0 && event != EVENT_STOP;
        if (event == EVENT_STOP) {
            // Our own stop, or a stop of job control, which the kernel goes on with once the thread is let go.
            atStop(tracee, signal == SIGTRAP);
            return;
        }
        // A signal on its way to the thread, which it shall have, as it was sent; or the thread has just made another
        // one. The kernel takes any stop for the one that was asked for, so ask again: else the thread would stand
        // still no more.
        long result = libc.ptrace(Libc.PTRACE_INTERRUPT, tracee.tid, 0, 0);
        if (result == 0) {
            result = libc.ptrace(Libc.PTRACE_CONT, tracee.tid, 0, event == 0 ? signal : 0);
        }
        // Killed while it stood still, it reports its end next.
        if (result != 0 && result != -Errno.ESRCH && result != -Errno.EIO) {
            throw failed("PTRACE_CONT", result, tracee.tid);
        }
    }

    private void atStop(Tracee tracee, boolean byUs) {
        String call = "PTRACE_GETREGSET";
        long result = registers.load(tracee.tid);
        if (result == 0 && byUs && registers.interruptedCall()) {
            // At once: should this JVM be killed now, the thread must not see an EINTR.
            call = "PTRACE_POKEUSER";
            result = registers.restart(tracee.tid);
        }
        if (result == -Errno.ESRCH) {
            // Killed while it stood still.
            tracee.state = State.ENDED;
            return;
        }
        tracee.state = State.STOPPED;
        tracee.held = !byUs;
        if (result != 0) {
            tracee.owed = byUs;
            throw failed(call, result, tracee.tid);
        }
        tracee.registers = Optional.of(registers.registers(tracee.tid));
    }

    private String stuck(int tid, long waited) {
        ProcFs proc = process.proc();
        int pid = process.pid();
        String state;
        try {
            state = String.valueOf(proc.status(pid, tid).state());
        } catch (TargetException e) {
            state = "unknown";
        }
        return ("thread %d (%s) of %s could not be stopped within %d ms: state %s, kernel function %s, system call %s; "
                        + "nothing stays stopped; try again later, or read without stopping")
                .formatted(
                        tid,
                        Text.printable(process.threadName(tid)),
                        process.description(),
                        TimeUnit.NANOSECONDS.toMillis(
                                waited < BUSY_PATIENCE_NANOS ? PATIENCE_NANOS : BUSY_PATIENCE_NANOS),
                        state,
                        proc.says(pid, tid, "wchan")
                                .filter(text -> !text.isEmpty())
                                .orElse("unknown"),
                        proc.says(pid, tid, "syscall")
                                .map(text -> text.split(" ")[0])
                                .filter(text -> !text.isEmpty())
                                .orElse("unknown"));
    }

    private List<StoppedThread> states() {
        return states(standing());
    }

    private List<Tracee> standing() {
        List<Tracee> list = new ArrayList<>();
        for (Tracee tracee : tracees.values()) {
            if (tracee.state == State.STOPPED) {
                list.add(tracee);
            }
        }
        return list;
    }

    /** What is known of threads that stand still, or did. */
    private List<StoppedThread> states(List<Tracee> standing) {
        List<StoppedThread> list = new ArrayList<>();
        for (Tracee tracee : standing) {
            if (tracee.name.isEmpty()) {
                tracee.name = Optional.of(process.threadName(tracee.tid));
            }
            list.add(new StoppedThread(tracee.tid, tracee.name.get(), tracee.registers));
        }
        // The first thread first. Comparators that are put together load code, for which there is no time here.
        list.sort((one, other) -> one.tid() == process.pid()
                ? -1
                : other.tid() == process.pid() ? 1 : Long.compare(one.tid(), other.tid()));
        return List.copyOf(list);
    }

    /**
     * Lets every thread go on. The end of this thread does it, in one step, unless one of them has not come to rest:
     * then the others don't wait for it.
     */
    private void letGo() {
        for (Tracee tracee : tracees.values()) {
            settle(tracee);
        }
        List<Tracee> late = new ArrayList<>();
        for (Tracee tracee : tracees.values()) {
            if (tracee.state == State.RUNNING && tracee.interrupted) {
                late.add(tracee);
            }
        }
        if (!late.isEmpty() || keeps) {
            for (Tracee tracee : tracees.sequencedValues().reversed()) {
                detach(tracee);
            }
            for (Tracee tracee : late) {
                lastChance(tracee);
            }
        }
        for (Tracee tracee : tracees.values()) {
            if (tracee.state != State.ENDED) {
                tracee.state = State.LEFT;
            }
        }
    }

    /**
     * Gives a thread that was interrupted, but not seen to stop, some more time to do so: let go before that, it might
     * see an EINTR.
     */
    private void lastChance(Tracee tracee) {
        tracee.interruptedAt = System.nanoTime();
        try {
            awaitStop(tracee);
        } catch (RuntimeException e) {
            // What is to be told is why there had to be a last chance.
        }
        settle(tracee);
    }

    private void settle(Tracee tracee) {
        if (tracee.owed && registers.load(tracee.tid) == 0 && registers.interruptedCall()) {
            registers.restart(tracee.tid);
        }
        tracee.owed = false;
    }

    private void detach(Tracee tracee) {
        if (tracee.state == State.STOPPED) {
            // ESRCH: it was killed. Whatever else goes wrong here, the end of this thread lets it go.
            long result = libc.ptrace(Libc.PTRACE_DETACH, tracee.tid, 0, 0);
            if (result == 0 || result == -Errno.ESRCH) {
                tracee.state = State.ENDED;
            }
        }
    }
}
