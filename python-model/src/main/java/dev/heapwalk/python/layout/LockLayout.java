// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.python.layout;

/**
 * Which thread has the global interpreter lock. Before 3.12 there is one lock, and the thread is told beside it; since
 * then, {@code struct _gil_runtime_state} has it. The table of offsets tells since 3.13 where all is.
 *
 * @param current {@code gilstate.tstate_current} of a {@code _PyRuntimeState}; -1 where it is the variable {@link
 *     #CURRENT}, or there is none
 * @param gil {@code ceval.gil} of an interpreter, a pointer, or -1
 * @param locked {@code locked}, 32 bits
 * @param holder {@code last_holder}
 */
public record LockLayout(int current, int gil, int locked, int holder) {
    /** How much farther {@code current} is on aarch64: two mutexes lie before it, which have 48 bytes there, not 40. */
    public static final int MUTEXES_OF_AARCH64 = 16;

    /** The variable with the thread that has the lock, before 3.7. */
    public static final String CURRENT = "_PyThreadState_Current";

    static LockLayout of(int version) {
        return switch (version) {
            case 307 -> new LockLayout(1480, -1, -1, -1);
            case 308 -> new LockLayout(1368, -1, -1, -1);
            case 309, 310 -> new LockLayout(568, -1, -1, -1);
            case 311 -> new LockLayout(576, -1, -1, -1);
            case 312 -> new LockLayout(-1, 384, 16, 8);
            default -> new LockLayout(-1, -1, -1, -1);
        };
    }
}
