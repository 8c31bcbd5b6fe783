// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.graph;

import dev.heapwalk.heap.RootCategory;

/**
 * Roots of one kind, which are a node of the graph: what they all hold together is what that node dominates.
 *
 * @param owner whose roots they are, such as {@code CRuby}; empty if the category says it all
 * @param category their kind
 */
public record RootGroup(String owner, RootCategory category) {
    /**
     * Its name in answers.
     *
     * @return for example {@code CRuby: global_tbl}
     */
    public String label() {
        return owner.isEmpty() ? category.label() : owner + ": " + category.label();
    }

    @Override
    public String toString() {
        return label();
    }
}
