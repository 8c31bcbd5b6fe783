// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.python.object;

import dev.heapwalk.memory.Window;
import dev.heapwalk.memory.raw.Words;
import dev.heapwalk.python.ObjectReader;
import dev.heapwalk.python.layout.ObjectLayout;
import dev.heapwalk.python.layout.PythonLayout;
import dev.heapwalk.python.layout.SequenceLayout;
import java.lang.foreign.MemorySegment;

/** Bytes that may change. C name {@code PyByteArrayObject}. */
public final class PyByteArray extends NamedObject {
    private final SequenceLayout layout;

    /**
     * Makes a view that lies over nothing yet.
     *
     * @param reader what reads the objects
     */
    public PyByteArray(ObjectReader reader) {
        super(reader, SequenceLayout.BYTE_ARRAY_BYTES, "bytearray");
        this.layout = PythonLayout.of(reader.series(), reader.freeThreaded()).sequence();
    }

    /**
     * How many bytes there are.
     *
     * @return {@code ob_size}, as the object tells it
     */
    public long size() {
        return longAt(ObjectLayout.SIZE);
    }

    /**
     * How many bytes of memory it has.
     *
     * @return {@code ob_alloc}
     */
    public long allocated() {
        return longAt(layout.byteArrayAllocated());
    }

    /**
     * Where its memory begins.
     *
     * @return {@code ob_bytes}, a target address, since 3.15 within a {@code bytes}; 0 if it has none
     */
    public long memory() {
        return longAt(layout.byteArrayBytes());
    }

    /**
     * Where its bytes begin.
     *
     * @return {@code ob_start}, a target address within its memory; 0 if it has none
     */
    public long data() {
        return longAt(layout.byteArrayStart() < 0 ? layout.byteArrayBytes() : layout.byteArrayStart());
    }

    /**
     * The bytes.
     *
     * @param most the most bytes to read, up to {@link Window#MAX_LENGTH}
     * @return the first of them, as many as can be read at once; none if the size is no size or they can't be read
     */
    public byte[] value(int most) {
        int length = Math.clamp(size(), 0, Math.min(most, Window.MAX_LENGTH));
        long offset = length == 0 ? -1 : reader().memory().find(data(), length);
        if (offset < 0) {
            return new byte[0];
        }
        byte[] bytes = new byte[length];
        MemorySegment.copy(reader().memory().segment(), Words.BYTE, offset, bytes, 0, length);
        return bytes;
    }
}
