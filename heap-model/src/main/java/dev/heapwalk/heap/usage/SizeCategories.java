// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.heap.usage;

/**
 * The categories of blocks of which only the size is known: one object for each size, so that a walk makes none for a
 * block.
 */
final class SizeCategories {
    private static final long SPREAD = 0x9e3779b97f4a7c15L;

    private long[] sizes = new long[1 << 10];
    private Category[] categories = new Category[sizes.length];
    private int count;

    Category of(long size) {
        int place = place(size);
        Category known = categories[place];
        return known != null ? known : add(size, place);
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
        Category added = new Category(Domain.UNCATEGORIZED, "", size + " bytes");
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
