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
    /** Null in a walk over a single cursor. */
    private final LayerCursor layers;
    /** The cursor of the heap that is walked. */
    private BlockCursor block;

    private boolean inRuntime;
    private boolean tellsItself;
    private Heap lastHeap;
    private Category category = Category.NONE;
    /** Whether the block is used, and nobody has asked yet what for. */
    private boolean untold;

    private UsageCursor(Uses uses, LayerCursor layers, BlockCursor block) {
        this.uses = uses;
        this.layers = layers;
        this.block = block;
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
                new Uses(heaps, categorizers, heaps.target().memory().residentWindow()), layers, layers.current());
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
        return over(heaps, blocks, providers());
    }

    /**
     * Walks what one cursor walks, and asks categorizers of one's own.
     *
     * @param heaps the heaps of the target, for the categorizers
     * @param blocks a new cursor over blocks of one of these heaps, moved by this one from now on
     * @param categorizers what is asked, in this order whatever their priorities
     * @return a new cursor
     */
    public static UsageCursor over(Heaps heaps, BlockCursor blocks, List<? extends CategorizerProvider> categorizers) {
        return new UsageCursor(
                new Uses(heaps, categorizers, heaps.target().memory().residentWindow()), null, blocks);
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

    /**
     * Has somebody told while categorizers prepare, which may take as long as a walk.
     *
     * @param progress is run from time to time, by the thread that moves this; an exception of it ends the walk
     */
    public void watch(Runnable progress) {
        uses.watch(progress);
    }

    @Override
    public boolean next() {
        return layers == null ? nextOfOne() : nextOfAll();
    }

    private boolean nextOfOne() {
        boolean found = block.next();
        category = Category.NONE;
        tellsItself = true;
        untold = found && block.state() == BlockState.USED;
        return found;
    }

    private boolean nextOfAll() {
        category = Category.NONE;
        untold = false;
        if (!layers.next()) {
            return false;
        }
        BlockCursor at = layers.current();
        if (at != block || lastHeap == null) {
            block = at;
            lastHeap = layers.heap();
            inRuntime = lastHeap.layer() == HeapLayer.RUNTIME;
            tellsItself = at instanceof Categorized;
        }
        if (at.state() != BlockState.USED) {
            if (tellsItself) {
                category = ((Categorized) at).category();
            }
            return true;
        }
        if (inRuntime) {
            uses.note(at);
        }
        untold = true;
        return true;
    }

    /**
     * {@inheritDoc} Categorizers begin {@linkplain Categorizer#again again}, or new ones are made.
     */
    @Override
    public void rewind() {
        if (layers == null) {
            block.rewind();
        } else {
            layers.rewind();
            block = layers.current();
        }
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
        layers.rewind(now);
        block = layers.current();
        begin(now);
    }

    private void begin(Heaps heaps) {
        uses.restart(heaps);
        lastHeap = null;
        inRuntime = false;
        category = Category.NONE;
        untold = false;
    }

    @Override
    public void close() {
        if (layers == null) {
            block.close();
        } else {
            layers.close();
        }
        uses.close();
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
     * What the categorizers that were asked so far have left out.
     *
     * @return lines for a person, as {@link Categorizer#notices()} has them
     */
    public List<String> notices() {
        return uses.notices();
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
        return block;
    }

    /**
     * What the block is used for. It is found out when this is called first, so that who wants few of many blocks has
     * only these categorized.
     *
     * @return the category; {@link Category#NONE} for a block that is not used, unless its heap has a word for that
     */
    @Override
    public Category category() {
        if (untold) {
            untold = false;
            category = tellsItself ? uses.of(block) : uses.ask(block);
        }
        return category;
    }

    @Override
    public long address() {
        return block.address();
    }

    @Override
    public long size() {
        return block.size();
    }

    @Override
    public long usableSize() {
        return block.usableSize();
    }

    @Override
    public BlockState state() {
        return block.state();
    }

    @Override
    public int nameIndex() {
        return block.nameIndex();
    }

    @Override
    public String name() {
        return block.name();
    }

    @Override
    public int region() {
        return block.region();
    }

    @Override
    public boolean ownMapping() {
        return block.ownMapping();
    }

    @Override
    public long walkedBytes() {
        return layers == null ? block.walkedBytes() : layers.walkedBytes();
    }

    @Override
    public long totalBytes() {
        return layers == null ? block.totalBytes() : layers.totalBytes();
    }

    @Override
    public long leftOutBytes() {
        return layers == null ? block.leftOutBytes() : layers.leftOutBytes();
    }

    @Override
    public List<Damage> damage() {
        return layers == null ? block.damage() : layers.damage();
    }

    /**
     * What the cursor met in one heap that was damaged or could not be read.
     *
     * @param heap a heap
     * @return an unmodifiable list, as it is now
     */
    public List<Damage> damage(Heap heap) {
        return layers == null ? block.damage() : layers.damage(heap);
    }

    @Override
    public String toString() {
        Category use = category();
        return Block.describe(block) + (use == Category.NONE ? "" : ", " + use);
    }
}
