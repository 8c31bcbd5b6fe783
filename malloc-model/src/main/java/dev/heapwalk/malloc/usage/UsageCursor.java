// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.malloc.usage;

import dev.heapwalk.malloc.ChunkCursor;
import dev.heapwalk.malloc.ChunkState;
import dev.heapwalk.malloc.MallocHeap;
import dev.heapwalk.memory.Window;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.ServiceLoader;

/**
 * Walks chunks in address order and says what each is used for. Where another allocator lives inside malloc's chunks or
 * beside them, a walk over the whole heap leaves out the chunks that hold its blocks, and goes through those blocks at
 * the end.
 */
public final class UsageCursor {
    private static final int SMALL = 1 << 16;

    private final MallocHeap heap;
    private final ChunkCursor chunk;
    private final Window window;
    private final boolean whole;
    private final List<Categorizer> known;
    private final Categorizer[] categorizers;
    private final Suballocator[] suballocators;
    // One object for each size, so that a walk makes none for a chunk.
    private final Category[] bySize;
    private final Map<Long, Category> byLargeSize;
    private final List<String> holes = new ArrayList<>();
    private Category category;
    private int suballocator = -1;
    private BlockCursor block;

    private UsageCursor(
            MallocHeap heap,
            ChunkCursor chunk,
            Window window,
            boolean whole,
            List<Categorizer> known,
            Category[] bySize,
            Map<Long, Category> byLargeSize) {
        this.heap = heap;
        this.chunk = chunk;
        this.window = window;
        this.whole = whole;
        this.known = known;
        this.bySize = bySize;
        this.byLargeSize = byLargeSize;
        List<Categorizer> present =
                known.stream().filter(one -> one.prepare(heap)).toList();
        this.categorizers = present.toArray(Categorizer[]::new);
        this.suballocators = present.stream()
                .filter(one -> whole && one instanceof Suballocator)
                .map(Suballocator.class::cast)
                .toArray(Suballocator[]::new);
    }

    private static UsageCursor begin(MallocHeap heap, ChunkCursor chunk, boolean whole) {
        List<Categorizer> known = new ArrayList<>();
        ClassLoader loader = Categorizer.class.getClassLoader();
        ServiceLoader.load(Categorizer.class, loader).forEach(known::add);
        ServiceLoader.load(Suballocator.class, loader).forEach(known::add);
        known.sort(Comparator.comparingInt(Categorizer::priority));
        return new UsageCursor(
                heap,
                chunk,
                heap.target().memory().window(),
                whole,
                List.copyOf(known),
                new Category[SMALL / 16],
                new HashMap<>());
    }

    /**
     * Walks a heap.
     *
     * @param heap the heap
     * @return a new cursor over all its chunks
     */
    public static UsageCursor over(MallocHeap heap) {
        return begin(heap, heap.chunks(), true);
    }

    /**
     * Walks the chunks of a cursor, those that hold another allocator's blocks too, but not these blocks.
     *
     * @param heap the heap
     * @param chunks a new cursor of that heap, moved by this one from now on
     * @return a new cursor
     */
    public static UsageCursor over(MallocHeap heap, ChunkCursor chunks) {
        return begin(heap, chunks, false);
    }

    /**
     * Walks the whole heap of a process that runs on as it is now, for profilers, at each sample. Cheaper than a new
     * cursor by far: the heap and what is in it are only {@linkplain MallocHeap#refresh() looked at again}. The same
     * use is the same {@link Category} object where it was before, except where a {@link Categorizer} makes new ones.
     *
     * @return a new cursor; this one is not to be used any more
     * @throws dev.heapwalk.memory.NoSuchProcessException if the process ended
     */
    public UsageCursor refresh() {
        MallocHeap now = heap.refresh();
        window.forget();
        return new UsageCursor(now, now.chunks(), window, whole, known, bySize, byLargeSize);
    }

    /**
     * Moves to the next chunk or block.
     *
     * @return whether there is one
     */
    public boolean next() {
        while (block == null && suballocator < 0 && chunk.next()) {
            if (chunk.state() != ChunkState.USED) {
                category = null;
                return true;
            }
            if (!held()) {
                category = categorize();
                return true;
            }
        }
        return nextBlock();
    }

    private boolean held() {
        for (Suballocator each : suballocators) {
            if (each.holds(chunk)) {
                return true;
            }
        }
        return false;
    }

    private boolean nextBlock() {
        while (block == null || !block.next()) {
            if (block != null) {
                holes.addAll(block.holes());
                block = null;
            }
            if (suballocator >= suballocators.length - 1) {
                suballocator = suballocators.length;
                category = null;
                return false;
            }
            block = suballocators[++suballocator].blocks();
        }
        category = block.category();
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
     * What malloc returned for the chunk, or where the block begins.
     *
     * @return a target address
     */
    public long address() {
        return block != null ? block.address() : chunk.userAddress();
    }

    /**
     * The size of the chunk with its header, or of the block.
     *
     * @return bytes
     */
    public long size() {
        return block != null ? block.size() : chunk.size();
    }

    /**
     * What malloc holds the chunk for; blocks are used.
     *
     * @return the state
     */
    public ChunkState state() {
        return block != null ? ChunkState.USED : chunk.state();
    }

    /**
     * Whether the chunk was mapped on its own.
     *
     * @return {@link ChunkCursor#mmapped()}; false for a block
     */
    public boolean mmapped() {
        return block == null && chunk.mmapped();
    }

    /**
     * The arena that the chunk belongs to.
     *
     * @return {@link ChunkCursor#arena()}; -1 for a block
     */
    public int arena() {
        return block != null ? -1 : chunk.arena();
    }

    /**
     * What of the other allocators could not be read, a line each.
     *
     * @return a list that is whole after the walk
     */
    public List<String> holes() {
        return holes;
    }

    /**
     * The cursor over the chunks, for how far the walk has come and for what it met that was damaged.
     *
     * @return the cursor, not to be moved; at the last chunk while blocks are walked
     */
    public ChunkCursor chunk() {
        return chunk;
    }

    /**
     * What the chunk or block is used for.
     *
     * @return the category; null for a chunk that is not used
     */
    public Category category() {
        return category;
    }
}
