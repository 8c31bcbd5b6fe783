// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.vm;

import java.util.Optional;

/**
 * A parameter of a method or a block.
 *
 * @param kind what kind it is
 * @param name its name, {@code *}, {@code **} or {@code &} for one without a name; empty where it is a pattern
 *     such as {@code (a, b)}
 * @param index which local variable of {@link Iseq#localName} it is
 */
public record Parameter(Kind kind, Optional<String> name, int index) {
    /** The kinds of parameters, by the names that {@code Method#parameters} gives them. */
    public enum Kind {
        /** Must be given. */
        REQ("req"),
        /** Has a default. */
        OPT("opt"),
        /** Takes what is left over. */
        REST("rest"),
        /** A keyword that must be given. */
        KEYREQ("keyreq"),
        /** A keyword that has a default. */
        KEY("key"),
        /** Takes the keywords that are left over. */
        KEYREST("keyrest"),
        /** The block. */
        BLOCK("block");

        private final String label;

        Kind(String label) {
            this.label = label;
        }

        /**
         * The name.
         *
         * @return for example {@code keyreq}
         */
        public String label() {
            return label;
        }
    }
}
