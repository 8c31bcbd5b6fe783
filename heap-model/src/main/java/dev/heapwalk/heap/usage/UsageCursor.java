// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.heap.usage;

import dev.heapwalk.heap.Block;
import dev.heapwalk.heap.BlockCursor;
import dev.heapwalk.heap.BlockState;
import dev.heapwalk.heap.Damage;
import dev.heapwalk.heap.Heap;
import dev.heapwalk.heap.HeapLayer;
import dev.heapwalk.heap.Heaps;
import dev.heapwalk.heap.LayerCursor;
import dev.heapwalk.heap.internal.Providers;
import java.util.Comparator;
import java.util.List;
import java.util.ServiceLoader;

/**
 * Walks the blocks of all heaps and says what each is used for. Blocks of runtimes come first, then those of
 * allocators, without the blocks that hold the runtimes' own: no byte is counted twice. It makes no object for a block.
 * For one thread.
 *
 * <p>Who knows a use best decides: a heap whose blocks tell their use themselves ({@link Categorized}), then the
 * {@linkplain CategorizerProvider categorizers} in the order of their priorities. What nobody knows is {@link
 * Domain#UNCATEGORIZED}, with its size as the detail.
 */
public final class UsageCursor implements BlockCursor, Categorized {
    private final Uses uses;
    /** The cursor over one heap or a part of it; the layers' own where there are layers. */
    private BlockCursor cursor;
    /** Null in a walk over a single cursor. */
    private LayerCursor layers;

    private boolean inRuntime;
    private Heap lastHeap;
    private Category category = Category.NONE;

    private UsageCursor(Uses uses, LayerCursor layers, BlockCursor cursor) {
        this.uses = uses;
        this.layers = layers;
        this.cursor = cursor;
    }

    /**
     * Walks all heaps of a target, and asks the categorizers that there are.
     *
     * @param heaps the heaps; {@link Heaps#allocators()} leaves runtimes out, and their blocks are blocks like any
     *     other then
     * @return a new cursor
     * @throws dev.heapwalk.memory.UnsupportedTargetException if there is no heap
     */
    public static UsageCursor over(Heaps heaps) {
        return over(heaps, providers());
    }

    /**
     * Walks all heaps of a target, and asks categorizers of one's own.
     *
     * @param heaps the heaps
     * @param categorizers what is asked, in this order whatever their priorities; {@link #providers()} may be among
     *     them
     * @return a new cursor
     * @throws dev.heapwalk.memory.UnsupportedTargetException if there is no heap
     */
    public static UsageCursor over(Heaps heaps, List<? extends CategorizerProvider> categorizers) {
        LayerCursor layers = heaps.blocks();
        return new UsageCursor(
                new Uses(heaps, categorizers, heaps.target().memory().window()), layers, layers);
    }

    /**
     * Walks what one cursor walks, such as a single region of a heap. A block that holds a runtime's blocks comes as it
     * is, and these do not.
     *
     * @param heaps the heaps of the target, for the categorizers
     * @param blocks a new cursor over blocks of one of these heaps, moved by this one from now on
     * @return a new cursor
     */
    public static UsageCursor over(Heaps heaps, BlockCursor blocks) {
        return new UsageCursor(
                new Uses(heaps, providers(), heaps.target().memory().window()), null, blocks);
    }

    /**
     * The categorizers that there are: those that the {@link ServiceLoader} finds by the class loader of this class,
     * and those that it finds by the context class loader of this thread, none of them twice.
     *
     * @return a new list, sorted by {@link CategorizerProvider#priority()}
     */
    public static List<CategorizerProvider> providers() {
        ClassLoader own = CategorizerProvider.class.getClassLoader();
        return Providers.merge(
                        ServiceLoader.load(CategorizerProvider.class, own),
                        ServiceLoader.load(
                                CategorizerProvider.class,
                                Thread.currentThread().getContextClassLoader()))
                .stream()
                .sorted(Comparator.comparingInt(CategorizerProvider::priority))
                .toList();
    }

