// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory;

import dev.heapwalk.memory.struct.StructView;

/**
 * Goes through an array of structures, one behind the other, with one view. A flyweight that moves:
 *
 * <pre>{@code
 * ElementCursor<Entry> entries = reader.elements(address, count, Entry.SIZE, new Entry());
 * while (entries.next()) {
 *     total += entries.view().bytes();
 * }
 * }</pre>
 *
 * <p>It reads through the reader or window that made it, and lays the view again at each step, so what moves that in
 * between does no harm to the next element.
 *
 * @param <T> the type of the view
 */
public final class ElementCursor<T extends StructView> {
    /** Where the structures are read: a reader or a window. */
    @FunctionalInterface
    interface Place {
        void lay(long address, long length, StructView view);
    }

    private final Place place;
    private final T view;
    private final long size;
    private final long count;
    private final long first;
    private long index = -1;

    ElementCursor(Place place, long address, long count, long size, T view) {
        if (size <= 0 || size > Window.MAX_LENGTH) {
            throw new IllegalArgumentException("an element has 1 to " + Window.MAX_LENGTH + " bytes, not " + size);
        }
        if (count < 0 || count > Long.MAX_VALUE / size) {
            throw new IllegalArgumentException("there are no arrays of %d elements of %d bytes".formatted(count, size));
        }
        this.place = place;
        this.first = address;
        this.count = count;
        this.size = size;
        this.view = view;
    }

    /**
     * Moves to the next element.
     *
     * @return whether there is one
     * @throws UnmappedAddressException if it can't be read; the next call goes on behind it
     */
    public boolean next() {
        if (index >= count - 1) {
            index = count;
            return false;
        }
        index++;
        place.lay(first + index * size, size, view);
        return true;
    }

    /**
     * The element.
     *
     * @return the view that the cursor was made with, good until the reader or window is asked for something else
     */
    public T view() {
        return view;
    }

    /**
     * Which element it is.
     *
     * @return an index from 0; -1 before the first {@link #next()}
     */
    public long index() {
        return index;
    }

    /**
     * Says where the cursor stands.
     *
     * @return a line for a person
     */
    @Override
    public String toString() {
        return "element %d of %d at 0x%x".formatted(index, count, first);
    }
}
