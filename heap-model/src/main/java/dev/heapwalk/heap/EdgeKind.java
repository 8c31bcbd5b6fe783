// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.heap;

/** In what way a block refers to another one. */
public enum EdgeKind {
    /** The other one is a part of it, and is freed with it: the buffer of a string, the table of a hash. */
    OWNS,
    /**
     * It keeps the other one alive: a reference that a garbage collector follows, a pointer to the beginning of a
     * block.
     */
    REFERS,
    /** It knows the other one but does not keep it alive. */
    WEAK,
    /** A pointer into the middle of the other one. */
    INTERIOR,
    /** A pointer to the first byte behind the other one, as the end of a range. */
    PAST_END
}
