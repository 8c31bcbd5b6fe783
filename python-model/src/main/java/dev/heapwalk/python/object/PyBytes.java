// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.python.object;

import dev.heapwalk.memory.Window;
import dev.heapwalk.memory.raw.Words;
import dev.heapwalk.python.ObjectReader;
import dev.heapwalk.python.layout.ObjectLayout;
import dev.heapwalk.python.layout.PythonLayout;
import dev.heapwalk.python.layout.StringLayout;
import dev.heapwalk.python.layout.TypeLayout;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;

/** Bytes: {@code bytes}, and {@code str} of 2.7. C names {@code PyBytesObject} and {@code PyStringObject}. */
public final class PyBytes extends PyObject {
    private final int data;

    /**
     * Makes a view that lies over nothing yet.
     *
     * @param reader what reads the objects
     */
    public PyBytes(ObjectReader reader) {
        super(reader, ObjectLayout.SIZE + Long.BYTES);
        this.data =
                PythonLayout.of(reader.series(), reader.freeThreaded()).string().bytes();
    }

    /** Whether names are bytes in a version, and {@code unicode} is the exception. */
    static boolean isText(int series) {
        return PythonLayout.of(series, false).string().asciiSize() < 0;
    }

    @Override
    public boolean accepts(long typeFlags) {
        return (typeFlags & TypeLayout.BYTES_SUBCLASS) != 0;
    }

    /**
     * How many bytes there are.
     *
     * @return {@code ob_size}
     */
    public long size() {
        return longAt(ObjectLayout.SIZE);
    }

    /**
     * Whether the interpreter keeps one object alone for these bytes: because code has them, or something is called so.
     *
     * @return whether it says so; only in 2.7
     */
    public boolean interned() {
        return isText(reader().series()) && reader().memory().readInt(place(StringLayout.BYTES_STATE), 0) != 0;
    }

    /**
     * Where the bytes lie.
     *
     * @return a target address within the object
     */
    public long data() {
        return place(data);
    }

    /**
     * The bytes.
     *
     * @param most the most bytes to read, up to {@link Window#MAX_LENGTH}
     * @return the first of them, as many as can be read at once; none if the size is no size or they can't be read
     */
    public byte[] value(int most) {
        int length = Math.clamp(size(), 0, Math.min(most, Window.MAX_LENGTH));
        long offset = reader().memory().find(data(), length);
        if (length == 0 || offset < 0) {
            return new byte[0];
        }
        byte[] bytes = new byte[length];
        MemorySegment.copy(reader().memory().segment(), Words.BYTE, offset, bytes, 0, length);
        return bytes;
    }

    /**
     * The bytes as text.
     *
     * @param most the most bytes to read, up to {@link Window#MAX_LENGTH}
     * @return what {@link #value} tells, as UTF-8 with replacements
     */
    public String text(int most) {
        return new String(value(most), StandardCharsets.UTF_8);
    }
}
