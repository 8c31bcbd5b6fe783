// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.heap;

/**
 * Takes the edges of a block one by one. It must not read through what they come from; to ask for a name is no such
 * reading.
 */
@FunctionalInterface
public interface EdgeSink {

    /**
     * Takes an edge.
     *
     * @param address the target address that is referred to: where the other block begins, of this heap or of another;
     *     for {@link EdgeKind#INTERIOR} and {@link EdgeKind#PAST_END} the pointer itself
     * @param kind in what way
     * @param label the name of the field, good during this call
     */
    void edge(long address, EdgeKind kind, Label label);
}
