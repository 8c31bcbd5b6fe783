// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.heap.usage;

/**
 * Who a block belongs to, in the largest terms. Open: each model, and each {@link Categorizer} of your own, has its own
 * constants.
 *
 * @param label the name in tables and in JSON, such as {@code ruby}; domains of one label are one domain
 */
public record Domain(String label) {
    /** Not known. */
    public static final Domain UNCATEGORIZED = new Domain("uncategorized");

    @Override
    public String toString() {
        return label;
    }
}
