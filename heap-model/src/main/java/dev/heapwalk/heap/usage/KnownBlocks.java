// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.heap.usage;

import dev.heapwalk.heap.BlockView;
import dev.heapwalk.memory.Window;
import java.util.Arrays;
import java.util.Map;
import java.util.TreeMap;

/** A categorizer that knows blocks by their addresses. */
public final class KnownBlocks implements Categorizer {
    private final long[] addresses;
    private final Category[] categories;
    /** No block is known that begins between these two addresses. */
    private long gapStart;

    private long gapEnd;

    private KnownBlocks(TreeMap<Long, Category> known) {
        addresses = known.keySet().stream().mapToLong(Long::longValue).toArray();
        categories = known.values().toArray(Category[]::new);
    }

    /**
     * Makes one.
     *
     * @param known categories by the target address of the block, as {@link BlockView#address()} has it
     * @return a categorizer; {@link Categorizer#NONE} if nothing is known
     */
    public static Categorizer of(Map<Long, Category> known) {
        return known.isEmpty() ? NONE : new KnownBlocks(new TreeMap<>(known));
    }

    /** Both as one, of which this one decides where both know a block: one question for each block in place of two. */
    KnownBlocks and(KnownBlocks other) {
        TreeMap<Long, Category> all = new TreeMap<>();
        other.putAllInto(all);
        putAllInto(all);
        return new KnownBlocks(all);
    }

    private void putAllInto(Map<Long, Category> all) {
        for (int i = 0; i < addresses.length; i++) {
            all.put(addresses[i], categories[i]);
        }
    }

    @Override
    public Category categorize(BlockView block, Window window) {
        long address = block.address();
        // There are few known blocks, so most lie between the same two.
        return address > gapStart && address < gapEnd ? Category.NONE : find(address);
    }

    private Category find(long address) {
        int index = Arrays.binarySearch(addresses, address);
        if (index >= 0) {
            return categories[index];
        }
        int behind = -index - 1;
        gapStart = behind == 0 ? Long.MIN_VALUE : addresses[behind - 1];
        gapEnd = behind == addresses.length ? Long.MAX_VALUE : addresses[behind];
        return Category.NONE;
    }
}
