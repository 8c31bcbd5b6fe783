// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.python.layout;

/**
 * C names {@code TaskObj} and {@code FutureObj} of the module {@code _asyncio}, of which a task begins as a future does.
 *
 * @param state {@code fut_state} and {@code task_state}, 32 bits
 * @param waiter {@code task_fut_waiter}
 * @param coroutine {@code task_coro}
 * @param name {@code task_name}, or -1
 */
public record TaskLayout(int state, int waiter, int coroutine, int name) {
    /** {@code STATE_PENDING}. */
    public static final int PENDING = 0;
    /** {@code STATE_CANCELLED}. */
    public static final int CANCELLED = 1;
    /** {@code STATE_FINISHED}. */
    public static final int FINISHED = 2;

    static TaskLayout of(int version) {
        return switch (version) {
            case 307 -> new TaskLayout(72, 104, 112, -1);
            case 308 -> new TaskLayout(72, 104, 112, 120);
            case 309 -> new TaskLayout(80, 144, 152, 160);
            case 310 -> new TaskLayout(88, 152, 160, 168);
            case 311, 312 -> new TaskLayout(88, 128, 136, 144);
            case 313 -> new TaskLayout(96, 112, 120, 128);
            case 314, 315 -> new TaskLayout(104, 120, 128, 136);
            default -> new TaskLayout(56, 88, 96, -1);
        };
    }
}
