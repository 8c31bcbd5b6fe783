// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.heap;

/**
 * The name of an edge or a root, made only for who wants it. A flyweight that its source uses again: it is good during
 * the call that it is given to.
 */
@FunctionalInterface
public interface Label {
    /** The name of what has none. */
    Label NONE = text -> {};

    /**
     * Appends the name: that of a field, of a variable, a place in a list such as {@code [3]}.
     *
     * @param text what takes it; nothing is appended where there is no name
     */
    void appendTo(StringBuilder text);
}
