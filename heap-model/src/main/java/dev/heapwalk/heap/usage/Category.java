// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.heap.usage;

/**
 * What a block is used for.
 *
 * @param domain whose it is
 * @param kind what it is, such as {@code string data}
 * @param detail more about it, or empty
 */
public record Category(Domain domain, String kind, String detail) {
    /** The category of a block that is not used, and the answer of a {@link Categorizer} that does not know. */
    public static final Category NONE = new Category(new Domain(""), "", "");

    @Override
    public String toString() {
        return (domain.label() + " " + kind + " " + detail).strip().replace("  ", " ");
    }
}
