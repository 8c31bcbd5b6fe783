// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.layout;

/** What the GNU C library has before a block that it gave, where Ruby asks it for the size: {@code malloc_chunk}. */
public final class ChunkHeader {
    /** {@code mchunk_size}, from the block. */
    public static final int SIZE = -8;
    /** The bits of it that are flags. */
    public static final long FLAGS = 7;
    /** {@code IS_MMAPPED}, one of them. */
    public static final long MMAPPED = 2;

    private ChunkHeader() {}
}
