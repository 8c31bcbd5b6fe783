// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.mimalloc;

import dev.heapwalk.allocator.AnonymousMemory;
import dev.heapwalk.memory.Reader;
import dev.heapwalk.mimalloc.layout.MimallocLayout;
import java.util.Optional;

/**
 * Which slices of an arena are free, and which were ever used. C names {@code slices_free}, {@code slices_committed},
 * {@code slices_dirty} and {@code slices_purge} in {@code mi_arena_t}: pointers side by side to bitmaps side by side.
 * Each bitmap begins with how many chunks of 512 bits it has, and ends with these. No other words of an arena are so.
 *
 * @param free target address of the first word of the bits for slices that are free
 * @param committed the same for those that have memory
 * @param dirty the same for those that were used since they came from the kernel
 */
record ArenaSlices(Reader reader, long free, long committed, long dirty) {
    private static final long CHUNK_BYTES = 64;
    private static final long CHUNK_SLICES = CHUNK_BYTES * Byte.SIZE;
    private static final int BITMAPS = 4;
    /** So far behind the number of slices the pointers are looked for, in bytes. */
    private static final long MOST = 256;

    /**
     * Finds the bitmaps of an arena.
     *
     * @param arena target address of its structure
     * @param slices how many it has
     */
    static Optional<ArenaSlices> of(
            Reader reader, AnonymousMemory anonymous, MimallocLayout layout, long arena, long slices) {
        long chunks = (slices + CHUNK_SLICES - 1) / CHUNK_SLICES;
        for (long at = arena + layout.arenaSlices(); at < arena + layout.arenaSlices() + MOST; at += Long.BYTES) {
            long[] bitmaps = new long[BITMAPS];
            boolean good = true;
            for (int i = 0; i < BITMAPS && good; i++) {
                bitmaps[i] = reader.readLong(at + (long) Long.BYTES * i, 0);
                good = (bitmaps[i] & CHUNK_BYTES - 1) == 0
                        && anonymous.holds(bitmaps[i], chunks * CHUNK_BYTES)
                        && reader.readLong(bitmaps[i], 0) == chunks
                        && (i == 0 || bitmaps[i] - bitmaps[i - 1] > chunks * CHUNK_BYTES);
            }
            if (good) {
                long bits = chunks * CHUNK_BYTES;
                return Optional.of(new ArenaSlices(reader, bitmaps[1] - bits, bitmaps[2] - bits, bitmaps[3] - bits));
            }
        }
        return Optional.empty();
    }

    /** What is in a slice that no page has. */
    PageTable.Kind kind(long slice) {
        if (!bit(free, slice)) {
            return PageTable.Kind.METADATA;
        }
        return bit(committed, slice) && bit(dirty, slice) ? PageTable.Kind.SLICES : PageTable.Kind.ARENA;
    }

    private boolean bit(long bits, long slice) {
        return (reader.readLong(bits + Long.BYTES * (slice >>> 6), 0) >>> slice & 1) != 0;
    }
}
