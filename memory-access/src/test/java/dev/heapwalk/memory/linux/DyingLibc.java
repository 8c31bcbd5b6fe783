// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory.linux;

import java.lang.foreign.MemorySegment;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * The real C library of a process that is killed right behind one of its calls, the one of a number, that could change
 * another process. Calls by which a thread only has its code loaded do not count.
 */
final class DyingLibc implements Libc {
    private final Libc real = FfmLibc.open();
    private final int last;
    private final AtomicInteger count = new AtomicInteger();

    /**
     * Makes one.
     *
     * @param last the number of the last call, from 1 on; 0 for one that lives
     */
    DyingLibc(int last) {
        this.last = last;
    }

    /** How many calls have been made. */
    int calls() {
        return count.get();
    }

    private void counted(int tid) {
        if (tid != real.gettid() && count.incrementAndGet() == last) {
            real.kill((int) ProcessHandle.current().pid(), SIGKILL);
        }
    }

    @Override
    public long ptrace(int request, int tid, long address, long data) {
        long result = real.ptrace(request, tid, address, data);
        counted(tid);
        return result;
    }

    @Override
    public int waitpid(int tid, MemorySegment status, int options) {
        int got = real.waitpid(tid, status, options);
        // How often it is asked in vain depends on the moment.
        if (got != 0) {
            counted(tid);
        }
        return got;
    }

    @Override
    public long processVmReadv(int tid, MemorySegment local, long localCount, MemorySegment remote, long remoteCount) {
        return real.processVmReadv(tid, local, localCount, remote, remoteCount);
    }

    @Override
    public long processVmWritev(int tid, MemorySegment local, long localCount, MemorySegment remote, long remoteCount) {
        long written = real.processVmWritev(tid, local, localCount, remote, remoteCount);
        counted(tid);
        return written;
    }

    @Override
    public int kill(int pid, int signal) {
        int result = real.kill(pid, signal);
        counted(pid);
        return result;
    }

    @Override
    public int open(String path, int flags) {
        return real.open(path, flags);
    }

    @Override
    public long pread(int fd, MemorySegment buffer, long length, long offset) {
        return real.pread(fd, buffer, length, offset);
    }

    @Override
    public long ioctl(int fd, long request, MemorySegment argument) {
        return real.ioctl(fd, request, argument);
    }

    @Override
    public int close(int fd) {
        return real.close(fd);
    }

    @Override
    public int gettid() {
        return real.gettid();
    }
}
