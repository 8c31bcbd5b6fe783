// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.mimalloc;

import dev.heapwalk.allocator.SpanCursor.Opened;
import dev.heapwalk.memory.Reader;
import dev.heapwalk.mimalloc.layout.MimallocLayout;
import dev.heapwalk.mimalloc.layout.PageLayout;

/**
 * Goes through the slices of segments. What contradicts itself is skipped up to the next slice that begins a page whose
 * lists are sound.
 */
final class SegmentWalk {
    private final Reader reader;
    private final MimallocLayout layout;
    private final boolean still;
    private final PageLayout page;
    private final MiPage view;
    private final PageShape shape;
    private final PageBlocks blocks;

    /** Is told of what a segment is cut into. */
    interface Visitor {
        /** A page: its structure and its shape are in the walk. */
        void page(long from, long to, long address);

        /** Slices that no page has. */
        void free(long from, long to);

        /** What can't be a page. */
        void harmed(long from, long to, long address);
    }

    /**
     * Makes a walk.
     *
     * @param still whether memory stands still; if not, each page is read again, so that all of it is of one moment
     */
    SegmentWalk(Reader reader, MimallocLayout layout, boolean still) {
        this.reader = reader;
        this.still = still;
        this.layout = layout;
        this.page = layout.page();
        this.view = new MiPage(page);
        this.shape = new PageShape(layout);
        this.blocks = new PageBlocks(reader, page);
    }

    MiPage view() {
        return view;
    }

    PageShape shape() {
        return shape;
    }

    private enum Slice {
        PAGE,
        FREE,
        BAD
    }

    void each(Segment segment, Visitor visitor) {
        int index = segment.infoSlices();
        while (index < segment.entries()) {
            forget();
            int count = count(segment, index);
            Slice slice = look(segment, index, count);
            int next = index + count;
            if (slice == Slice.BAD) {
                next = index + 1;
                while (next < segment.entries() && !begins(segment, next)) {
                    next++;
                }
                visitor.harmed(segment.slice(index), segment.slice(next), address(segment, index));
            } else if (slice == Slice.PAGE) {
                visitor.page(segment.slice(index), segment.slice(next), address(segment, index));
            } else {
                visitor.free(segment.slice(index), segment.slice(next));
            }
            index = next;
        }
    }

    private long address(Segment segment, int index) {
        return segment.address() + layout.segment().orElseThrow().slices() + (long) index * page.size();
    }

    private int count(Segment segment, int index) {
        return reader.readInt(address(segment, index) + MimallocLayout.SLICE_COUNT, 0);
    }

    private void forget() {
        if (!still) {
            reader.forget();
        }
    }

    /** What a slice is. The view is read last, so that it is good for who asked. */
    private Slice look(Segment segment, int index, int count) {
        long address = address(segment, index);
        if (count <= 0
                || count > (segment.huge() ? segment.slices() : segment.entries()) - index
                || reader.readInt(address + MimallocLayout.SLICE_OFFSET, -1) != 0
                || !lastPointsBack(segment, index, count)
                || !view.find(reader, address)) {
            return Slice.BAD;
        }
        if (view.blockSize() <= 1) {
            // What was a page is emptied.
            return view.capacity() == 0 && view.used() == 0 ? Slice.FREE : Slice.BAD;
        }
        return shape.of(view, segment.slice(index), segment.slice(index + count)) ? Slice.PAGE : Slice.BAD;
    }

    /** The last of some slices tells how far the first one lies before it. */
    private boolean lastPointsBack(Segment segment, int index, int count) {
        long last = address(segment, index + count - 1);
        return count == 1
                || segment.huge()
                || reader.readInt(last + MimallocLayout.SLICE_OFFSET, -1) == page.size() * (count - 1)
                        && reader.readInt(last + MimallocLayout.SLICE_COUNT, -1) == 0;
    }

    private boolean begins(Segment segment, int index) {
        return look(segment, index, count(segment, index)) == Slice.PAGE
                && blocks.read(view, shape.start(), shape.blockSize()) == Opened.GOOD;
    }
}
