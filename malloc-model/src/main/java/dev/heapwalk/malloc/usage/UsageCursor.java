// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.malloc.usage;

import dev.heapwalk.malloc.ChunkCursor;
import dev.heapwalk.malloc.ChunkState;
import dev.heapwalk.malloc.MallocHeap;
import dev.heapwalk.memory.Window;
import java.util.Comparator;
import java.util.HashMap;
import java.util.Map;
import java.util.ServiceLoader;

/** Walks chunks in address order and says what each is used for. */
public final class UsageCursor {
    private static final int SMALL = 1 << 16;

    private final ChunkCursor chunk;
    private final Window window;
    private final Categorizer[] categorizers;
    // One object for each size, so that a walk makes none for a chunk.
    private final Category[] bySize = new Category[SMALL / 16];
    private final Map<Long, Category> byLargeSize = new HashMap<>();
    private Category category;

    private UsageCursor(MallocHeap heap, ChunkCursor chunk) {
        this.chunk = chunk;
        this.window = heap.target().memory().window();
        this.categorizers = ServiceLoader.load(Categorizer.class, Categorizer.class.getClassLoader()).stream()
                .map(ServiceLoader.Provider::get)
                .filter(categorizer -> categorizer.prepare(heap))
                .sorted(Comparator.comparingInt(Categorizer::priority))
                .toArray(Categorizer[]::new);
    }

    /**
     * Walks a heap.
     *
     * @param heap the heap
     * @return a new cursor over all its chunks
     */
    public static UsageCursor over(MallocHeap heap) {
        return over(heap, heap.chunks());
    }

    /**
     * Walks the chunks of a cursor.
     *
     * @param heap the heap
     * @param chunks a new cursor of that heap, moved by this one from now on
     * @return a new cursor
     */
    public static UsageCursor over(MallocHeap heap, ChunkCursor chunks) {
        return new UsageCursor(heap, chunks);
    }

    /**
     * Moves to the next chunk.
     *
     * @return whether there is one
     */
    public boolean next() {
        if (!chunk.next()) {
            category = null;
            return false;
        }
        category = chunk.state() == ChunkState.USED ? categorize() : null;
        return true;
    }

    private Category categorize() {
        for (Categorizer categorizer : categorizers) {
            Category found = categorizer.categorize(chunk, window);
            if (found != null) {
                return found;
            }
        }
        long size = chunk.size();
        if (size >= SMALL) {
            return byLargeSize.computeIfAbsent(size, UsageCursor::uncategorized);
        }
        int index = (int) (size >>> 4);
        Category known = bySize[index];
        return known != null ? known : (bySize[index] = uncategorized(size));
    }

    private static Category uncategorized(long size) {
        return new Category(Domain.UNCATEGORIZED, "", size + " bytes");
    }

    /**
     * The chunk.
     *
     * @return the cursor at it, not to be moved
     */
    public ChunkCursor chunk() {
        return chunk;
    }

    /**
     * What it is used for.
     *
     * @return the category; null for a chunk that is not used
     */
    public Category category() {
        return category;
    }
}
