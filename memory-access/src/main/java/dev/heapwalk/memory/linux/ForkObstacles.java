// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory.linux;

import dev.heapwalk.memory.Headroom;
import dev.heapwalk.memory.Machine;
import dev.heapwalk.memory.MemoryCounts;
import dev.heapwalk.memory.TargetException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.locks.LockSupport;

/** What stands in the way of a fork and can be seen while a process runs. */
final class ForkObstacles {
    /** What must be left besides what is known to be needed, in bytes. */
    private static final long RESERVE = 16 << 20;

    /** This part of what is in memory may be written, and so copied, while the copy lives. */
    private static final int WRITTEN_PART = 4;

    /** How many processes there must be room for: the copy, and one that the process may need itself. */
    private static final int PROCESSES = 2;

    /**
     * How long a thread may be in one wait that nothing interrupts, such as for a page from a disk. The process runs on
     * meanwhile; in the stop it would have as long.
     */
    private static final long PATIENCE_NANOS = Tracer.PATIENCE_NANOS;

    private static final long PAUSE_NANOS = 1_000_000;

    private final LiveProcess process;

    ForkObstacles(LiveProcess process) {
        this.process = process;
    }

    /** The first thing that is found; empty if nothing is. */
    Optional<String> first() {
        if (process.machine() != Machine.X86_64) {
            return Optional.of("it runs code for %s, and only x86-64 is known for it"
                    .formatted(process.machine().label()));
        }
        ProcFs proc = process.proc();
        int tid = process.memoryThread();
        if (proc.statusOf(process.pid(), tid, "x86_Thread_features")
                .filter(features -> features.contains("shstk"))
                .isPresent()) {
            return Optional.of("its processor keeps a second stack for it (shadow stacks)");
        }
        if (proc.statusOf(process.pid(), tid, "Seccomp").filter("1"::equals).isPresent()) {
            return Optional.of("it may make no system calls but a few (SECCOMP_MODE_STRICT)");
        }
        if (!proc.forksIntoOwnNamespace(process.pid(), tid)) {
            return Optional.of("what it forks begins a new pid namespace");
        }
        if (!process.servedMappings(() -> {}).isEmpty()) {
            return Optional.of("a userfaultfd serves its memory, and its server would be told of a fork");
        }
        Headroom headroom = new Headroom(Path.of("/"), process.pid());
        if (headroom.processes() < PROCESSES) {
            return Optional.of("its cgroup has no room for another process (pids.max)");
        }
        MemoryCounts counts = process.counts().orElse(new MemoryCounts(0, 0, 0));
        long needed = counts.pageTables() + counts.resident() / WRITTEN_PART + RESERVE;
        if (headroom.memory() < needed) {
            return Optional.of(("while a copy lives, what it writes is copied: %,d bytes should be free in its cgroup"
                            + " and on the machine, and %,d are")
                    .formatted(needed, headroom.memory()));
        }
        return stuckThread();
    }

    private Optional<String> stuckThread() {
        long begin = System.nanoTime();
        Map<Long, String> stuck = new LinkedHashMap<>();
        for (long tid : process.threads()) {
            stuck.put(tid, waits(tid));
        }
        while (true) {
            stuck.entrySet().removeIf(thread -> !isStuck(thread.getKey(), thread.getValue()));
            if (stuck.isEmpty()) {
                return Optional.empty();
            }
            if (System.nanoTime() - begin >= PATIENCE_NANOS) {
                long tid = stuck.keySet().iterator().next();
                return Optional.of(
                        "thread %d (%s) is in a call of the kernel that nothing interrupts, such as vfork or a disk's"
                                .formatted(tid, Text.printable(process.threadName(tid))));
            }
            LockSupport.parkNanos(PAUSE_NANOS);
        }
    }

    /**
     * Whether a thread is still in the wait that it was in: it may be in one such wait after the other.
     *
     * @param waits how often it had begun to wait then
     */
    private boolean isStuck(long tid, String waits) {
        try {
            return process.proc().status(process.pid(), tid).state() == 'D'
                    && waits(tid).equals(waits);
        } catch (TargetException e) {
            return false;
        }
    }

    /** How often a thread has begun to wait. */
    private String waits(long tid) {
        return process.proc()
                .statusOf(process.pid(), tid, "voluntary_ctxt_switches")
                .orElse("");
    }
}
