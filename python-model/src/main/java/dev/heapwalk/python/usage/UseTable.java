// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.python.usage;

import dev.heapwalk.heap.usage.Category;
import dev.heapwalk.memory.LongTable;
import dev.heapwalk.memory.Reader;
import dev.heapwalk.python.PythonRuntime;
import dev.heapwalk.python.layout.PymallocLayout;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * What each block is used for, as a number: of blocks of pymalloc in two bytes for as many bytes as sizes are multiples
 * of, of other blocks in a table by their address.
 */
final class UseTable {
    /** No use is known. */
    static final int UNKNOWN = 0;

    private static final int MOST = Character.MAX_VALUE;
    private static final int MOST_DEBUG_HEADS = 2;

    private final PythonRuntime runtime;
    private final int arenaSize;
    private final int shift;
    private final char[][] pools;
    private final LongTable others = new LongTable();
    private final Reader memory;
    private final boolean debugHeads;

    private final List<Category> categories = new ArrayList<>(List.of(Category.NONE));
    private final Map<Category, Integer> numbers = new HashMap<>();

    private int lastArena;
    private long lastStart;
    private long lastEnd;

    UseTable(PythonRuntime runtime, Reader memory) {
        this.runtime = runtime;
        this.arenaSize = runtime.arenaSize();
        this.shift = runtime.pymallocs().isEmpty()
                ? 0
                : Integer.numberOfTrailingZeros(runtime.pymallocs().getFirst().alignment());
        this.pools = new char[runtime.arenas().size()][];
        this.memory = memory;
        this.debugHeads = runtime.debugHeads();
    }

    /** The number of a category. If there are too many, that of a category of the same kind without a detail. */
    int number(Category category) {
        Integer known = numbers.get(category);
        if (known != null) {
            return known;
        }
        if (categories.size() == MOST) {
            return numbers.getOrDefault(new Category(category.domain(), category.kind(), ""), UNKNOWN);
        }
        categories.add(category);
        numbers.put(category, categories.size() - 1);
        return categories.size() - 1;
    }

    Category category(int number) {
        return categories.get(number);
    }

    /** Whether an address lies in an arena of pymalloc. */
    boolean inArena(long address) {
        return address >= lastStart && address < lastEnd || findArena(address);
    }

    private boolean findArena(long address) {
        int arena = runtime.arenaAt(address);
        if (arena < 0) {
            return false;
        }
        lastArena = arena;
        lastStart = runtime.arenas().get(arena).address();
        lastEnd = lastStart + arenaSize;
        return true;
    }

    /** The address of the block, as its heap tells it, that begins with what Python asked for at an address. */
    long block(long asked) {
        if (!debugHeads || inArena(asked)) {
            return asked;
        }
        long block = asked;
        for (int i = 0; i < MOST_DEBUG_HEADS; i++) {
            long head = block - PymallocLayout.DEBUG_HEAD;
            if (!PymallocLayout.isDebugHead(
                    memory.readLong(head, -1), memory.readLong(head + PymallocLayout.DEBUG_LETTER, 0))) {
                break;
            }
            block = head;
        }
        return block;
    }

    /** The address that Python has got for a block of another allocator than pymalloc. */
    long asked(long block) {
        long data = block;
        for (int i = 0; debugHeads && i < MOST_DEBUG_HEADS; i++) {
            if (!PymallocLayout.isDebugHead(
                    memory.readLong(data, -1), memory.readLong(data + PymallocLayout.DEBUG_LETTER, 0))) {
                break;
            }
            data += PymallocLayout.DEBUG_HEAD;
        }
        return data;
    }

    /** Gives a block a use in place of the one that it had. */
    void put(long block, int number) {
        if (!inArena(block)) {
            others.put(block, number);
            return;
        }
        char[] uses = pools[lastArena];
        if (uses == null) {
            uses = new char[arenaSize >> shift];
            pools[lastArena] = uses;
        }
        uses[(int) (block - lastStart) >> shift] = (char) number;
    }

    int get(long block) {
        if (!inArena(block)) {
            return (int) others.get(block, UNKNOWN);
        }
        char[] uses = pools[lastArena];
        return uses == null ? UNKNOWN : uses[(int) (block - lastStart) >> shift];
    }
}
