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
import java.util.Optional;

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
        boolean inArena = reader.readInt(address + layout.arena() + MimallocLayout.MEMID_KIND, 0) == layout.arenaKind();
        long allotted = inArena ? endInArena(from, address) : to;
        if (!view.find(reader, address)) {
            harmed(from, to, address, "can't be read");
            return;
        }
        long end = Math.max(end(from, to), allotted);
        if (!shape.of(view, from, end) || shape.start() >= to) {
            harmed(from, to, address, "is described by what can't be true");
            return;
        }
        pages.addPage(from, end, view, shape, owners.add(view.heap(), view.threadId(), end - from));
        if (inArena) {
            arena(reader.readLong(address + layout.arena(), 0), from, end);
        }
    }

    /** A page may have more slices than it uses, which the map does not have. */
    private long endInArena(long from, long address) {
        long slices = reader.readInt(address + layout.arena() + MimallocLayout.MEMID_SLICES, 0);
        long bytes = slices * MimallocLayout.SLICE;
        return slices > 0 && anonymous.holds(from, bytes) ? from + bytes : 0;
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
            Optional<ArenaSlices> slices = ArenaSlices.of(reader, anonymous, layout, arena, arenas.get(arena, 0));
            if (slices.isEmpty() && settled) {
                damages.add(
                        arena,
                        -1,
                        "the arena at 0x%x leads to no bits for which of its slices are free".formatted(start));
            }
            long at = start;
            while (next < pages.count() && pages.starts[next] < end) {
                between(all, arena, slices, at, pages.starts[next]);
                at = pages.end(next);
                all.addFrom(pages, next++);
            }
            between(all, arena, slices, at, end);
        }
        while (next < pages.count()) {
            all.addFrom(pages, next++);
        }
        return all;
    }

    /** Adds what an arena has between two pages: runs of slices that are alike. */
    private void between(PageTable all, long arena, Optional<ArenaSlices> slices, long from, long to) {
        long start = start(arena);
        long at = from;
        while (at < to) {
            long first = (at - start) / MimallocLayout.SLICE;
            PageTable.Kind kind = slices.map(some -> some.kind(first)).orElse(PageTable.Kind.ARENA);
            long behind = at;
            do {
                behind += MimallocLayout.SLICE;
            } while (behind < to
                    && (slices.isEmpty() || slices.get().kind((behind - start) / MimallocLayout.SLICE) == kind));
            all.add(kind, at, Math.min(behind, to), arena);
            at = behind;
        }
    }

    Owners owners() {
        return owners;
    }
}
