// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.graph;

/** How surely a block is held. */
public enum Held {
    /** By references that a runtime tells, and pointers to the beginning of each block on the way. */
    SURELY,
    /** Only by ways with a pointer into the middle of a block. */
    BY_INTERIOR,
    /** Only by ways with a pointer to right behind a block. */
    BY_END,
    /** By nothing that was found: the block is lost. */
    NOT
}
