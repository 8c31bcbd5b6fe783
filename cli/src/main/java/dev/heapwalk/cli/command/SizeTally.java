// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli.command;

import java.util.Comparator;
import java.util.HashMap;
import java.util.Map;
import java.util.stream.LongStream;

/**
 * Counts sizes: small ones in an array, since there are millions of them, large ones in a map, since these are rare.
 */
final class SizeTally {
    private static final int GRANULE = 16;
    private static final int SMALL = 1 << 16;

    private final long[] small = new long[SMALL];
    private final Map<Long, Long> others = new HashMap<>();

    void add(long size) {
        long index = size / GRANULE;
        if (index >= 0 && index < SMALL && size % GRANULE == 0) {
            small[(int) index]++;
        } else {
            others.merge(size, 1L, Long::sum);
        }
    }

    long count(long size) {
        long index = size / GRANULE;
        if (index >= 0 && index < SMALL && size % GRANULE == 0) {
            return small[(int) index];
        }
        return others.getOrDefault(size, 0L);
    }

    /** The sizes that occur, the one that takes most bytes first. */
    long[] byBytes() {
        LongStream low =
                LongStream.range(0, SMALL).filter(i -> small[(int) i] > 0).map(i -> i * GRANULE);
        return LongStream.concat(low, others.keySet().stream().mapToLong(Long::longValue))
                .boxed()
                .sorted(Comparator.comparingLong((Long size) -> size * count(size))
                        .reversed()
                        .thenComparing(Comparator.reverseOrder()))
                .mapToLong(Long::longValue)
                .toArray();
    }
}
