// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.tcmalloc;

import dev.heapwalk.memory.Reader;
import dev.heapwalk.tcmalloc.layout.TcmallocLayout;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;

/**
 * The size classes, as the allocator has worked them out when it began. C name {@code SizeMap}. They are known by what
 * they look like: sizes that rise from 0, and behind them for each a number of pages that has room for it.
 *
 * @param address target address of {@code class_to_size_}
 */
record SizeClasses(long address, int[] sizes, int[] pages, int[] moves) {
    /** The smallest sizes of a build that aligns to 16 bytes, as all of late do. */
    static final long FIRST_SIZES = 16L << 32 | 8;
    /** Where these stand in the array, if they are a word. */
    static final long FIRST = Integer.BYTES;

    /** Fewer classes there are in no build. */
    private static final int LEAST = 16;

    private static final int MOST = TcmallocLayout.MOST_CLASSES;
    /** Less than the least page of a build. */
    private static final int LEAST_PAGE = 4096;

    /**
     * Reads the arrays.
     *
     * @param address where {@code class_to_size_} may be
     */
    static Optional<SizeClasses> at(Reader reader, long address) {
        int count = 1;
        int before = reader.readInt(address, -1);
        if (before != 0) {
            return Optional.empty();
        }
        int[] sizes = new int[MOST];
        for (; count < MOST; count++) {
            int size = reader.readInt(address + (long) Integer.BYTES * count, -1);
            if (size <= before || size % 8 != 0) {
                break;
            }
            sizes[count] = size;
            before = size;
        }
        for (int i = count; i < MOST; i++) {
            if (reader.readInt(address + (long) Integer.BYTES * i, -1) != 0) {
                return Optional.empty();
            }
        }
        if (count < LEAST) {
            return Optional.empty();
        }
        long pagesAt = address + (long) Integer.BYTES * MOST + 7 & -8L;
        long movesAt = address - (long) Integer.BYTES * MOST;
        int[] pages = new int[count];
        int[] moves = new int[count];
        for (int i = 1; i < count; i++) {
            long some = reader.readLong(pagesAt + (long) Long.BYTES * i, -1);
            moves[i] = reader.readInt(movesAt + (long) Integer.BYTES * i, -1);
            if (some <= 0 || some > sizes[count - 1] || moves[i] <= 0) {
                return Optional.empty();
            }
            pages[i] = (int) some;
        }
        return pages[count - 1] <= sizes[count - 1] / LEAST_PAGE
                ? Optional.of(new SizeClasses(address, Arrays.copyOf(sizes, count), pages, moves))
                : Optional.empty();
    }

    /** How many classes there are, with the one of number 0 that has no objects. */
    int count() {
        return sizes.length;
    }

    int size(int index) {
        return sizes[index];
    }

    /** What a block has of which so many bytes were asked for. */
    long usable(long asked, long pageSize) {
        for (int i = 1; i < sizes.length; i++) {
            if (asked <= sizes[i]) {
                return sizes[i];
            }
        }
        return asked + pageSize - 1 & -pageSize;
    }

    List<SizeClass> list() {
        return IntStream.range(1, count())
                .mapToObj(i -> new SizeClass(i, sizes[i], pages[i], moves[i]))
                .toList();
    }
}
