// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory.linux;

import java.lang.foreign.MemorySegment;

/**
 * The functions of the C library that are used, in C's shape. Every one returns what the C function returns, or the
 * negative error number where that returns -1, so that {@code errno} can't be lost between two calls. None retries.
 */
interface Libc {
    int O_RDONLY = 0;
    int O_CLOEXEC = 0x80000;
    /** Opens a place alone, which stays what it is. */
    int O_PATH = 0x200000;

    /** The most ranges in one {@link #processVmReadv}: {@code IOV_MAX}. */
    int IOV_MAX = 1024;

    /** For a {@code pagemap}: {@code _IOWR('f', 16, struct pm_scan_arg)}, since Linux 6.7. */
    long PAGEMAP_SCAN = 0xc0606610L;

    int WNOHANG = 1;
    /** Wait for every kind of child: without it, threads that were made by {@code clone} are not seen. */
    int WALL = 0x40000000;

    int SIGKILL = 9;

    int PTRACE_POKEUSER = 6;
    int PTRACE_CONT = 7;
    int PTRACE_DETACH = 17;
    /** As {@link #PTRACE_CONT}, up to where a system call begins or ends. */
    int PTRACE_SYSCALL = 24;

    int PTRACE_SETOPTIONS = 0x4200;
    int PTRACE_GETEVENTMSG = 0x4201;
    int PTRACE_GETREGSET = 0x4204;
    int PTRACE_SETREGSET = 0x4205;
    int PTRACE_SEIZE = 0x4206;
    int PTRACE_INTERRUPT = 0x4207;
    int PTRACE_GETSIGMASK = 0x420a;
    int PTRACE_SETSIGMASK = 0x420b;
    /** One of the programs that decide about a thread's system calls, since Linux 4.4. */
    int PTRACE_SECCOMP_GET_FILTER = 0x420c;
    /** Where a thread says that it must not be moved, since Linux 5.13. */
    int PTRACE_GET_RSEQ_CONFIGURATION = 0x420f;
    /**
     * For {@link #PTRACE_SEIZE}: what the thread makes by {@code clone} is seized too, from its first moment on. That
     * is a thread, or rarely a process whose end is told by another signal than SIGCHLD.
     */
    int PTRACE_O_TRACECLONE = 8;
    /** The tracee is killed when its tracer ends. */
    int PTRACE_O_EXITKILL = 1 << 20;

    /**
     * {@code ptrace(2)}; only requests that return a status, or what {@code PTRACE_SECCOMP_GET_FILTER} counts.
     *
     * @param request one of the constants
     * @param tid the thread
     * @param address what the request takes as its third argument
     * @param data what it takes as its fourth: a number, or the address of memory that the caller keeps alive
     * @return what the request returns, 0 of most, or the negative error number
     */
    long ptrace(int request, int tid, long address, long data);

    /**
     * {@code waitpid(2)}.
     *
     * @param tid the thread
     * @param status receives the status, an {@code int}
     * @param options {@link #WNOHANG}, {@link #WALL}
     * @return the thread, 0 if there is nothing to report, or the negative error number
     */
    int waitpid(int tid, MemorySegment status, int options);

    /**
     * {@code process_vm_readv(2)}.
     *
     * @param tid a thread of the process
     * @param local array of {@code struct iovec}
     * @param localCount how many
     * @param remote array of {@code struct iovec}
     * @param remoteCount how many
     * @return the bytes read, or the negative error number
     */
    long processVmReadv(int tid, MemorySegment local, long localCount, MemorySegment remote, long remoteCount);

    /**
     * {@code process_vm_writev(2)}.
     *
     * @param tid a thread of the process
     * @param local array of {@code struct iovec}
     * @param localCount how many
     * @param remote array of {@code struct iovec}
     * @param remoteCount how many
     * @return the bytes written, or the negative error number
     */
    long processVmWritev(int tid, MemorySegment local, long localCount, MemorySegment remote, long remoteCount);

    /**
     * {@code kill(2)}.
     *
     * @param pid the process
     * @param signal such as {@link #SIGKILL}
     * @return 0 or the negative error number
     */
    int kill(int pid, int signal);

    /**
     * {@code open(2)}.
     *
     * @param path the file
     * @param flags such as {@link #O_RDONLY}
     * @return the file descriptor, or the negative error number
     */
    int open(String path, int flags);

    /**
     * {@code pread(2)}.
     *
     * @param fd the file descriptor
     * @param buffer receives the bytes
     * @param length how many at most
     * @param offset where in the file
     * @return the bytes read, or the negative error number
     */
    long pread(int fd, MemorySegment buffer, long length, long offset);

    /**
     * {@code ioctl(2)} with a structure as its argument.
     *
     * @param fd the file descriptor
     * @param request such as {@link #PAGEMAP_SCAN}
     * @param argument the structure
     * @return what the call returns, or the negative error number
     */
    long ioctl(int fd, long request, MemorySegment argument);

    /**
     * {@code close(2)}.
     *
     * @param fd the file descriptor
     * @return 0 or the negative error number
     */
    int close(int fd);

    /**
     * {@code gettid(2)}: the kernel's id of the calling thread.
     *
     * @return the id
     */
    int gettid();
}
