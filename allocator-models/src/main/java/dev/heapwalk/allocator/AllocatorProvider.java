// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.allocator;

import dev.heapwalk.heap.Heap;
import dev.heapwalk.heap.HeapLayer;
import dev.heapwalk.heap.HeapProvider;
import dev.heapwalk.memory.Target;
import java.util.List;
import java.util.function.Function;
import java.util.function.Predicate;

/** Finds the heaps of an allocator: a program has one, and a library may have brought along another. */
public abstract class AllocatorProvider implements HeapProvider {
    private final Class<? extends Heap> type;
    private final Predicate<Target> likely;
    private final Function<Target, List<? extends Heap>> all;

    /**
     * Keeps how heaps are found.
     *
     * @param type their class
     * @param likely tells whether a target is worth a look
     * @param all finds all heaps of a target, or throws
     */
    protected AllocatorProvider(
            Class<? extends Heap> type, Predicate<Target> likely, Function<Target, List<? extends Heap>> all) {
        this.type = type;
        this.likely = likely;
        this.all = all;
    }

    @Override
    public final Class<? extends Heap> type() {
        return type;
    }

    @Override
    public final HeapLayer layer() {
        return HeapLayer.ALLOCATOR;
    }

    @Override
    public final boolean isLikely(Target target) {
        return likely.test(target);
    }

    @Override
    public final Heap locate(Target target) {
        return all.apply(target).getFirst();
    }

    @Override
    public final List<Heap> locateAll(Target target) {
        return List.copyOf(all.apply(target));
    }
}
