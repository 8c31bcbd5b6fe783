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
    private int index;

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

    @Override
    public Category categorize(BlockView block, Window window) {
        long address = block.address();
        // Most blocks come in address order, so the place moves with them.
        if (index > 0 && addresses[index - 1] >= address) {
            int found = Arrays.binarySearch(addresses, address);
            index = found < 0 ? -found - 1 : found;
        }
        while (index < addresses.length && addresses[index] < address) {
            index++;
        }
        return index < addresses.length && addresses[index] == address ? categories[index] : Category.NONE;
    }
}
