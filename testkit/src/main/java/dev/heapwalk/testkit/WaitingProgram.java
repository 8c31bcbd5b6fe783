// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.testkit;

import java.io.IOException;
import java.util.List;

/**
 * A program that waits again and again in one kind of system call, in its first thread, with known values in all
 * registers. It notices what somebody else does to that: registers that change, a call that ends too early or for no
 * reason, a signal that is lost, a child that it has not made. After {@code ready} it answers each line with {@code ok}
 * and how often it has waited, or with what was wrong. At the end of its input it ends.
 */
public final class WaitingProgram {
    /** The kinds of calls; with {@code none} it computes all the time. */
    public static final List<String> KINDS = List.of(
            "read", "futex", "poll", "nanosleep", "clock", "epoll", "accept", "sigtimedwait", "sigsuspend", "none");

    private WaitingProgram() {}

    /**
     * The command line of one, which is compiled if need be.
     *
     * @param kind one of {@link #KINDS}
     * @return the command line
     * @throws IOException if it can't be compiled
     */
    public static List<String> command(String kind) throws IOException {
        return List.of(CProgram.compile("waits", CProgram.resource("waits")).toString(), kind);
    }
}
