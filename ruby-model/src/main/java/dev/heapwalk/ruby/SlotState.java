// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby;

/** What a slot is. */
public enum SlotState {
    /** An object. */
    LIVE,
    /** Free. */
    FREE,
    /** Garbage that the sweep has not come to yet, though its flags are intact. */
    UNSWEPT,
    /** A dead object whose finalizer has yet to run: {@code T_ZOMBIE}. */
    ZOMBIE,
    /** Where an object was before compaction moved it: {@code T_MOVED}. */
    MOVED
}
