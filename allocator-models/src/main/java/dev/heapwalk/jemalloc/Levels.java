// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.jemalloc;

import dev.heapwalk.allocator.NonzeroWords;
import dev.heapwalk.memory.AddressSpace;

/**
 * What goes through the words of each level of a tree at the same time.
 *
 * @param root through the words of the root
 * @param node through those of an inner node
 * @param leaf through those of a leaf
 */
record Levels(NonzeroWords root, NonzeroWords node, NonzeroWords leaf) implements AutoCloseable {
    static Levels of(AddressSpace memory) {
        return new Levels(new NonzeroWords(memory), new NonzeroWords(memory), new NonzeroWords(memory));
    }

    long unreadable() {
        return root.unreadable() + node.unreadable() + leaf.unreadable();
    }

    @Override
    public void close() {
        root.close();
        node.close();
        leaf.close();
    }
}
