// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.mimalloc;

import dev.heapwalk.allocator.AnonymousMemory;
import dev.heapwalk.heap.DamageList;
import dev.heapwalk.memory.AddressSpace;
import dev.heapwalk.memory.LongTable;
import dev.heapwalk.memory.Ranges;
import dev.heapwalk.memory.Reader;
import dev.heapwalk.mimalloc.layout.MimallocLayout;
import java.util.Arrays;

/** Makes the table of all pages of a mimalloc that has a page map, and of what its arenas have beside them. */
final class MapCollector implements PageMap.Visitor {
    private static final long MOST_SLICES = 1L << 26;

    private final AddressSpace memory;
    private final Reader reader;
    private final AnonymousMemory anonymous;
    private final MimallocLayout layout;
    private final DamageList damages;
    private final boolean settled;

    private final MiPage view;
    private final PageShape shape;
    private final PageTable pages = new PageTable();
    private final Owners owners = new Owners();
    /** Arenas that pages name: how many slices each has. */
    private final LongTable arenas = new LongTable();

    MapCollector(
            AddressSpace memory,
            Reader reader,
            AnonymousMemory anonymous,
            MimallocLayout layout,
            DamageList damages,
            boolean settled) {
        this.memory = memory;
        this.reader = reader;
        this.anonymous = anonymous;
        this.layout = layout;
        this.damages = damages;
        this.settled = settled;
        this.view = new MiPage(layout.page());
        this.shape = new PageShape(layout);
    }

    void take(PageMap map) {
        map.each(memory, anonymous, this);
    }

    @Override
    public void page(long from, long to, long address) {
        int before = pages.count() - 1;
        if (before > 0 && pages.kinds[before] == PageTable.Kind.HARMED && pages.structures[before - 1] == address) {
            // It goes on behind an entry that was harmed.
            pages.joinLast(Math.max(to, pages.end(before - 1)));
            return;
        }
        long behind = before < 0 ? 0 : pages.end(before);
        if (before >= 0 && from < behind && address != pages.structures[before]) {
            // What the page before says of its size is larger than what the map has of it.
            pages.endAt(before, from);
        }
        if (!view.find(reader, address)) {
            harmed(from, to, address, "can't be read");
            return;
        }
        long end = end(from, to);
        if (!shape.of(view, from, end) || shape.start() >= to) {
            harmed(from, to, address, "is described by what can't be true");
            return;
        }
        pages.addPage(from, end, view, shape, owners.add(view.heap(), view.threadId(), end - from));
        if (reader.readInt(address + layout.arena() + MimallocLayout.MEMID_KIND, 0) == layout.arenaKind()) {
            arena(reader.readLong(address + layout.arena(), 0), from, end);
        }
    }

    /** Of a page with one large block the map has the beginning alone. */
    private long end(long from, long to) {
        long start = view.pageStart();
        long blocks = view.reserved() * view.blockSize();
        if (start < from || start >= to || blocks <= 0 || !anonymous.holds(start, blocks)) {
            return to;
        }
        long end = start + blocks + MimallocLayout.SLICE - 1 & -MimallocLayout.SLICE;
        Ranges ranges = anonymous.ranges();
        return Math.max(to, Math.min(end, ranges.end(ranges.at(start))));
    }

    private void harmed(long from, long to, long address, String what) {
        pages.add(PageTable.Kind.HARMED, from, to, address);
        if (settled) {
            damages.add(address, -1, "the page at 0x%x %s".formatted(from, what));
        }
    }

    private void arena(long arena, long from, long to) {
        if (arenas.get(arena, -1) >= 0) {
            return;
        }
        long start = start(arena);
        long slices = reader.readLong(arena + layout.arenaSlices(), 0);
        long end = start + slices * MimallocLayout.SLICE;
        if ((start & MimallocLayout.SLICE - 1) == 0
                && slices > 0
                && slices < MOST_SLICES
                && from >= start
                && to <= end) {
            arenas.put(arena, slices);
        }
    }

    private long start(long arena) {
        return layout.arenaStart() < 0 ? arena : reader.readLong(arena + layout.arenaStart(), 0);
    }

    /** The pages, and in arenas what lies between them. */
    PageTable table() {
        long[] list = new long[arenas.size()];
        int[] count = new int[1];
        arenas.forEach((arena, _) -> list[count[0]++] = arena);
        Arrays.sort(list);
        PageTable all = new PageTable();
        int next = 0;
        for (long arena : list) {
            long start = start(arena);
            long end = start + arenas.get(arena, 0) * MimallocLayout.SLICE;
            while (next < pages.count() && pages.starts[next] < start) {
                all.addFrom(pages, next++);
            }
            long own = reader.readLong(arena + layout.arenaSlices() + Long.BYTES, 0);
            long at = start;
            if (own > 0 && own <= arenas.get(arena, 0)) {
                long ends = start + own * MimallocLayout.SLICE;
                if (next >= pages.count() || pages.starts[next] >= ends) {
                    all.add(PageTable.Kind.METADATA, at, ends, arena);
                    at = ends;
                }
            }
            while (next < pages.count() && pages.starts[next] < end) {
                if (pages.starts[next] > at) {
                    all.add(PageTable.Kind.ARENA, at, pages.starts[next], arena);
                }
                at = pages.end(next);
                all.addFrom(pages, next++);
            }
            if (at < end) {
                all.add(PageTable.Kind.ARENA, at, end, arena);
            }
        }
        while (next < pages.count()) {
            all.addFrom(pages, next++);
        }
        return all;
    }

    Owners owners() {
        return owners;
    }
}
