// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli.command;

import dev.heapwalk.cli.output.Categories;
import dev.heapwalk.cli.output.Problems;
import dev.heapwalk.cli.output.Progress;
import dev.heapwalk.graph.BlockIndex;
import dev.heapwalk.heap.BlockState;
import dev.heapwalk.heap.Heaps;
import dev.heapwalk.heap.usage.Category;
import dev.heapwalk.heap.usage.UsageCursor;
import java.util.Arrays;
import java.util.List;
import java.util.function.IntPredicate;

/** What blocks of a graph are used for, by their numbers. */
final class NodeCategories {
    private final Categories categories = new Categories();
    private final int[] numbers;

    /** Asks what all blocks are used for. */
    NodeCategories(BlockIndex blocks, Heaps heaps, Categorizers categorizers, Problems problems, Progress progress) {
        this(blocks, heaps, categorizers, problems, progress, _ -> true);
    }

    /** Asks what some blocks are used for, which takes far less time than to ask about all if these are few. */
    NodeCategories(
            BlockIndex blocks,
            Heaps heaps,
            Categorizers categorizers,
            Problems problems,
            Progress progress,
            IntPredicate wanted) {
        numbers = new int[blocks.count()];
        Arrays.fill(numbers, -1);
        try (UsageCursor usage = categorizers.over(heaps)) {
            HeapCommand.watch(usage, progress);
            HeapCommand.walk(usage, progress, one -> {
                int node = one.state() == BlockState.USED ? blocks.startingAt(one.address()) : -1;
                if (node >= 0 && wanted.test(node)) {
                    numbers[node] = categories.number(one.category());
                }
            });
            HeapCommand.damage(usage, problems);
        }
    }

    /** The number of the category of a node; -1 for what is no block, and for a block that no walk has told. */
    int number(int node) {
        return node < numbers.length ? numbers[node] : -1;
    }

    /** All categories, in the order of their numbers. */
    List<Category> list() {
        return categories.list();
    }

    /** What a block is used for. */
    Category of(int node) {
        int number = number(node);
        return number < 0 ? Category.NONE : categories.get(number);
    }
}
