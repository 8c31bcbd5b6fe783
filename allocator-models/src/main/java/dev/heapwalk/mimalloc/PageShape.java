// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.mimalloc;

import dev.heapwalk.mimalloc.layout.MimallocLayout;
import dev.heapwalk.mimalloc.layout.PageLayout;

/** Where the blocks of a page lie, by its structure and its slices. For one page after the other. */
final class PageShape {
    private final PageLayout layout;
    private final boolean sliced;

    private long start;
    private long blockSize;

    PageShape(MimallocLayout layout) {
        this.layout = layout.page();
        this.sliced = layout.segment().isPresent();
    }

    /**
     * Takes the shape of a page.
     *
     * @param view over its structure
     * @param from where its slices begin
     * @param to where they end
     * @return whether the structure fits the slices
     */
    boolean of(MiPage view, long from, long to) {
        blockSize = view.blockSize();
        boolean whole = layout.narrow() && blockSize >= MimallocLayout.HUGE_BLOCK;
        start = layout.start().field()
                ? view.pageStart()
                : from + (whole ? 0 : layout.start().offset(blockSize));
        if (whole) {
            blockSize = to - start;
        }
        int reserved = view.reserved();
        if (start < from
                || start >= to
                || blockSize < Long.BYTES
                || blockSize > to - start
                || view.capacity() > reserved
                || view.used() > view.capacity()
                || view.used() < 0) {
            return false;
        }
        long most = (to - start) / blockSize;
        return sliced ? reserved == most : reserved > 0 && reserved <= most;
    }

    long start() {
        return start;
    }

    long blockSize() {
        return blockSize;
    }
}
