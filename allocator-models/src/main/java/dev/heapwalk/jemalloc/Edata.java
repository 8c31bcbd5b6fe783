// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.jemalloc;

import dev.heapwalk.jemalloc.layout.JemallocLayout;
import dev.heapwalk.memory.struct.StructView;
import java.lang.foreign.MemorySegment;

/** View of the structure that describes a run of pages. C name {@code edata_t}, {@code extent_t} before 5.3. */
public final class Edata extends StructView {
    private static final long E_BITS = 0;
    private static final long E_ADDR = 8;
    private static final long E_SIZE = 16;
    private static final long BITMAP = JemallocLayout.BITMAP;

    private final JemallocLayout layout;

    /**
     * Makes a view that lies over nothing yet.
     *
     * @param heap the heap that the extent is of, which tells where the fields lie
     */
    public Edata(JemallocHeap heap) {
        this(heap.layout());
    }

    Edata(JemallocLayout layout) {
        this.layout = layout;
    }

    /**
     * Lays the view over a structure.
     *
     * @param segment local memory that holds it
     * @param offset where in that memory it begins
     * @param address where in the target it begins
     * @return this
     */
    public Edata wrap(MemorySegment segment, long offset, long address) {
        lay(segment, offset, address, size());
        return this;
    }

    /**
     * How much of the structure is looked at.
     *
     * @return bytes
     */
    public int size() {
        return layout.edataSize();
    }

    /**
     * {@code e_bits}.
     *
     * @return the word, which most other fields are bits of
     */
    public long eBits() {
        return longAt(E_BITS);
    }

    /**
     * {@code e_addr}.
     *
     * @return target address of the first byte that the program may use; of a large one it may lie inside the first
     *     page
     */
    public long eAddr() {
        return longAt(E_ADDR);
    }

    /**
     * Where its pages begin.
     *
     * @return a target address
     */
    public long base() {
        return eAddr() & -layout.page();
    }

    /**
     * {@code e_size_esn}, without the serial number in its low bits.
     *
     * @return the size of its pages in bytes
     */
    public long eSize() {
        return longAt(E_SIZE) & -layout.page();
    }

    /**
     * The number of its arena.
     *
     * @return an index into jemalloc's {@code arenas}
     */
    public int arenaInd() {
        return JemallocLayout.ARENA.of(eBits());
    }

    /**
     * Whether it is divided into regions of one size.
     *
     * @return whether the bit is set
     */
    public boolean slab() {
        return JemallocLayout.SLAB.of(eBits()) != 0;
    }

    /**
     * What its pages are held for.
     *
     * @return the state
     */
    public ExtentState state() {
        return ExtentState.of(layout.state().of(eBits()));
    }

    /**
     * The index of its size class.
     *
     * @return the index; as many as there are classes for an extent that has none
     */
    public int szind() {
        return layout.szind().of(eBits());
    }

    /**
     * How many regions of a slab are free.
     *
     * @return a count
     */
    public int nfree() {
        return layout.nfree().of(eBits());
    }

    /**
     * Which shard of its bin a slab belongs to.
     *
     * @return the number
     */
    public int binShard() {
        return layout.binShard().of(eBits());
    }

    /**
     * A word of {@code slab_data.bitmap}: a bit is set for each region of a slab that is free.
     *
     * @param index from 0, less than 8 for pages of 4 KiB; words behind the last region's are left over from other uses of the structure
     * @return the word
     */
    public long bitmap(int index) {
        return longAt(BITMAP + 8L * index);
    }

    @Override
    protected String describeFields() {
        return "%s, %d bytes at 0x%x".formatted(slab() ? "slab" : state(), eSize(), eAddr());
    }
}
