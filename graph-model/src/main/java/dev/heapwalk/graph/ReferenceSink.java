// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.graph;

import dev.heapwalk.heap.EdgeKind;
import dev.heapwalk.heap.Label;

/** Takes what a node refers to, with names. */
@FunctionalInterface
public interface ReferenceSink {

    /**
     * Takes a reference.
     *
     * @param node the number of the node that is referred to
     * @param kind in what way
     * @param label the name of the field or the variable, or the place in the block, such as {@code +0x18}; good during
     *     this call
     */
    void reference(int node, EdgeKind kind, Label label);
}
