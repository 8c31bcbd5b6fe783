// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.heap.usage;

import static org.assertj.core.api.Assertions.assertThat;

import dev.heapwalk.heap.Block;
import dev.heapwalk.heap.BlockState;
import dev.heapwalk.memory.Window;
import java.util.HashMap;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** Tables by address and by size, held against those of the JDK. */
class KnownBlocksTest {
    /** Nothing is read. */
    private static final Window NONE = null;

    private static Block block(long address, long size) {
        return new Block(address, size, size, BlockState.USED, 0, "USED", -1, false);
    }

    @Test
    void blocksAreKnownInAnyOrder() {
        Random random = new Random(1);
        Map<Long, Category> known = new HashMap<>();
        for (int i = 0; i < 200; i++) {
            long address = 16L * random.nextInt(5000);
            known.put(address, new Category(new Domain("test"), "block", "" + address));
        }
        Map<Long, Category> others = new HashMap<>(Map.of(16L * 7000, new Category(new Domain("test"), "other", "")));
        known.keySet().stream().limit(20).forEach(both -> others.put(both, Category.NONE));
        KnownBlocks first = (KnownBlocks) KnownBlocks.of(known);
        KnownBlocks both = first.and((KnownBlocks) KnownBlocks.of(others));
        for (int i = 0; i < 100_000; i++) {
            // Upwards for a while, then anywhere.
            long address = 16L * (i < 50_000 ? i / 5 : random.nextInt(8000));
            assertThat(first.categorize(block(address, 32), NONE)).isSameAs(known.getOrDefault(address, Category.NONE));
            assertThat(both.categorize(block(address, 32), NONE))
                    .isSameAs(known.getOrDefault(address, others.getOrDefault(address, Category.NONE)));
        }
        assertThat(KnownBlocks.of(Map.of())).isSameAs(Categorizer.NONE);
    }

    @Test
    void oneObjectStandsForASize() {
        Random random = new Random(2);
        SizeCategories sizes = new SizeCategories();
        Map<Long, Category> seen = new HashMap<>();
        for (int i = 0; i < 200_000; i++) {
            long size = random.nextLong() >>> random.nextInt(64);
            Category category = sizes.of(size);
            assertThat(category.detail()).isEqualTo(size + " bytes");
            assertThat(category.domain()).isEqualTo(Domain.UNCATEGORIZED);
            assertThat(seen.computeIfAbsent(size, added -> category)).isSameAs(category);
        }
    }
}
