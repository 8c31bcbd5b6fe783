// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.vm;

import java.util.Optional;

/**
 * A thread of Ruby, as it was when it was read. C name {@code rb_thread_t}.
 *
 * @param address target address of the {@code rb_thread_t}
 * @param self the {@code VALUE} of the Thread
 * @param ractor target address of its {@code rb_ractor_t}, 0 in 2.7
 * @param context target address of the execution context that it runs, its own or that of a fiber; what {@link
 *     Frames#over} takes
 * @param status what it does
 * @param name its name; empty if it has none
 * @param pthread its {@code pthread_t}, on Linux the address that its thread register holds; 0 while no native thread
 *     runs it
 * @param tid the kernel's id of its native thread, as {@link dev.heapwalk.memory.ThreadState#tid()} has it; 0 where
 *     none runs it or none can be told
 * @param main whether it is the main thread of its ractor
 * @param procedure the {@code VALUE} of the Proc that it runs; 0 for the main thread and those that C code made
 * @param group the {@code VALUE} of its ThreadGroup, 0 if it has none any more
 * @param value the {@code VALUE} that its block returned, {@code Qundef} while it runs
 * @param lockingMutex the {@code VALUE} of the Mutex that it waits for; 0 if it waits for none
 * @param rootFiber target address of the fiber that it began as, 0 if it never had another
 */
public record RubyThread(
        long address,
        long self,
        long ractor,
        long context,
        Status status,
        Optional<String> name,
        long pthread,
        int tid,
        boolean main,
        long procedure,
        long group,
        long value,
        long lockingMutex,
        long rootFiber) {
    /** What a thread does. C name {@code enum rb_thread_status}. */
    public enum Status {
        /** It runs, or waits for its turn. */
        RUN("run"),
        /** It runs, and is to end. */
        ABORTING("aborting"),
        /** It sleeps for a time, or waits for a file. */
        SLEEP("sleep"),
        /** It sleeps until it is woken. */
        SLEEP_FOREVER("sleep_forever"),
        /** It has ended. */
        DEAD("dead");

        private final String label;

        Status(String label) {
            this.label = label;
        }

        /**
         * The name that {@code Thread#inspect} gives it.
         *
         * @return for example {@code sleep_forever}
         */
        public String label() {
            return label;
        }
    }
}
