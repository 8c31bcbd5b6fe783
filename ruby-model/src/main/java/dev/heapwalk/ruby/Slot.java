// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby;

/**
 * A slot for who wants to keep it, as it was when it was taken from a cursor or a view.
 *
 * @param address target address
 * @param size bytes
 * @param flags {@code RBasic.flags}
 * @param klass {@code RBasic.klass}, a target address
 */
public record Slot(long address, int size, long flags, long klass) {
    /**
     * Takes the slot that a cursor is at.
     *
     * @param cursor a cursor that has come to a slot
     * @return the slot
     */
    public static Slot of(SlotCursor cursor) {
        return new Slot(cursor.address(), cursor.slotSize(), cursor.flags(), cursor.klass());
    }

    /**
     * Takes the slot that a view lies over.
     *
     * @param view a view of an object
     * @return the slot
     */
    public static Slot of(RValue view) {
        return new Slot(view.address(), view.slotSize(), view.flags(), view.klass());
    }

    /**
     * The type.
     *
     * @return what the flags tell
     */
    public RubyType type() {
        return RubyType.of(flags);
    }
}
