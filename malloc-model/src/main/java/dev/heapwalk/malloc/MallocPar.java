// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.malloc;

import dev.heapwalk.malloc.layout.MallocLayout;
import dev.heapwalk.memory.struct.StructView;
import java.lang.foreign.MemorySegment;

/** View of malloc's parameters and counts. C name {@code struct malloc_par}, of which {@code mp_} is the only one. */
public final class MallocPar extends StructView {
    private static final int ARENA_MAX = 32;

    private final MallocLayout.Par layout;

    /**
     * Makes a view that lies over nothing yet.
     *
     * @param heap the heap whose parameters they are, which tells where the fields lie
     */
    public MallocPar(MallocHeap heap) {
        this(heap.layout().par());
    }

    MallocPar(MallocLayout.Par layout) {
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
    public MallocPar wrap(MemorySegment segment, long offset, long address) {
        lay(segment, offset, address, layout.size());
        return this;
    }

    /**
     * {@code trim_threshold}.
     *
     * @return bytes; as an unsigned number, the largest one for never
     */
    public long trimThreshold() {
        return longAt(0);
    }

    /**
     * {@code top_pad}.
     *
     * @return bytes
     */
    public long topPad() {
        return longAt(8);
    }

    /**
     * {@code mmap_threshold}.
     *
     * @return bytes
     */
    public long mmapThreshold() {
        return longAt(16);
    }

    /**
     * {@code arena_max}.
     *
     * @return how many arenas there may be, 0 if that goes by the number of processors, -1 where all threads have one
     *     arena after the other
     */
    public long arenaMax() {
        return layout.nMmaps() <= ARENA_MAX ? -1 : longAt(ARENA_MAX);
    }

    /**
     * {@code n_mmaps}.
     *
     * @return how many chunks are mapped on their own
     */
    public int nMmaps() {
        return intAt(layout.nMmaps());
    }

    /**
     * {@code n_mmaps_max}.
     *
     * @return how many there may be
     */
    public int nMmapsMax() {
        return intAt(layout.nMmaps() + 4);
    }

    /**
     * {@code max_n_mmaps}.
     *
     * @return the most there ever were
     */
    public int maxNMmaps() {
        return intAt(layout.nMmaps() + 8);
    }

    /**
     * {@code no_dyn_threshold}.
     *
     * @return 1 when the threshold was set from outside
     */
    public int noDynThreshold() {
        return intAt(layout.nMmaps() + 12);
    }

    /**
     * {@code mmapped_mem}.
     *
     * @return bytes of the mappings of these chunks
     */
    public long mmappedMem() {
        return longAt(layout.mmappedMem());
    }

    /**
     * {@code max_mmapped_mem}.
     *
     * @return bytes
     */
    public long maxMmappedMem() {
        return longAt(layout.maxMmappedMem());
    }

    /**
     * {@code sbrk_base}.
     *
     * @return target address of the first byte of the main heap, 0 before there is one
     */
    public long sbrkBase() {
        return longAt(layout.sbrkBase());
    }

    /**
     * {@code tcache_bins}, since 2.42 {@code tcache_small_bins}.
     *
     * @return how many bins are in use, -1 before 2.26
     */
    public long tcacheBins() {
        return layout.tcacheBins() < 0 ? -1 : longAt(layout.tcacheBins());
    }

    /**
     * {@code tcache_max_bytes}.
     *
     * @return the largest request that is cached (since 2.42: one more than the largest chunk), -1 before 2.26
     */
    public long tcacheMaxBytes() {
        return layout.tcacheMaxBytes() < 0 ? -1 : longAt(layout.tcacheMaxBytes());
    }

    /**
     * {@code tcache_count}.
     *
     * @return how many chunks a bin of a thread cache may hold, -1 before 2.26
     */
    public long tcacheCount() {
        return layout.tcacheCount() < 0 ? -1 : longAt(layout.tcacheCount());
    }

    /**
     * {@code thp_pagesize}.
     *
     * @return size in bytes of the transparent huge pages that the main arena grows and shrinks by; 0 if it does so by
     *     pages, or before 2.35
     */
    public long transparentHugePageSize() {
        return layout.hugePageSize() < 0 ? 0 : longAt(layout.hugePageSize() - Long.BYTES);
    }

    /**
     * {@code hp_pagesize}.
     *
     * @return size in bytes of the huge pages that malloc asks for, 0 if it asks for none or before 2.35
     */
    public long hugePageSize() {
        return layout.hugePageSize() < 0 ? 0 : longAt(layout.hugePageSize());
    }

    @Override
    protected String describeFields() {
        return "mmap_threshold %d, %d mmapped chunks, sbrk_base 0x%x".formatted(mmapThreshold(), nMmaps(), sbrkBase());
    }
}
