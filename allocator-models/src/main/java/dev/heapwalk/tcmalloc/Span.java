// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.tcmalloc;

import dev.heapwalk.memory.struct.StructView;
import dev.heapwalk.tcmalloc.layout.TcmallocLayout;
import java.lang.foreign.MemorySegment;

/** View of the structure that describes a run of pages. C name {@code tcmalloc::Span}. */
public final class Span extends StructView {
    /** The size of the structure in bytes. */
    public static final int SIZE = TcmallocLayout.SPAN_SIZE;
    /** {@link #location} of a span that is on no free list. */
    public static final int IN_USE = 0;
    /** {@link #location} of a free span. */
    public static final int ON_NORMAL_FREELIST = 1;
    /** {@link #location} of a free span whose memory was returned to the kernel. */
    public static final int ON_RETURNED_FREELIST = 2;

    private static final long START = 0;
    private static final long LENGTH = 8;
    private static final long NEXT = 16;
    private static final long PREV = 24;
    private static final long OBJECTS = 32;
    private static final long BITS = 40;

    /** Makes a view that lies over nothing yet. */
    public Span() {}

    /**
     * Lays the view over a structure.
     *
     * @param segment local memory that holds it
     * @param offset where in that memory it begins
     * @param address where in the target it begins
     * @return this
     */
    public Span wrap(MemorySegment segment, long offset, long address) {
        lay(segment, offset, address, SIZE);
        return this;
    }

    /**
     * {@code start}.
     *
     * @return the number of its first page
     */
    public long start() {
        return longAt(START);
    }

    /**
     * {@code length}.
     *
     * @return how many pages it has
     */
    public long length() {
        return longAt(LENGTH);
    }

    /**
     * {@code next}.
     *
     * @return target address of the next span in its list, 0 if it is in none
     */
    public long next() {
        return longAt(NEXT);
    }

    /**
     * {@code prev}.
     *
     * @return target address of the span before it in its list, 0 if it is in none
     */
    public long prev() {
        return longAt(PREV);
    }

    /**
     * {@code objects}.
     *
     * @return target address of the first free object; of a sampled span that of its {@code StackTrace}
     */
    public long objects() {
        return longAt(OBJECTS);
    }

    /**
     * {@code refcount}.
     *
     * @return how many objects were handed out by the central cache: those that caches have are among them
     */
    public int refcount() {
        return bits() & 0xffff;
    }

    /**
     * {@code sizeclass}.
     *
     * @return the number of the size class of its objects, 0 if it is one block or free
     */
    public int sizeclass() {
        return bits() >>> 16 & 0xff;
    }

    /**
     * {@code location}.
     *
     * @return {@link #IN_USE}, {@link #ON_NORMAL_FREELIST} or {@link #ON_RETURNED_FREELIST}
     */
    public int location() {
        return bits() >>> 24 & 3;
    }

    /**
     * {@code sample}.
     *
     * @return whether it is one block that was sampled, with a stack trace
     */
    public boolean sample() {
        return (bits() >>> 26 & 1) != 0;
    }

    private int bits() {
        return intAt(BITS);
    }

    @Override
    protected String describeFields() {
        return "%d pages from 0x%x, size class %d, location %d".formatted(length(), start(), sizeclass(), location());
    }
}
