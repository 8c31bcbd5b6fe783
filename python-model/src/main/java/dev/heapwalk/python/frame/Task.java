// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.python.frame;

/**
 * A task or a future of asyncio.
 *
 * @param address target address of the object
 * @param name the name of a task, empty if it has none or is a future; before 3.8 tasks have none
 * @param state whether it has ended
 * @param coroutine target address of the coroutine that a task runs; 0 if it is a future
 * @param waiter target address of the future or task that it waits for, 0 if it waits for none
 */
public record Task(long address, String name, State state, long coroutine, long waiter) {

    /** Whether a task or future has ended. */
    public enum State {
        /** It has not. */
        PENDING("pending"),
        /** It was cancelled. */
        CANCELLED("cancelled"),
        /** It has a result or an exception. */
        FINISHED("finished"),
        /** It is damaged. */
        UNKNOWN("unknown");

        private final String label;

        State(String label) {
            this.label = label;
        }

        /**
         * Its name for people.
         *
         * @return one word
         */
        public String label() {
            return label;
        }
    }
}
