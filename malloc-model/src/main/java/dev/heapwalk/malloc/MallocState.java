// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.malloc;

import dev.heapwalk.malloc.layout.MallocLayout;
import dev.heapwalk.memory.struct.StructView;
import java.lang.foreign.MemorySegment;

/** View of an arena's own structure. C name {@code struct malloc_state}. */
public final class MallocState extends StructView {
    private static final int NONCONTIGUOUS = 2;

    private final MallocLayout.State layout;

    /**
     * Makes a view that lies over nothing yet.
     *
     * @param heap the heap that the arena is of, which tells where the fields lie
     */
    public MallocState(MallocHeap heap) {
        this(heap.layout().state());
    }

    MallocState(MallocLayout.State layout) {
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
    public MallocState wrap(MemorySegment segment, long offset, long address) {
        lay(segment, offset, address, layout.size());
        return this;
    }

    /**
     * {@code mutex}.
     *
     * @return 0 when no thread is inside this arena
     */
    public int mutex() {
        return intAt(0);
    }

    /**
     * {@code flags}.
     *
     * @return the bits
     */
    public int flags() {
        return intAt(4);
    }

    /**
     * Whether the arena's memory may have gaps: bit {@code NONCONTIGUOUS_BIT} of {@code flags}.
     *
     * @return whether it is set
     */
    public boolean noncontiguous() {
        return (flags() & NONCONTIGUOUS) != 0;
    }

    /**
     * {@code fastbinsY[index]}, to 2.42.
     *
     * @param index from 0 to 9
     * @return target address of the first chunk, 0 if there is none
     */
    public long fastbin(int index) {
        return layout.fastbins() < 0 ? 0 : longAt(layout.fastbins() + 8L * index);
    }

    /**
     * {@code top}.
     *
     * @return target address of the top chunk
     */
    public long top() {
        return longAt(layout.top());
    }

    /**
     * Where a bin's head lies if it is seen as a chunk. C name {@code bin_at}.
     *
     * @param index from 1 to 127; 1 is the unsorted bin
     * @return a target address
     */
    public long binAt(int index) {
        return address() + layout.bins() + 16L * (index - 1) - 16;
    }

    /**
     * {@code bin_at(index)->fd}.
     *
     * @param index from 1 to 127
     * @return target address of the first chunk, or of the head itself
     */
    public long first(int index) {
        return longAt(layout.bins() + 16L * (index - 1));
    }

    /**
     * {@code next}.
     *
     * @return target address of the next arena in the ring
     */
    public long next() {
        return longAt(layout.next());
    }

    /**
     * {@code attached_threads}, since 2.23.
     *
     * @return how many threads allocate from it, or -1 where the version does not have it
     */
    public long attachedThreads() {
        return layout.attachedThreads() < 0 ? -1 : longAt(layout.attachedThreads());
    }

    /**
     * {@code system_mem}.
     *
     * @return bytes
     */
    public long systemMem() {
        return longAt(layout.systemMem());
    }

    /**
     * {@code max_system_mem}.
     *
     * @return bytes
     */
    public long maxSystemMem() {
        return longAt(layout.maxSystemMem());
    }

    @Override
    protected String describeFields() {
        return "top 0x%x, next 0x%x, %d bytes".formatted(top(), next(), systemMem());
    }
}
