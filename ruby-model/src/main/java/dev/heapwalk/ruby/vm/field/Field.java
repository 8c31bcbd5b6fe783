// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.vm.field;

/**
 * A field of an object that the interpreter keeps for itself.
 *
 * @param name its name in C
 * @param kind how to understand it
 * @param value what it holds
 */
public record Field(String name, Kind kind, long value) {
    /** How to understand a field. */
    public enum Kind {
        /** A {@code VALUE}, 0 for none. */
        VALUE,
        /** An {@code ID}, 0 for none. */
        ID,
        /** A target address of something that is no object. */
        ADDRESS,
        /** A number. */
        NUMBER
    }
}
