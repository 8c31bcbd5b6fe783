// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.jemalloc;

/** What an extent's pages are held for. C name {@code extent_state_t}. */
public enum ExtentState {
    /** The program, or jemalloc for a slab, has them. */
    ACTIVE,
    /** Free, and as they were left. */
    DIRTY,
    /** Free, and the kernel may take them when it needs memory. */
    MUZZY,
    /** Free, and given back to the kernel but for their addresses. */
    RETAINED,
    /** Between two states, since 5.3. */
    TRANSITION,
    /** About to become one with a neighbour, since 5.3. */
    MERGING,
    /** None that is known. */
    UNKNOWN;

    private static final ExtentState[] ALL = values();

    static ExtentState of(int number) {
        return number < ALL.length ? ALL[number] : UNKNOWN;
    }
}
