// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.malloc;

import dev.heapwalk.memory.struct.StructView;
import java.lang.foreign.MemorySegment;

/** View of a chunk's header and links. C name {@code struct malloc_chunk}; the same in every version. */
public final class MallocChunk extends StructView {
    /** Bytes of {@code mchunk_prev_size} and {@code mchunk_size}. */
    public static final long HEADER = 16;
    /** The smallest chunk, in bytes. C name {@code MINSIZE}. */
    public static final long MIN_SIZE = 32;
    /** The smallest size, in bytes, that is in a bin of several sizes. */
    static final long MIN_LARGE = 1024;
    /** Bit of {@code mchunk_size}: the chunk before this one is not in a bin. */
    public static final long PREV_INUSE = 1;
    /** Bit of {@code mchunk_size}: mapped on its own. */
    public static final long IS_MMAPPED = 2;
    /** Bit of {@code mchunk_size}: from an arena other than the main one; set when the chunk is handed out. */
    public static final long NON_MAIN_ARENA = 4;
    /** The bits of {@code mchunk_size} that are not size. */
    public static final long SIZE_BITS = 7;

    /** Makes a view that lies nowhere yet. */
    public MallocChunk() {}

    /**
     * Lays the view over a chunk.
     *
     * @param segment local memory that holds its header and its links
     * @param offset where in that memory it begins
     * @param address where in the target it begins
     * @return this
     */
    public MallocChunk wrap(MemorySegment segment, long offset, long address) {
        lay(segment, offset, address, MIN_SIZE);
        return this;
    }

    /**
     * {@code mchunk_size}.
     *
     * @return size and flag bits
     */
    public long mchunkSize() {
        return longAt(8);
    }

    /**
     * The size without the flag bits. C name {@code chunksize}.
     *
     * @return bytes
     */
    public long size() {
        return mchunkSize() & ~SIZE_BITS;
    }

    /**
     * Whether it was mapped on its own.
     *
     * @return the bit {@code IS_MMAPPED}
     */
    public boolean mmapped() {
        return (mchunkSize() & IS_MMAPPED) != 0;
    }

    /**
     * {@code fd}, of a chunk in a bin.
     *
     * @return a target address; in a fastbin it may be mangled
     */
    public long fd() {
        return longAt(16);
    }

    /**
     * {@code bk}, of a chunk in a bin.
     *
     * @return a target address
     */
    public long bk() {
        return longAt(24);
    }

    @Override
    protected String describeFields() {
        return "%d bytes, flags 0x%x".formatted(size(), mchunkSize() & SIZE_BITS);
    }
}
