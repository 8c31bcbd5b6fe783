// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.malloc;

import dev.heapwalk.malloc.layout.MallocLayout;
import dev.heapwalk.memory.struct.StructView;
import java.lang.foreign.MemorySegment;

/** View of one thread's cache. C name {@code struct tcache_perthread_struct}, since 2.26. */
public final class TcachePerthread extends StructView {
    private final MallocLayout.Tcache layout;

    /**
     * Makes a view that lies over nothing yet.
     *
     * @param heap the heap that the cache is of, of a version that has thread caches
     */
    public TcachePerthread(MallocHeap heap) {
        this(heap.layout());
    }

    TcachePerthread(MallocLayout layout) {
        this.layout = layout.tcache();
    }

    /**
     * Lays the view over a structure.
     *
     * @param segment local memory that holds it
     * @param offset where in that memory it begins
     * @param address where in the target it begins
     * @return this
     */
    public TcachePerthread wrap(MemorySegment segment, long offset, long address) {
        lay(segment, offset, address, layout.size());
        return this;
    }

    /**
     * {@code counts[bin]}; since 2.42 {@code num_slots[bin]}.
     *
     * @param bin index of the bin
     * @return how many chunks it holds; since 2.42 how many it can still take
     */
    public int count(int bin) {
        return layout.countWidth() == 1 ? byteAt(bin) & 0xff : shortAt(2L * bin) & 0xffff;
    }

    /**
     * {@code entries[bin]}.
     *
     * @param bin index of the bin
     * @return target address that malloc would return next, 0 if the bin is empty; never mangled
     */
    public long entry(int bin) {
        return longAt(layout.entries() + 8L * bin);
    }

    @Override
    protected String describeFields() {
        return "%d bins".formatted(layout.bins());
    }
}
