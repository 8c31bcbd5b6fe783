// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.layout;

/** C name {@code struct list_node}: {@code next} at 0 and {@code prev}. A {@code list_head} is one too. */
public final class ListLayout {
    /** {@code prev}. */
    public static final int PREVIOUS = 8;
    /** The size of a node. */
    public static final int SIZE = 16;

    private ListLayout() {}
}
