// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.malloc;

/**
 * The chunks that malloc mapped on their own, found by their headers and held against malloc's own counts.
 *
 * @param count how many were found
 * @param bytes bytes of their mappings together
 * @param expectedCount {@code mp_.n_mmaps}, or -1 where {@code mp_} was not found
 * @param expectedBytes {@code mp_.mmapped_mem}, or -1 where {@code mp_} was not found
 * @param confidence how sure the answer is
 */
public record MmappedChunks(long count, long bytes, long expectedCount, long expectedBytes, Confidence confidence) {

    /** How sure it is that these are the chunks. */
    public enum Confidence {
        /** Count and bytes agree with malloc's own. */
        EXACT,
        /** Several sets of candidates agree with malloc's own figures; one of them was taken. */
        AMBIGUOUS,
        /** They don't agree, or malloc's own figures are not known. */
        UNCONFIRMED
    }
}
