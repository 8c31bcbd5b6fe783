// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.jemalloc;

import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;

/** The size classes that follow from a quantum: the multiples of it up to four, then four for each power of two. */
final class SizeClasses {
    /** Those below so many pages have slabs. */
    private static final int SMALL_PAGES = 4;
    /** The least size with a class of its own, whatever the quantum. */
    private static final int TINY = 8;

    private final int quantum;
    private final long page;
    private final long[] sizes;
    private final int bins;

    private SizeClasses(int quantum, long page, long[] sizes) {
        this.quantum = quantum;
        this.page = page;
        this.sizes = sizes;
        this.bins = (int) Arrays.stream(sizes).filter(this::small).count();
    }

    /**
     * By the quantums that builds have: what {@code malloc} aligns to, and the 8 bytes of {@code --with-lg-quantum=3}.
     *
     * @param page memory is handed out by it, bytes
     */
    static List<SizeClasses> all(long page) {
        return List.of(of(8, page), of(16, page));
    }

    private static SizeClasses of(int quantum, long page) {
        long[] sizes = new long[256];
        int count = 0;
        for (int tiny = TINY; tiny < quantum; tiny *= 2) {
            sizes[count++] = tiny;
        }
        for (int i = 1; i <= 4; i++) {
            sizes[count++] = (long) quantum * i;
        }
        // The last step of the last group would reach into the sign.
        for (long base = 4L * quantum; base > 0; base *= 2) {
            for (int i = 1; i <= 4 && base + (base / 4) * i > 0; i++) {
                sizes[count++] = base + (base / 4) * i;
            }
        }
        return new SizeClasses(quantum, page, Arrays.copyOf(sizes, count));
    }

    int quantum() {
        return quantum;
    }

    /** How many classes there are; also the index that stands for none. */
    int count() {
        return sizes.length;
    }

    /** How many of them are small. */
    int bins() {
        return bins;
    }

    boolean small(long size) {
        return size < SMALL_PAGES * page;
    }

    long size(int index) {
        return sizes[index];
    }

    /** The size of the slabs of a small class where nobody has chosen another one. */
    long slabSize(int bin) {
        long size = page;
        while (size % sizes[bin] != 0) {
            size += page;
        }
        return size;
    }

    List<BinInfo> binInfos() {
        return IntStream.range(0, bins)
                .mapToObj(bin -> new BinInfo(bin, sizes[bin], slabSize(bin), (int) (slabSize(bin) / sizes[bin])))
                .toList();
    }
}
