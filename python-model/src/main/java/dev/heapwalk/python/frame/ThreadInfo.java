// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.python.frame;

import dev.heapwalk.memory.ThreadState;
import dev.heapwalk.python.PythonInterpreter;
import dev.heapwalk.python.PythonThread;
import java.util.Optional;

/**
 * What is known of a thread.
 *
 * @param interpreter the interpreter that it belongs to
 * @param thread the thread as that knows it; one thread of the system may be known to several interpreters
 * @param system the thread as the system knows it, if it was found
 * @param object target address of the {@code threading.Thread}, 0 if there is none
 * @param name the name that the program gave it, if it has one and it can be read
 * @param activity what it does
 */
public record ThreadInfo(
        PythonInterpreter interpreter,
        PythonThread thread,
        Optional<ThreadState> system,
        long object,
        Optional<String> name,
        Activity activity) {

    /** What a thread does. */
    public enum Activity {
        /** It has the global interpreter lock, and a processor or the wish for one. */
        RUNNING("holds the GIL"),
        /** It has the global interpreter lock, and waits for the system all the same. */
        BLOCKING("holds the GIL, in a system call"),
        /** It waits for the system: for data, for time to pass, for a lock, also for that of the interpreter. */
        IDLE("idle"),
        /** It runs code that does not need the global interpreter lock. */
        WITHOUT_LOCK("runs without the GIL"),
        /** It has the global interpreter lock; whether it runs is not known. */
        HOLDING("holds the GIL"),
        /** It does not have the global interpreter lock; whether it runs is not known. */
        NOT_HOLDING("without the GIL"),
        /** Nothing is known of it. */
        UNKNOWN("unknown");

        private final String label;

        Activity(String label) {
            this.label = label;
        }

        /**
         * Tells it to people.
         *
         * @return some words
         */
        public String label() {
            return label;
        }

        /**
         * Whether it has the global interpreter lock.
         *
         * @return whether that is known
         */
        public boolean holdsLock() {
            return this == RUNNING || this == BLOCKING || this == HOLDING;
        }
    }
}
