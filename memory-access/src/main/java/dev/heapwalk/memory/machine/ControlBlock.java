// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory.machine;

import dev.heapwalk.memory.Reader;

/** What a thread knows of itself: the C library's control block, {@code struct pthread}. */
public final class ControlBlock {
    /** musl's {@code next}, behind {@code self}, {@code dtv} and {@code prev}: the ring of all threads. */
    private static final int MUSL_NEXT = 24;

    private static final int MUSL_PREV = 16;
    /** musl's {@code tid}, since 1.2.2, where thread-local storage is below it. */
    private static final int MUSL_TID = 48;

    private ControlBlock() {}

    /**
     * The id that a thread knows itself by, which is that of the process's own pid namespace. Known of glibc and musl
     * on x86-64.
     *
     * @param memory reads the target
     * @param processor the target's
     * @param thread target address of the control block: {@code pthread_self()}
     * @return the id, 0 if it can't be told
     */
    public static int threadId(Reader memory, Processor processor, long thread) {
        // The block begins with its own address; glibc has it again behind the vector of thread-local storage.
        if (processor.threadId() < 0 || memory.readLong(thread, 0) != thread) {
            return 0;
        }
        int field = isMusls(memory, thread)
                ? MUSL_TID
                : memory.readLong(thread + processor.self(), 0) == thread ? processor.threadId() : -1;
        int tid = field < 0 ? 0 : memory.readInt(thread + field, 0);
        return Math.max(tid, 0);
    }

    /** Whether it is in a ring with others, or alone. */
    private static boolean isMusls(Reader memory, long thread) {
        long next = memory.readLong(thread + MUSL_NEXT, 0);
        return next != 0 && memory.readLong(next, 0) == next && memory.readLong(next + MUSL_PREV, 0) == thread;
    }
}
