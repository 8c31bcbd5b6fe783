// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.malloc;

/**
 * Where to begin when the chunk is wanted that an address lies in: for places at equal distances in each run of an
 * arena, a chunk that begins there or a little before. Made by one walk. Immutable, for any thread.
 */
final class ChunkIndex {
    /** The least distance between two places, in bytes: some hundred steps over small chunks. */
    private static final int LEAST_SHIFT = 14;
    /** So many places at most, whatever the size of the heap. */
    private static final long MOST = 1 << 20;

    private final WalkPlan plan;
    private final int shift;
    /** For each run the chunk of each place, 0 where none is known; null for an mmapped chunk. */
    private final long[][] places;

    private ChunkIndex(WalkPlan plan, int shift, long[][] places) {
        this.plan = plan;
        this.shift = shift;
        this.places = places;
    }

    /** Walks a new cursor to its end. */
    static ChunkIndex of(ChunkCursor chunk, WalkPlan plan) {
        long bytes = 0;
        for (int run = 0; run < plan.starts.length; run++) {
            bytes += plan.arenas[run] < 0 ? 0 : plan.ends[run] - plan.starts[run];
        }
        int shift = LEAST_SHIFT;
        while (bytes >>> shift > MOST) {
            shift++;
        }
        long[][] places = new long[plan.starts.length][];
        int run = -1;
        int next = 0;
        while (chunk.next()) {
            if (chunk.arena() < 0) {
                continue;
            }
            if (chunk.run() != run) {
                run = chunk.run();
                next = 0;
                places[run] = new long[(int) (plan.ends[run] - plan.starts[run] - 1 >>> shift) + 1];
            }
            // The chunk serves all places that lie in it, and those in what was left out before it that were not
            // served.
            long behind = chunk.address() + chunk.size() - plan.starts[run];
            long[] ofRun = places[run];
            while (next < ofRun.length && (long) next << shift < behind) {
                ofRun[next++] = chunk.address();
            }
        }
        return new ChunkIndex(plan, shift, places);
    }

    /**
     * A chunk from which on the chunk is to be looked for that an address lies in.
     *
     * @param run the run that the address lies in
     * @param address a target address
     * @return target address of the chunk, 0 if there is none
     */
    long before(int run, long address) {
        long[] ofRun = places[run];
        if (ofRun == null) {
            return plan.arenas[run] < 0 ? plan.starts[run] : 0;
        }
        int place = (int) (address - plan.starts[run] >>> shift);
        // Where a place has a chunk that begins behind it, what lies between was left out.
        while (place >= 0 && (ofRun[place] == 0 || ofRun[place] > address)) {
            place--;
        }
        return place < 0 ? 0 : ofRun[place];
    }
}
