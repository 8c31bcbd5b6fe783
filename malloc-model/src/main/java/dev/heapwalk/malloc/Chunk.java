// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.malloc;

/**
 * A chunk for who wants to keep it, as it was when it was taken from a cursor.
 *
 * @param address target address of its {@code malloc_chunk}
 * @param size bytes with its header, without the flag bits
 * @param usableSize how many bytes the program may use
 * @param state what malloc held it for
 * @param arena an index into {@link MallocHeap#arenas()}, -1 for an mmapped chunk
 * @param mmapped whether it was mapped on its own
 */
public record Chunk(long address, long size, long usableSize, ChunkState state, int arena, boolean mmapped) {
    /**
     * Takes the chunk that a cursor is at.
     *
     * @param cursor a cursor that has come to a chunk
     * @return the chunk
     * @throws IllegalStateException if the cursor has not come to one
     */
    public static Chunk of(ChunkCursor cursor) {
        ChunkState state = cursor.state();
        if (state == null) {
            throw new IllegalStateException("the cursor is before the first chunk");
        }
        return new Chunk(cursor.address(), cursor.size(), cursor.usableSize(), state, cursor.arena(), cursor.mmapped());
    }

    /**
     * What malloc returned for it, or would return.
     *
     * @return a target address, 16 bytes behind {@link #address()}
     */
    public long userAddress() {
        return address + MallocChunk.HEADER;
    }

    @Override
    public String toString() {
        return "%s chunk at 0x%x, %d bytes, %s".formatted(state, address, size, mmapped ? "mmapped" : "arena " + arena);
    }
}
