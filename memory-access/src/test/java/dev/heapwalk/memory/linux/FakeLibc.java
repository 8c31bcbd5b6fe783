// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory.linux;

import java.lang.foreign.MemorySegment;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;

/** The real C library, with failures put in its way. */
final class FakeLibc implements Libc {
    private final Libc real = FfmLibc.open();
    private final Map<String, Integer> always = new ConcurrentHashMap<>();
    private final Map<String, Deque<Integer>> next = new ConcurrentHashMap<>();
    private final Map<String, AtomicInteger> calls = new ConcurrentHashMap<>();
    private final AtomicLong bytes = new AtomicLong();
    private volatile long longest = Long.MAX_VALUE;
    private volatile long late;
    private volatile Runnable atFirstWait = () -> {};
    private volatile long firstWait;
    private volatile Runnable beforePtrace = () -> {};
    private volatile Consumer<String> beforeEach = _ -> {};
    private volatile String refused = "";

    /** Lets each call of a function fail. */
    FakeLibc always(String function, int errno) {
        always.put(function, errno);
        return this;
    }

    /** Lets the next calls of a function fail, each with one of the errors; 0 is a call that works. */
    FakeLibc next(String function, int... errnos) {
        Deque<Integer> queue = next.computeIfAbsent(function, name -> new ArrayDeque<>());
        synchronized (queue) {
            for (int errno : errnos) {
                queue.add(errno);
            }
        }
        return this;
    }

    /** Lets reads give no more than some bytes at once. */
    FakeLibc shortReads(long most) {
        longest = most;
        return this;
    }

    /** Lets {@code waitpid} see nothing for some time from its first call on, at which something else is done too. */
    FakeLibc lateStop(long milliseconds, Runnable atFirstWait) {
        late = milliseconds * 1_000_000;
        this.atFirstWait = atFirstWait;
        return this;
    }

    /** Has something else done before each call of {@code ptrace}. */
    FakeLibc beforePtrace(Runnable what) {
        beforePtrace = what;
        return this;
    }

    /** Has something else done before each call of a function, the name of which it is told. */
    FakeLibc beforeEach(Consumer<String> what) {
        beforeEach = what;
        return this;
    }

    /** Lets nobody open a file with a part of its path. */
    FakeLibc refuse(String part) {
        refused = part;
        return this;
    }

    /** How often a function was called. */
    int calls(String function) {
        AtomicInteger count = calls.get(function);
        return count == null ? 0 : count.get();
    }

    /** How many bytes {@code process_vm_readv} has read. */
    long bytesRead() {
        return bytes.get();
    }

    private int failure(String function) {
        beforeEach.accept(function);
        calls.computeIfAbsent(function, name -> new AtomicInteger()).incrementAndGet();
        Deque<Integer> queue = next.get(function);
        if (queue != null) {
            synchronized (queue) {
                if (!queue.isEmpty()) {
                    return queue.remove();
                }
            }
        }
        return always.getOrDefault(function, 0);
    }

    /** Whether a call is only made to have its code loaded: by a thread on itself. */
    private boolean rehearsed(int tid) {
        return tid == real.gettid();
    }

    private static String name(int request) {
        return switch (request) {
            case PTRACE_CONT -> "PTRACE_CONT";
            case PTRACE_DETACH -> "PTRACE_DETACH";
            case PTRACE_POKEUSER -> "PTRACE_POKEUSER";
            case PTRACE_GETREGSET -> "PTRACE_GETREGSET";
            case PTRACE_SEIZE -> "PTRACE_SEIZE";
            case PTRACE_INTERRUPT -> "PTRACE_INTERRUPT";
            case PTRACE_SYSCALL -> "PTRACE_SYSCALL";
            case PTRACE_SETOPTIONS -> "PTRACE_SETOPTIONS";
            case PTRACE_GETEVENTMSG -> "PTRACE_GETEVENTMSG";
            case PTRACE_SETREGSET -> "PTRACE_SETREGSET";
            case PTRACE_GETSIGMASK -> "PTRACE_GETSIGMASK";
            case PTRACE_SETSIGMASK -> "PTRACE_SETSIGMASK";
            case PTRACE_SECCOMP_GET_FILTER -> "PTRACE_SECCOMP_GET_FILTER";
            case PTRACE_GET_RSEQ_CONFIGURATION -> "PTRACE_GET_RSEQ_CONFIGURATION";
            default -> throw new AssertionError("ptrace request " + request);
        };
    }

    @Override
    public long ptrace(int request, int tid, long address, long data) {
        if (rehearsed(tid)) {
            return real.ptrace(request, tid, address, data);
        }
        beforePtrace.run();
        int errno = failure(name(request));
        return errno != 0 ? -errno : real.ptrace(request, tid, address, data);
    }

    @Override
    public int waitpid(int tid, MemorySegment status, int options) {
        if (rehearsed(tid)) {
            return real.waitpid(tid, status, options);
        }
        if (calls("waitpid") == 0) {
            firstWait = System.nanoTime();
            atFirstWait.run();
        }
        int errno = failure("waitpid");
        if (errno == 0 && System.nanoTime() - firstWait < late) {
            return 0;
        }
        return errno != 0 ? -errno : real.waitpid(tid, status, options);
    }

    @Override
    public long processVmReadv(int tid, MemorySegment local, long localCount, MemorySegment remote, long remoteCount) {
        int errno = failure("process_vm_readv");
        if (errno != 0) {
            return -errno;
        }
        long wanted = local.get(java.lang.foreign.ValueLayout.JAVA_LONG, 8);
        local.set(java.lang.foreign.ValueLayout.JAVA_LONG, 8, Math.min(wanted, longest));
        try {
            long got = real.processVmReadv(tid, local, wanted > longest ? 1 : localCount, remote, remoteCount);
            bytes.addAndGet(Math.max(got, 0));
            return got;
        } finally {
            local.set(java.lang.foreign.ValueLayout.JAVA_LONG, 8, wanted);
        }
    }

    @Override
    public long processVmWritev(int tid, MemorySegment local, long localCount, MemorySegment remote, long remoteCount) {
        int errno = failure("process_vm_writev");
        return errno != 0 ? -errno : real.processVmWritev(tid, local, localCount, remote, remoteCount);
    }

    @Override
    public int kill(int pid, int signal) {
        int errno = failure("kill");
        return errno != 0 ? -errno : real.kill(pid, signal);
    }

    @Override
    public long ioctl(int fd, long request, MemorySegment argument) {
        int errno = failure("ioctl");
        return errno != 0 ? -errno : real.ioctl(fd, request, argument);
    }

    @Override
    public int open(String path, int flags) {
        int errno = refused.isEmpty() || !path.contains(refused) ? failure("open") : Errno.EPERM;
        return errno != 0 ? -errno : real.open(path, flags);
    }

    @Override
    public long pread(int fd, MemorySegment buffer, long length, long offset) {
        int errno = failure("pread");
        return errno != 0 ? -errno : real.pread(fd, buffer, Math.min(length, longest), offset);
    }

    @Override
    public int close(int fd) {
        int errno = failure("close");
        int result = real.close(fd);
        return errno != 0 ? -errno : result;
    }

    @Override
    public int gettid() {
        return real.gettid();
    }
}
