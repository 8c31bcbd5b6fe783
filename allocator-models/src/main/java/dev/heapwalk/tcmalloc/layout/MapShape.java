// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.tcmalloc.layout;

import java.util.List;

/**
 * How a build has divided the numbers of its pages between the two levels of its page map. C name {@code
 * TCMalloc_PageMap2}, for 48 bits of address.
 *
 * @param pageShift {@code kPageShift}: the logarithm of the size of a page of tcmalloc's
 */
public record MapShape(int pageShift) {
    private static final int ADDRESS_BITS = 48;

    /** All shapes, that of the builds that distributions have first. */
    public static final List<MapShape> ALL =
            List.of(new MapShape(13), new MapShape(12), new MapShape(15), new MapShape(18));

    /**
     * How large a page is.
     *
     * @return bytes
     */
    public long pageSize() {
        return 1L << pageShift;
    }

    /**
     * How many bits of a page number choose an entry of a leaf.
     *
     * @return bits
     */
    public int leafBits() {
        return (ADDRESS_BITS - pageShift + 1) / 2;
    }

    /**
     * How many bits of a page number choose a word of the root.
     *
     * @return bits
     */
    public int rootBits() {
        return ADDRESS_BITS - pageShift - leafBits();
    }

    /**
     * How large a leaf is.
     *
     * @return bytes
     */
    public long leafBytes() {
        return (long) Long.BYTES << leafBits();
    }

    /**
     * How large the root is.
     *
     * @return bytes
     */
    public long rootBytes() {
        return (long) Long.BYTES << rootBits();
    }
}
