// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory.linux;

import java.util.HashSet;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.TimeUnit;

/**
 * Whether a process shares pages of its own with processes that it was forked from, or that were forked from it: none
 * of them has written there since. The kernel tells, but goes through all that the process has in memory for it, and
 * nobody can map or unmap there meanwhile. So a large process is looked at in that way only if there is another one of
 * the same program. The programs of thousands of processes take long to be asked too, so those that have been there
 * before and share nothing are not asked again: only a fork could change that, and what it makes is a new process.
 */
final class Family {
    /** What the kernel goes through in less time than the programs of some hundred processes take, in bytes. */
    private static final long SMALL = 64L << 20;
    /** For so long nobody has the id of a process that has ended. */
    private static final long SAME_NANOS = TimeUnit.SECONDS.toNanos(10);

    private final ProcFs proc;
    private final long pid;
    /** Processes that are known to share nothing with this one. */
    private Set<String> strangers = Set.of();

    private long lookedAt = System.nanoTime();

    /**
     * Prepares to look.
     *
     * @param proc the file system
     * @param pid the process
     */
    Family(ProcFs proc, long pid) {
        this.proc = proc;
        this.pid = pid;
    }

    /**
     * Looks whether a page is shared now.
     *
     * @param tid a thread of the process that has not ended
     * @return whether one is; false where the kernel does not tell
     */
    synchronized boolean sharesPages(long tid) {
        long now = System.nanoTime();
        Set<String> known = now - lookedAt < SAME_NANOS ? strangers : Set.of();
        lookedAt = now;
        strangers = Set.of();
        if (proc.counts(pid, tid).filter(counts -> counts.resident() <= SMALL).isPresent()) {
            return proc.sharesItsOwn(pid, tid);
        }
        Optional<Set<String>> others = proc.others(pid);
        if (others.isPresent() && !mayHaveRelatives(others.get(), known)) {
            strangers = others.get();
            return false;
        }
        boolean shares = proc.sharesItsOwn(pid, tid);
        if (!shares) {
            strangers = others.orElse(Set.of());
        }
        return shares;
    }

    /** Whether a process of a set that is not known runs the same program, as far as can be seen. */
    private boolean mayHaveRelatives(Set<String> others, Set<String> known) {
        Set<String> fresh = new HashSet<>(others);
        fresh.removeAll(known);
        if (fresh.isEmpty()) {
            return false;
        }
        String own = proc.program(Long.toString(pid));
        for (String other : fresh) {
            String program = proc.program(other);
            if (program.equals(own) || program.equals(ProcFs.UNKNOWN)) {
                return true;
            }
        }
        return false;
    }
}
