// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.graph.root;

/** Names words of a part of memory. */
@FunctionalInterface
interface WordName {
    /**
     * Appends the name of a word.
     *
     * @param address its target address; of a register its number
     * @param text what takes it
     */
    void append(long address, StringBuilder text);

    /** Appends how far an address lies from another, unless it is the same. */
    static void offset(long address, long start, StringBuilder text) {
        if (address != start) {
            text.append("+0x").append(Long.toHexString(address - start));
        }
    }
}
