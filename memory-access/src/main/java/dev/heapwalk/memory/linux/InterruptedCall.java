// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory.linux;

/**
 * System calls that a stop makes return EINTR to a program that has no signal to handle.
 *
 * <p>Most calls end with an internal code (ERESTARTSYS and its like) when they are interrupted, and the kernel begins
 * them anew by itself after a stop. These end with a plain EINTR, as signal(7) lists them under "never restarted":
 * without more ado the program would see it. Each of them gives EINTR only when it has done nothing yet, so it can
 * begin anew, with its whole timeout if it has one. The calls that it is not safe for, such as {@code close}, are not
 * here.
 */
final class InterruptedCall {
    /** {@code -EINTR} in the register that holds a call's result. */
    static final long EINTR = -Errno.EINTR;

    /**
     * The kernel's own code for "begin anew unless a handler runs now, else EINTR". Put in the place of EINTR it lets
     * the kernel decide when the thread goes on: a signal that comes during the stop still interrupts the call, and
     * nothing depends on this process being alive by then.
     */
    static final long ERESTARTNOHAND = -514;

    private InterruptedCall() {}

    /**
     * Whether a call may begin anew after it returned EINTR.
     *
     * @param number its number
     * @return whether it may, on x86-64
     */
    static boolean onX8664(long number) {
        return switch ((int) number) {
            // On sockets with SO_RCVTIMEO or SO_SNDTIMEO: read, write, readv, writev, sendfile, connect, accept,
            // sendto, recvfrom, sendmsg, recvmsg, splice, accept4, recvmmsg, sendmmsg.
            case 0, 1, 19, 20, 40, 42, 43, 44, 45, 46, 47, 275, 288, 299, 307 -> true;
            // semop, semtimedop
            case 65, 220 -> true;
            // rt_sigtimedwait
            case 128 -> true;
            // io_getevents, io_uring_enter
            case 208, 426 -> true;
            // epoll_wait, epoll_pwait, epoll_pwait2
            case 232, 281, 441 -> true;
            default -> false;
        };
    }

    /**
     * Whether a call may begin anew after it returned EINTR.
     *
     * @param number its number
     * @return whether it may, on 32-bit x86
     */
    static boolean onI386(long number) {
        return switch ((int) number) {
            // read, write, readv, writev, socketcall, sendfile, sendfile64, splice, recvmmsg, sendmmsg, connect,
            // accept4, sendto, sendmsg, recvfrom, recvmsg, recvmmsg_time64
            case 3, 4, 145, 146, 102, 187, 239, 313, 337, 345, 362, 364, 369, 370, 371, 372, 417 -> true;
            // ipc (of its calls only semop and semtimedop end in EINTR), semtimedop_time64
            case 117, 420 -> true;
            // rt_sigtimedwait, rt_sigtimedwait_time64
            case 177, 421 -> true;
            // io_getevents, io_uring_enter
            case 247, 426 -> true;
            // epoll_wait, epoll_pwait, epoll_pwait2
            case 256, 319, 441 -> true;
            default -> false;
        };
    }
}
