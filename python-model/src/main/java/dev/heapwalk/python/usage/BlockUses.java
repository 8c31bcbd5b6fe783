// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.python.usage;

import dev.heapwalk.heap.BlockView;
import dev.heapwalk.heap.Heaps;
import dev.heapwalk.heap.usage.Categorizer;
import dev.heapwalk.heap.usage.Category;
import dev.heapwalk.memory.Window;
import dev.heapwalk.python.ObjectReader;
import dev.heapwalk.python.PythonRuntime;

/** Tells what blocks are used for, of pymalloc and of other allocators. It looks at all objects when first asked. */
final class BlockUses implements Categorizer {
    private final PythonRuntime runtime;
    private final Heaps heaps;
    /** Null until it is first asked. */
    private UseTable table;

    private Leftovers leftovers;

    BlockUses(PythonRuntime runtime, Heaps heaps) {
        this.runtime = runtime;
        this.heaps = heaps;
    }

    @Override
    public void prepare(Runnable progress) {
        look(progress);
    }

    @Override
    public Category categorize(BlockView block, Window window) {
        if (table == null) {
            look(() -> {});
        }
        int number = table.get(block.address());
        if (number != UseTable.UNKNOWN) {
            return table.category(number);
        }
        boolean pool = table.inArena(block.address());
        Category category = leftovers.of(block, window, pool);
        return category == Category.NONE && !pool ? leftovers.ofAllocator(block, window) : category;
    }

    private void look(Runnable progress) {
        try (ObjectReader reader = runtime.reader()) {
            UseTable found = new UseTable(runtime, reader.memory());
            leftovers = Ownership.find(runtime, heaps, found, reader, progress);
            table = found;
        }
    }
}
