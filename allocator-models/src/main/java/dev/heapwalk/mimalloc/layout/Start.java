// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.mimalloc.layout;

/** How a page tells where its first block begins. */
public enum Start {
    /** A pointer in {@code mi_page_t}. */
    POINTER,
    /** How many words it lies behind {@code mi_page_t}, in 32 bits. */
    WORDS,
    /** How many bytes it lies behind {@code mi_page_t}, in 32 bits. */
    BYTES,
    /** 128 bytes behind the first slice, for blocks of up to 1024 bytes. */
    OFFSET_128,
    /** 384 bytes behind the first slice, for blocks of up to 1024 bytes. */
    OFFSET_384,
    /** Three blocks of up to 64 bytes behind the first slice, one block of up to 512 bytes. */
    BLOCKS;

    /** Blocks of more than that begin with the slice. */
    private static final long OFFSET_MOST = 1024;

    private static final long THREE_MOST = 64;
    private static final long ONE_MOST = 512;

    /**
     * How far the first block lies behind the first slice, where that is no field of the page.
     *
     * @param blockSize the size of a block in bytes
     * @return bytes
     */
    public long offset(long blockSize) {
        return switch (this) {
            case OFFSET_128 -> blockSize <= OFFSET_MOST ? 128 : 0;
            case OFFSET_384 -> blockSize <= OFFSET_MOST ? 384 : 0;
            case BLOCKS -> blockSize <= THREE_MOST ? 3 * blockSize : blockSize <= ONE_MOST ? blockSize : 0;
            default -> 0;
        };
    }

    /**
     * Whether the page has a field that tells.
     *
     * @return whether it has
     */
    public boolean field() {
        return this == POINTER || this == WORDS || this == BYTES;
    }
}
