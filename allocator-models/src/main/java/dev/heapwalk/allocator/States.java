// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.allocator;

import dev.heapwalk.heap.BlockState;
import java.util.List;
import java.util.function.Function;
import java.util.stream.Stream;

/**
 * What blocks are held for in an allocator's own terms, each with what that is in the terms of all heaps.
 *
 * @param <S> the allocator's own terms
 */
public final class States<S extends Enum<S>> {
    private final S[] own;
    private final BlockState[] states;
    private final List<String> names;

    /**
     * Keeps them.
     *
     * @param own the allocator's own terms, in their order
     * @param state tells what one is in the terms of all heaps
     */
    public States(S[] own, Function<S, BlockState> state) {
        this.own = own.clone();
        this.states = Stream.of(own).map(state).toArray(BlockState[]::new);
        this.names = Stream.of(own).map(Enum::name).toList();
    }

    /**
     * The names of all.
     *
     * @return an unmodifiable list
     */
    public List<String> names() {
        return names;
    }

    /**
     * One by its index.
     *
     * @param index its index
     * @return the allocator's own term
     */
    public S own(int index) {
        return own[index];
    }

    /**
     * What one is in the terms of all heaps.
     *
     * @param index its index
     * @return the state
     */
    BlockState state(int index) {
        return states[index];
    }
}
