// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.jemalloc;

import dev.heapwalk.jemalloc.layout.JemallocLayout;
import dev.heapwalk.memory.struct.StructView;
import java.lang.foreign.MemorySegment;

/** View of a thread's stack of free blocks of one size class. C name {@code cache_bin_t}. */
public final class CacheBin extends StructView {
    /** The size of the structure in bytes. */
    public static final int SIZE = JemallocLayout.CACHE_BIN_SIZE;

    private static final long NCACHED = 4;
    private static final long AVAIL = 16;
    private static final long STACK_HEAD = 0;
    private static final long LOW_BITS_FULL = 18;
    private static final long LOW_BITS_EMPTY = 20;

    private final JemallocLayout layout;

    /**
     * Makes a view that lies over nothing yet.
     *
     * @param heap the heap that the cache is of, which tells where the fields lie
     */
    public CacheBin(JemallocHeap heap) {
        this(heap.layout());
    }

    CacheBin(JemallocLayout layout) {
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
    public CacheBin wrap(MemorySegment segment, long offset, long address) {
        lay(segment, offset, address, SIZE);
        return this;
    }

    /**
     * How many blocks are cached: {@code ncached}, and since 5.3 what {@code stack_head} and {@code low_bits_empty}
     * leave between them.
     *
     * @return a count; negative for what is no such structure
     */
    public int ncached() {
        if (!layout.stackHead()) {
            return intAt(NCACHED);
        }
        int bytes = shortAt(LOW_BITS_EMPTY) - (int) longAt(STACK_HEAD) & 0xffff;
        return bytes % Long.BYTES == 0 ? bytes / Long.BYTES : -1;
    }

    /**
     * Where the pointers to cached blocks begin: {@code stack_head}, and before 5.3 so far below {@code avail}.
     *
     * @return target address of the first of {@link #ncached()} pointers
     */
    public long stack() {
        return layout.stackHead() ? longAt(STACK_HEAD) : longAt(AVAIL) - (long) Long.BYTES * ncached();
    }

    /**
     * Where they end, which stays the same as long as the thread lives: {@code avail} before 5.3.
     *
     * @return the target address behind the last pointer
     */
    public long top() {
        return stack() + (long) Long.BYTES * ncached();
    }

    /**
     * Whether it keeps no blocks at all, as those of larger sizes than {@code tcache_max} says: since 5.3 such a one
     * has a stack without room, in no place of its own.
     *
     * @return whether it is turned off; false before 5.3, where a small one never is
     */
    public boolean disabled() {
        return layout.stackHead()
                && longAt(STACK_HEAD) != 0
                && shortAt(LOW_BITS_FULL) == shortAt(LOW_BITS_EMPTY)
                && shortAt(LOW_BITS_EMPTY) == (short) longAt(STACK_HEAD);
    }

    @Override
    protected String describeFields() {
        return "%d cached at 0x%x".formatted(ncached(), stack());
    }
}
