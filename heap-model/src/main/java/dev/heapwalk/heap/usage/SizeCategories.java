// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.heap.usage;

/**
 * The categories of blocks of which only the size is known: one object for each size, so that a walk makes none for a
 * block.
 */
final class SizeCategories {
    private static final int GRANULE = 16;
    private static final int SMALL = 1 << 16;
    private static final long SPREAD = 0x9e3779b97f4a7c15L;

    /** Small sizes of most allocators, by their number of granules. */
    private final Category[] small = new Category[SMALL / GRANULE];
    /** The others. */
    private long[] sizes = new long[1 << 10];

    private Category[] categories = new Category[sizes.length];
    private int count;

    Category of(long size) {
        if (size >= 0 && size < SMALL && size % GRANULE == 0) {
            int index = (int) size / GRANULE;
            Category known = small[index];
            return known != null ? known : (small[index] = category(size));
        }
        int place = place(size);
        Category known = categories[place];
        return known != null ? known : add(size, place);
    }

    private static Category category(long size) {
        return new Category(Domain.UNCATEGORIZED, "", size + " bytes");
    }

    /** Where a size is, or where it belongs. */
    private int place(long size) {
        int mask = sizes.length - 1;
        int place = (int) (size * SPREAD >>> 32) & mask;
        while (categories[place] != null && sizes[place] != size) {
            place = place + 1 & mask;
        }
        return place;
    }

    private Category add(long size, int place) {
        Category added = category(size);
        sizes[place] = size;
        categories[place] = added;
        if (++count > sizes.length / 2) {
            grow();
        }
        return added;
    }

    private void grow() {
        long[] oldSizes = sizes;
        Category[] old = categories;
        sizes = new long[2 * oldSizes.length];
        categories = new Category[sizes.length];
        for (int i = 0; i < old.length; i++) {
            if (old[i] != null) {
                int place = place(oldSizes[i]);
                sizes[place] = oldSizes[i];
                categories[place] = old[i];
            }
        }
    }
}
