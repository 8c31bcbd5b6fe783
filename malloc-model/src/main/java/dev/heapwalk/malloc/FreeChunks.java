// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.malloc;

import java.util.Arrays;

/**
 * The chunks that lie in fastbins and thread caches, which their neighbours' {@code PREV_INUSE} bits don't tell from used
 * ones: sorted, so that a walk in address order merges them in without looking anything up.
 */
final class FreeChunks {
    static final FreeChunks NONE = new FreeChunks();
    static final int FASTBIN = 1;
    static final int TCACHE = 2;

    /** Chunk addresses with the kind in their low bits, which are 0 in an address; ascending, with a sentinel at the end. */
    private long[] entries = {Long.MAX_VALUE};

    private int count;

    void add(long chunk, int kind) {
        if (count == entries.length) {
            entries = Arrays.copyOf(entries, Math.max(1024, count * 2));
        }
        entries[count++] = chunk | kind;
    }

    /** To be called once all are in. */
    void sort() {
        Arrays.sort(entries, 0, count);
        entries = Arrays.copyOf(entries, count + 1);
        entries[count] = Long.MAX_VALUE;
    }

    long[] entries() {
        return entries;
    }

    int count() {
        return count;
    }
}