    @Override
    public boolean next() {
        if (!cursor.next()) {
            category = Category.NONE;
            return false;
        }
        if (layers == null) {
            category = uses.of(cursor);
            return true;
        }
        BlockCursor block = layers.current();
        if (layers.heap() != lastHeap) {
            lastHeap = layers.heap();
            inRuntime = lastHeap.layer() == HeapLayer.RUNTIME;
        }
        if (inRuntime) {
            uses.note(block);
        }
        category = uses.of(block);
        return true;
    }

    /**
     * {@inheritDoc} Categorizers are made anew.
     */
    @Override
    public void rewind() {
        cursor.rewind();
        begin(uses.heaps());
    }

    /**
     * Goes before the first block of the heaps of a process that runs on, as they are now, for profilers, at each
     * sample. Cheaper than a new cursor by far, since the heaps are only {@linkplain Heaps#refresh() looked at again}.
     * The same use is the same {@link Category} object where it was before, except where a {@link Categorizer} makes
     * new ones.
     *
     * @throws dev.heapwalk.memory.NoSuchProcessException if the process ended
     * @throws IllegalStateException if this cursor walks what a single cursor walks, which can only be rewound
     */
    public void refresh() {
        if (layers == null) {
            throw new IllegalStateException("a cursor over a single cursor can't be refreshed; make a new one");
        }
        Heaps now = uses.heaps().refresh();
        layers = now.blocks();
        cursor = layers;
        begin(now);
    }

    private void begin(Heaps heaps) {
        uses.restart(heaps);
        lastHeap = null;
        inRuntime = false;
        category = Category.NONE;
    }

    /**
     * The heaps that are walked.
     *
     * @return the heaps as they were when the walk began
     */
    public Heaps heaps() {
        return uses.heaps();
    }

    /**
     * The heap that the block belongs to.
     *
     * @return the heap
     * @throws IllegalStateException if this cursor walks what a single cursor walks, whose heap its maker knows
     */
    public Heap heap() {
        if (layers == null) {
            throw new IllegalStateException("a cursor over a single cursor does not know its heap");
        }
        return layers.heap();
    }

    /** Whether the block is one of a runtime. */
    boolean inRuntime() {
        return inRuntime;
    }

    /**
     * The heap's own cursor, which is at the block.
     *
     * @return the cursor, not to be moved
     */
    public BlockCursor current() {
        return layers == null ? cursor : layers.current();
    }

    /**
     * What the block is used for.
     *
     * @return the category; {@link Category#NONE} for a block that is not used
     */
    @Override
    public Category category() {
        return category;
    }

    @Override
    public long address() {
        return cursor.address();
    }

    @Override
    public long size() {
        return cursor.size();
    }

    @Override
    public long usableSize() {
        return cursor.usableSize();
    }

    @Override
    public BlockState state() {
        return cursor.state();
    }

    @Override
    public int nameIndex() {
        return cursor.nameIndex();
    }

    @Override
    public String name() {
        return cursor.name();
    }

    @Override
    public int region() {
        return cursor.region();
    }

    @Override
    public boolean ownMapping() {
        return cursor.ownMapping();
    }

    @Override
    public long walkedBytes() {
        return cursor.walkedBytes();
    }

    @Override
    public long totalBytes() {
        return cursor.totalBytes();
    }

    @Override
    public long leftOutBytes() {
        return cursor.leftOutBytes();
    }

    @Override
    public List<Damage> damage() {
        return cursor.damage();
    }

    /**
     * What the cursor met in one heap that was damaged or could not be read.
     *
     * @param heap a heap
     * @return an unmodifiable list, as it is now
     */
    public List<Damage> damage(Heap heap) {
        return layers == null ? cursor.damage() : layers.damage(heap);
    }

    @Override
    public String toString() {
        return Block.describe(cursor) + (category == Category.NONE ? "" : ", " + category);
    }
}
