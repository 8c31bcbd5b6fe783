// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory;

/**
 * Tells which pages of a target were never touched, so that a search can leave them out: they read as zeros. A read of
 * them changes nothing in the process either, since {@link AddressSpace} knows them; but to write zeros takes time.
 */
@FunctionalInterface
public interface TouchedPages {

    /**
     * Where something may be, from an address on.
     *
     * @param address target address
     * @param limit where the search ends, {@code address} at least
     * @return the first address from {@code address} on that lies on a page which was touched, or of which that is not
     *     known; {@code limit} if there is none before it
     */
    long next(long address, long limit);

    /**
     * Where a run of such pages ends.
     *
     * @param address target address on a page that was touched, or of which that is not known
     * @param limit where the search ends, {@code address} at least
     * @return an address up to which that holds for each page, above {@code address} if {@code limit} is
     */
    default long end(long address, long limit) {
        return limit;
    }

    /** Forgets what was read before, so that the next search asks the kernel again. */
    default void forget() {}
}
