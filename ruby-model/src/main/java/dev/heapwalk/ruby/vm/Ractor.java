// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.vm;

import java.util.Optional;

/**
 * A ractor, as it was when it was read. C name {@code rb_ractor_t}. Since 3.0.
 *
 * @param address target address of the {@code rb_ractor_t}
 * @param self the {@code VALUE} of the Ractor
 * @param id its number
 * @param name its name; empty if it has none
 * @param status what it does
 * @param main whether it is the main one
 */
public record Ractor(long address, long self, int id, Optional<String> name, Status status, boolean main) {
    /** What a ractor does. C name {@code enum ractor_status}, in its order. */
    public enum Status {
        /** It was made. */
        CREATED("created"),
        /** It runs. */
        RUNNING("running"),
        /** All its threads wait. */
        BLOCKING("blocking"),
        /** It has ended. */
        TERMINATED("terminated");

        private final String label;

        Status(String label) {
            this.label = label;
        }

        /**
         * The name that {@code Ractor#inspect} gives it.
         *
         * @return for example {@code blocking}
         */
        public String label() {
            return label;
        }
    }
}
