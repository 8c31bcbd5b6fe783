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

/** The heap of one copy of an allocator in one target, as it was when it was located: what all such heaps tell alike. */
public abstract class LocatedHeap implements Heap {
    private final Target target;
    private final Located located;
    /** Made when it is first asked for a block; null before. */
    private BlockLookup shared;

    /**
     * Keeps what was found.
     *
     * @param target the target that the heap lies in
     * @param located what is told of it besides its blocks
     */
    protected LocatedHeap(Target target, Located located) {
        this.target = target;
        this.located = located;
    }

    /**
     * What is told of it besides its blocks.
     *
     * @return what it was made with
     */
    protected final Located located() {
        return located;
    }

    @Override
    public final Target target() {
        return target;
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
        return "%s in %s".formatted(name(), target.description());
    }
}
