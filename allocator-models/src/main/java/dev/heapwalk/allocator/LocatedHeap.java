// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.allocator;

import dev.heapwalk.heap.Block;
import dev.heapwalk.heap.BlockLookup;
import dev.heapwalk.heap.Damage;
import dev.heapwalk.heap.Evidence;
import dev.heapwalk.heap.Heap;
import dev.heapwalk.heap.HeapLayer;
import dev.heapwalk.memory.Target;
import java.util.List;
import java.util.Optional;

/**
 * The heap of one copy of an allocator in one target, as it was when it was located: what all such heaps tell alike.
 *
 * @param <H> the heap itself
 */
public abstract class LocatedHeap<H extends LocatedHeap<H>> implements Heap {
    private final Class<H> type;
    private final Finder<H> finder;
    private final Located located;
    private final List<String> names;
    /** Made when it is first asked for a block; null before. */
    private BlockLookup shared;

    /**
     * Keeps what was found.
     *
     * @param type its class
     * @param finder what has found it
     * @param located what is told of it besides its blocks
     * @param states what its blocks are held for
     */
    protected LocatedHeap(Class<H> type, Finder<H> finder, Located located, States<?> states) {
        this.type = type;
        this.finder = finder;
        this.located = located;
        this.names = states.names();
    }

    /**
     * What is told of it besides its blocks.
     *
     * @return what it was made with
     */
    protected final Located located() {
        return located;
    }

    /**
     * Whether what contradicts itself is damage, and no change that was under way when it was looked at.
     *
     * @return true if the process stood still, and no thread was inside the allocator
     */
    public final boolean settled() {
        return located.settled();
    }

    /**
     * The program or library that this allocator is part of.
     *
     * @return the name of its file
     */
    public final String module() {
        return finder.file();
    }

    /**
     * Finds the heap of a process that runs on as it is now.
     *
     * @return a new heap; this one, if the target does not run. This one stays what it was
     * @throws dev.heapwalk.memory.NoSuchProcessException if the process ended
     */
    @Override
    public final H refresh() {
        H old = type.cast(this);
        return target().runsOn() ? finder.look(name(), firstRegion()).orElse(old) : old;
    }

    @Override
    public final Target target() {
        return finder.target();
    }

    @Override
    public final String name() {
        return located.name();
    }

    @Override
    public final HeapLayer layer() {
        return HeapLayer.ALLOCATOR;
    }

    @Override
    public final List<String> names() {
        return names;
    }

    @Override
    public abstract SpanCursor<H> blocks();

    @Override
    public final BlockLookup lookup() {
        return blocks();
    }

    @Override
    public final synchronized Optional<Block> blockAt(long address) {
        if (shared == null) {
            shared = lookup();
        }
        return shared.find(address) ? Optional.of(Block.of(shared)) : Optional.empty();
    }

    @Override
    public final int firstRegion() {
        return located.firstRegion();
    }

    @Override
    public final List<Evidence> evidence() {
        return located.evidence();
    }

    @Override
    public final List<Damage> damage() {
        return located.damages().list();
    }

    @Override
    public final List<String> missing() {
        return located.missing();
    }

    @Override
    public final String toString() {
        return "%s in %s".formatted(name(), target().description());
    }
}
