// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory.raw;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * An array outside the Java heap, of numbers of any width, at local addresses that do not change: in memory of its own,
 * or in a file that is mapped. A segment in a field costs its class, bounds and lifetime at each access; this costs one
 * comparison. After {@link #close()} it has no elements, so that each access throws. Any thread may read it while
 * nobody writes; it must not be closed meanwhile.
 */
public final class LocalArray implements AutoCloseable {
    private static final MemorySegment ALL = MemorySegment.NULL.reinterpret(Long.MAX_VALUE);

    private final Runnable free;
    private final long base;
    private final boolean inFile;
    private long bytes;
    /** Keeps the memory. */
    private MemorySegment segment;

    /**
     * Takes memory.
     *
     * @param segment native memory at a multiple of 8 bytes, used through this alone
     * @param inFile whether it is that of a file
     * @param free gives it back, run once
     */
    public LocalArray(MemorySegment segment, boolean inFile, Runnable free) {
        this.segment = segment;
        this.base = segment.address();
        this.bytes = segment.byteSize();
        this.inFile = inFile;
        this.free = free;
    }

    private long place(long index, int shift) {
        if (index < 0 || index >= bytes >>> shift) {
            throw new IndexOutOfBoundsException(index + " of " + (bytes >>> shift));
        }
        return base + (index << shift);
    }

    /**
     * Reads an element of an array of bytes.
     *
     * @param index which one
     * @return its value
     */
    public byte byteAt(long index) {
        return ALL.get(ValueLayout.JAVA_BYTE, place(index, 0));
    }

    /**
     * Writes an element of an array of bytes.
     *
     * @param index which one
     * @param value its value
     */
    public void put(long index, byte value) {
        ALL.set(ValueLayout.JAVA_BYTE, place(index, 0), value);
    }

    /**
     * Reads an element of an array of 32-bit numbers.
     *
     * @param index which one
     * @return its value
     */
    public int intAt(long index) {
        return ALL.get(ValueLayout.JAVA_INT, place(index, 2));
    }

    /**
     * Writes an element of an array of 32-bit numbers.
     *
     * @param index which one
     * @param value its value
     */
    public void put(long index, int value) {
        ALL.set(ValueLayout.JAVA_INT, place(index, 2), value);
    }

    /**
     * Reads an element of an array of 64-bit numbers.
     *
     * @param index which one
     * @return its value
     */
    public long longAt(long index) {
        return ALL.get(ValueLayout.JAVA_LONG, place(index, 3));
    }

    /**
     * Writes an element of an array of 64-bit numbers.
     *
     * @param index which one
     * @param value its value
     */
    public void put(long index, long value) {
        ALL.set(ValueLayout.JAVA_LONG, place(index, 3), value);
    }

    /**
     * Copies 32-bit numbers from an array in the Java heap.
     *
     * @param from what is copied, from its first element on
     * @param index where the first of them goes
     * @param count how many
     */
    public void putAll(int[] from, long index, int count) {
        if (index < 0 || index > (bytes >>> 2) - count) {
            throw new IndexOutOfBoundsException(index + " and " + count + " more of " + (bytes >>> 2));
        }
        MemorySegment.copy(from, 0, ALL, ValueLayout.JAVA_INT, base + (index << 2), count);
    }

    /**
     * Copies 32-bit numbers to another array.
     *
     * @param index the first of them
     * @param count how many
     * @param to where they go
     * @param place where the first of them goes
     */
    public void copy(long index, long count, LocalArray to, long place) {
        if (index < 0 || index > (bytes >>> 2) - count || place < 0 || place > (to.bytes >>> 2) - count) {
            throw new IndexOutOfBoundsException(index + " to " + place + ", " + count + " in all");
        }
        MemorySegment.copy(ALL, base + (index << 2), ALL, to.base + (place << 2), count << 2);
    }

    /**
     * Fills it with one byte.
     *
     * @param value the byte
     */
    public void fill(byte value) {
        segment.fill(value);
    }

    /**
     * How large it is.
     *
     * @return bytes, 0 if it is closed
     */
    public long byteSize() {
        return bytes;
    }

    /**
     * Whether it lies in a file.
     *
     * @return whether it does
     */
    public boolean inFile() {
        return inFile;
    }

    /** Gives its memory back. A second call does nothing. */
    @Override
    public void close() {
        if (segment != MemorySegment.NULL) {
            bytes = 0;
            segment = MemorySegment.NULL;
            free.run();
        }
    }
}
