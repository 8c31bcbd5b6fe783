// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.malloc;

import java.util.Arrays;

/**
 * The chunks that lie in fastbins and thread caches, which their neighbours' {@code PREV_INUSE} bits don't tell from
 * used ones: sorted, so that a walk in address order merges them in without looking anything up.
 */
final class FreeChunks {
    static final FreeChunks NONE = new FreeChunks();
    /** How many bits a kind takes. */
    static final int KIND_BITS = 2;

    static final int FASTBIN = ChunkState.FASTBIN.ordinal();
    static final int TCACHE = ChunkState.TCACHE.ordinal();

    private static final long KIND = 15;

    /**
     * Chunk addresses with the kind in their low bits, which are 0 in an address; ascending, each chunk once, with
     * sentinels behind them.
     */
    private long[] entries = {Long.MAX_VALUE};

    private int count;

    void add(long chunk, int kind) {
        // Room for a sentinel is left, so that no second copy is made in the end: there are millions in a large heap.
        if (count + 1 >= entries.length) {
            entries = Arrays.copyOf(entries, Math.max(1024, count + count / 2));
        }
        entries[count++] = chunk | kind;
    }

    /** Forgets all, and keeps the room. */
    void clear() {
        count = 0;
    }

    /**
     * These chunks as an object that stays as it is when this one is used again. To be called after {@link #sort}.
     *
     * @param before the chunks of an earlier look, or null
     * @return that one, if they are the same; else a copy
     */
    FreeChunks kept(FreeChunks before) {
        if (before != null && Arrays.equals(entries, 0, count, before.entries, 0, before.count)) {
            return before;
        }
        FreeChunks copy = new FreeChunks();
        copy.entries = Arrays.copyOf(entries, count + 1);
        copy.entries[count] = Long.MAX_VALUE;
        copy.count = count;
        return copy;
    }

    /** To be called once all are in. */
    void sort() {
        Arrays.sort(entries, 0, count);
        // What several lists name is in the first of them.
        int kept = 0;
        for (int i = 0; i < count; i++) {
            if (kept == 0 || chunk(entries[i]) != chunk(entries[kept - 1])) {
                entries[kept++] = entries[i];
            }
        }
        count = kept;
        Arrays.fill(entries, count, entries.length, Long.MAX_VALUE);
    }

    /** The chunk that an entry names; of a sentinel an address that no chunk has. */
    static long chunk(long entry) {
        return entry & ~KIND;
    }

    /** The ordinal of the state that an entry tells. */
    static int kind(long entry) {
        return (int) (entry & KIND);
    }

    long[] entries() {
        return entries;
    }
}
