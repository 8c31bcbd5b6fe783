// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.python.object;

import dev.heapwalk.memory.Reader;
import dev.heapwalk.python.ObjectReader;
import dev.heapwalk.python.layout.DequeLayout;
import dev.heapwalk.python.layout.PythonLayout;

/** A queue with two ends. C name {@code dequeobject}. */
public final class PyDeque extends NamedObject {
    private final DequeLayout layout;
    private boolean started;
    private long block;
    private long place;
    private long index;
    private long blocks;
    private long passed;
    private long value;
    private boolean damaged;

    /**
     * Makes a view that lies over nothing yet.
     *
     * @param reader what reads the objects
     */
    public PyDeque(ObjectReader reader) {
        super(
                reader,
                PythonLayout.of(reader.series(), reader.freeThreaded()).deque().bytes(),
                "collections.deque");
        this.layout = PythonLayout.of(reader.series(), reader.freeThreaded()).deque();
    }

    /** Elements are looked for when somebody asks for the first one. */
    @Override
    protected void laid() {
        started = false;
    }

    /**
     * How many elements it has.
     *
     * @return {@code len()}, as the object tells it
     */
    public long size() {
        return longAt(layout.length());
    }

    /** Goes before the first element. */
    public void rewind() {
        started = true;
        block = longAt(layout.left());
        place = longAt(layout.leftIndex());
        index = 0;
        blocks = 0;
        damaged = false;
    }

    /**
     * Moves to the next element, from the left.
     *
     * @return whether there is one
     */
    public boolean next() {
        if (!started) {
            rewind();
        }
        if (damaged || index >= size()) {
            return false;
        }
        Reader memory = reader().memory();
        if (place >= layout.elements() && index > 0) {
            long next = memory.readLong(block + layout.rightLink(), 0);
            if (Long.bitCount(blocks++) <= 1) {
                passed = block;
            }
            // A list of blocks that leads back to one of them has no end.
            block = next == passed ? 0 : next;
            place = 0;
        }
        if (place < 0 || place >= layout.elements() || memory.find(block, layout.blockBytes()) < 0) {
            damaged = true;
            return false;
        }
        value = memory.readLong(block + layout.data() + place * Long.BYTES, 0);
        place++;
        index++;
        return true;
    }

    /**
     * Whether the queue contradicts itself, so that its further elements are not told.
     *
     * @return whether it does, as far as {@link #next()} has looked
     */
    public boolean damaged() {
        return damaged;
    }

    /**
     * The element.
     *
     * @return target address of an object
     */
    public long value() {
        return value;
    }
}
