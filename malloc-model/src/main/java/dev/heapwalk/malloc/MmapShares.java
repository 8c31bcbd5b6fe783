// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.malloc;

import java.util.ArrayList;
import java.util.List;

/**
 * Shares out chunks that were mapped on their own among several C libraries. Nothing in such a chunk tells whose it is,
 * so the counts of each library decide.
 */
final class MmapShares {
    private static final int MOST_STEPS = 200_000;

    private final long tail;
    private final List<List<MmapHeaders.Chunk>> shares = new ArrayList<>();
    private boolean exact = true;
    private int steps;

    private MmapShares(long tail) {
        this.tail = tail;
    }

    /**
     * Shares chunks out.
     *
     * @param chunks all that there are, in address order
     * @param counts how many each library counts
     * @param bytes how many bytes each library counts
     * @param tail how many bytes of a mapping lie behind its chunk
     */
    static MmapShares of(List<MmapHeaders.Chunk> chunks, long[] counts, long[] bytes, long tail) {
        MmapShares shares = new MmapShares(tail);
        List<MmapHeaders.Chunk> rest = new ArrayList<>(chunks);
        for (int i = 0; i < counts.length; i++) {
            List<MmapHeaders.Chunk> mine =
                    i == counts.length - 1 ? List.copyOf(rest) : shares.choose(rest, counts[i], bytes[i]);
            shares.shares.add(mine);
            rest.removeAll(mine);
        }
        return shares;
    }

    /** The chunks of one library, in address order. */
    List<MmapHeaders.Chunk> of(int library) {
        return shares.get(library);
    }

    /** Whether there is no other way to share them out. */
    boolean exact() {
        return exact;
    }

    private List<MmapHeaders.Chunk> choose(List<MmapHeaders.Chunk> from, long count, long bytes) {
        if (count <= 0 || count >= from.size()) {
            return count <= 0 ? List.of() : List.copyOf(from);
        }
        steps = MOST_STEPS;
        List<List<MmapHeaders.Chunk>> found = new ArrayList<>();
        choose(from, 0, count, bytes, new ArrayList<>(), found);
        exact &= found.size() == 1 && steps > 0;
        return found.isEmpty() ? List.copyOf(from.subList(0, (int) count)) : found.getFirst();
    }

    private void choose(
            List<MmapHeaders.Chunk> from,
            int index,
            long count,
            long bytes,
            List<MmapHeaders.Chunk> taken,
            List<List<MmapHeaders.Chunk>> found) {
        if (count == 0) {
            // Since 2.43 each mremap adds 16 bytes too many.
            if (bytes == 0 || tail > 0 && bytes > 0 && bytes < 4096 && (bytes & 15) == 0) {
                found.add(List.copyOf(taken));
            }
            return;
        }
        for (int i = index; i <= from.size() - count && found.size() < 2 && --steps > 0; i++) {
            MmapHeaders.Chunk chunk = from.get(i);
            if (chunk.length() <= bytes) {
                taken.add(chunk);
                choose(from, i + 1, count - 1, bytes - chunk.length(), taken, found);
                taken.removeLast();
            }
        }
    }
}
