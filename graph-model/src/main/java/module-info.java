// SPDX-License-Identifier: Apache-2.0
/**
 * Who holds a block: the graph of all blocks of a target, and what follows from it.
 */
module dev.heapwalk.graph {
    requires transitive dev.heapwalk.heap;

    exports dev.heapwalk.graph;
    exports dev.heapwalk.graph.root;
}
