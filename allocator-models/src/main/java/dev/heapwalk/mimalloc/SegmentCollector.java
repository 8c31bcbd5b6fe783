// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.mimalloc;

import dev.heapwalk.heap.DamageList;
import dev.heapwalk.memory.Reader;
import dev.heapwalk.mimalloc.layout.MimallocLayout;
import java.util.List;

/** Makes the table of all pages of a mimalloc that has segments. */
final class SegmentCollector implements SegmentWalk.Visitor {
    private final SegmentWalk walk;
    private final DamageList damages;
    private final boolean settled;
    private final PageTable table = new PageTable();
    private final Owners owners = new Owners();
    private Segment segment;

    SegmentCollector(Reader reader, MimallocLayout layout, DamageList damages, boolean settled, boolean still) {
        this.walk = new SegmentWalk(reader, layout, still);
        this.damages = damages;
        this.settled = settled;
    }

    /** Takes all pages of segments, which are given in address order. */
    void take(List<Segment> segments) {
        long end = 0;
        for (Segment one : segments) {
            if (one.address() < end) {
                // What a huge block has in it looks like a segment.
                continue;
            }
            segment = one;
            end = one.end();
            table.add(PageTable.Kind.METADATA, one.address(), one.slice(one.infoSlices()), one.address());
            walk.each(one, this);
            long behind = table.end(table.count() - 1);
            if (behind < end) {
                table.add(PageTable.Kind.METADATA, behind, end, one.address());
            }
        }
    }

    @Override
    public void page(long from, long to, long address) {
        MiPage view = walk.view();
        table.addPage(from, to, view, walk.shape(), owners.add(view.heap(), segment.threadId(), to - from));
    }

    @Override
    public void free(long from, long to) {
        table.add(PageTable.Kind.SLICES, from, to, segment.address());
    }

    @Override
    public void harmed(long from, long to, long address) {
        table.add(PageTable.Kind.HARMED, from, to, address);
        if (settled) {
            damages.add(address, -1, "the page at 0x%x is described by what can't be true".formatted(from));
        }
    }

    PageTable table() {
        return table;
    }

    Owners owners() {
        return owners;
    }
}
