// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.vm;

/**
 * A fiber, as it was when it was read. C name {@code struct rb_fiber_struct}.
 *
 * @param address target address of the {@code struct rb_fiber_struct}
 * @param self the {@code VALUE} of the Fiber, 0 for one that no object stands for
 * @param context target address of its execution context; what {@link Frames#over} takes
 * @param thread target address of the {@code rb_thread_t} that it belongs to
 * @param status what it does
 * @param procedure the {@code VALUE} of its block, 0 for the fiber that a thread began as
 * @param previous target address of the fiber that resumed it, 0 if it is not resumed
 */
public record Fiber(long address, long self, long context, long thread, Status status, long procedure, long previous) {
    /** What a fiber does. C name {@code enum fiber_status}, in its order. */
    public enum Status {
        /** It was never resumed. */
        CREATED("created"),
        /** It runs, or has resumed another. */
        RESUMED("resumed"),
        /** It waits to be resumed. */
        SUSPENDED("suspended"),
        /** It has ended. */
        TERMINATED("terminated");

        private final String label;

        Status(String label) {
            this.label = label;
        }

        /**
         * The name that {@code Fiber#inspect} gives it.
         *
         * @return for example {@code suspended}
         */
        public String label() {
            return label;
        }
    }
}
