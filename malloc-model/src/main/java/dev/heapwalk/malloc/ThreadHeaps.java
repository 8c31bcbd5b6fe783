// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.malloc;

import dev.heapwalk.heap.DamageList;
import dev.heapwalk.memory.Mapping;
import dev.heapwalk.memory.Range;
import dev.heapwalk.memory.Reader;
import dev.heapwalk.memory.TouchedPages;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * The heaps that thread arenas take their memory from: each begins with a {@code heap_info} at a multiple of the
 * largest size that a heap may have, and is linked to the one before it.
 */
final class ThreadHeaps {
    /** {@code HEAP_MAX_SIZE} of a 64-bit program without huge pages. */
    private static final long MAX = 64L << 20;

    private final CurrentMappings mappings;
    private final TouchedPages touched;
    private final Reader reader;
    private final ArenaFinder finder;
    private final ArenaFinder.Found main;
    private final DamageList damage;
    private final long max;

    /**
     * Looks at a ring of arenas.
     *
     * @param ring the addresses of all arenas
     * @param hugePageSize {@code mp_.hp_pagesize}, or 0
     */
    ThreadHeaps(
            CurrentMappings mappings,
            TouchedPages touched,
            Reader reader,
            ArenaFinder finder,
            ArenaFinder.Found main,
            Set<Long> ring,
            long hugePageSize,
            DamageList damage) {
        this.mappings = mappings;
        this.touched = touched;
        this.reader = reader;
        this.finder = finder;
        this.main = main;
        this.damage = damage;
        this.max = chooseMax(ring, hugePageSize);
    }

    /** The largest size of a heap, in bytes, at whose multiples heaps begin. */
    long max() {
        return max;
    }

    private MallocState state(long arena) {
        return Structures.arena(reader, arena, main.state());
    }

    /** The size at whose multiples the top chunks of most arenas find the header of their heap. */
    private long chooseMax(Set<Long> ring, long huge) {
        List<Long> sizes = new ArrayList<>(List.of(MAX));
        if (huge > 0 && huge < 1L << 40 && Long.bitCount(huge) == 1) {
            sizes.addFirst(4 * huge);
        }
        sizes.addAll(List.of(8L << 20, 4L << 30, 128L << 20, 2L << 30, 1L << 20));
        long chosen = MAX;
        long best = 0;
        for (long size : sizes) {
            long fits = ring.stream()
                    .filter(arena -> arena != main.address())
                    .filter(arena -> Structures.heapInfo(reader, state(arena).top() & -size)
                                    .arPtr()
                            == arena)
                    .count();
            if (fits > best) {
                best = fits;
                chosen = size;
            }
        }
        return chosen;
    }

    /**
     * Every heap that a header at a multiple of the heap size tells of, by arena; arenas off the ring join it.
     *
     * @param foreign arenas that are another C library's
     */
    Map<Long, List<Range>> scan(Set<Long> ring, Set<Long> foreign) {
        Map<Long, List<Range>> heaps = new LinkedHashMap<>();
        for (Mapping mapping : mappings) {
            if (!mapping.readable() || !mapping.writable() || !mapping.anonymous() || mapping.shared()) {
                continue;
            }
            // From what holds something to the next, however much lies between.
            for (long at = candidate(mapping.start(), mapping.end());
                    at >= 0 && at < mapping.end();
                    at = candidate(at + 1, mapping.end())) {
                if (touched.next(at, at + HeapInfo.SIZE) > at) {
                    continue;
                }
                HeapInfo heap = Structures.heapInfo(reader, at);
                long arena = heap.arPtr();
                long size = heap.size();
                if ((arena & 7) != 0 || !sound(at) || arena == main.address() || foreign.contains(arena)) {
                    continue;
                }
                if (!ring.contains(arena)) {
                    if (finder.heapInfoSize(arena) == 0 || finder.at(arena).isEmpty()) {
                        continue;
                    }
                    damage.add(arena, ring.size(), "the arena at 0x%x is not in the ring".formatted(arena));
                    ring.add(arena);
                }
                heaps.computeIfAbsent(arena, key -> new ArrayList<>()).add(new Range(at, at + size));
            }
        }
        return heaps;
    }

    /** The first multiple of the heap size from an address on that has something at it or behind it. */
    private long candidate(long address, long end) {
        long first = address + max - 1 & -max;
        return first < 0 || first >= end ? end : touched.next(first, end) & -max;
    }

    private boolean sound(long heap) {
        HeapInfo info = Structures.heapInfo(reader, heap);
        return info.arPtr() != 0
                && info.size() >= 4096
                && info.size() <= max
                && (info.size() & 0xfff) == 0
                && info.mprotectSize() >= info.size()
                && info.mprotectSize() <= max
                && (info.prev() & max - 1) == 0
                && mappings.readable(heap, HeapInfo.SIZE);
    }

    /**
     * The heaps of an arena, from the one that holds its top chunk back to the first.
     *
     * @param arena its address
     * @param scanned the heaps that name it, which need not be linked to it
     * @param headerSize size of {@code heap_info}
     */
    List<MallocArena.Region> of(long arena, List<Range> scanned, long headerSize) {
        long top = state(arena).top();
        Set<Long> chain = new LinkedHashSet<>();
        long home = arena & -max;
        long heap = top & -max;
        boolean complete = false;
        while (sound(heap) && Structures.heapInfo(reader, heap).arPtr() == arena && chain.add(heap)) {
            long prev = Structures.heapInfo(reader, heap).prev();
            if (prev == 0) {
                complete = heap == home;
                break;
            }
            heap = prev;
        }
        if (!complete) {
            damage.add(
                    chain.isEmpty() ? arena + main.state().top() : heap,
                    -1,
                    "the heaps of the arena at 0x%x are not linked soundly from its top 0x%x".formatted(arena, top));
        }
        for (Range range : scanned) {
            if (chain.add(range.start()) && complete) {
                damage.add(
                        range.start(), -1, "a heap of the arena at 0x%x is not linked to its others".formatted(arena));
            }
        }
        // The one that the arena itself lies in is its heap, whatever the header says.
        if (chain.add(home)) {
            damage.add(home, -1, "the header of the first heap of the arena at 0x%x is damaged".formatted(arena));
        }
        List<MallocArena.Region> regions = new ArrayList<>();
        for (long one : chain) {
            long start = one == home ? arena + main.state().size() + 15 & ~15L : one + headerSize;
            long end = sound(one) ? one + Structures.heapInfo(reader, one).size() : guessedEnd(one, top);
            if (end - start >= MallocChunk.MIN_SIZE) {
                regions.add(new MallocArena.Region(start, end, one));
            }
        }
        correctSize(regions, arena, top);
        regions.sort((a, b) -> Long.compare(a.start(), b.start()));
        return List.copyOf(regions);
    }

    /** Corrects a size that does not agree with {@code system_mem}, where what lies at the other end confirms it. */
    private void correctSize(List<MallocArena.Region> regions, long arena, long top) {
        long missing = state(arena).systemMem();
        for (MallocArena.Region region : regions) {
            missing -= region.end() - region.heapInfo();
        }
        if (missing == 0 || (missing & 0xfff) != 0) {
            return;
        }
        for (int i = 0; i < regions.size(); i++) {
            MallocArena.Region region = regions.get(i);
            long heap = region.heapInfo();
            long end = region.end() + missing;
            if (end <= region.start() || end - heap > max || end - heap < 4096) {
                continue;
            }
            boolean ends = top >= heap && top - heap < max
                    ? top < end && top + (Structures.sizeWord(reader, top) & ~MallocChunk.SIZE_BITS) == end
                    : Structures.sizeWord(reader, end - MallocChunk.HEADER) == MallocChunk.PREV_INUSE;
            if (ends) {
                damage.add(
                        heap,
                        -1,
                        "the heap of the arena at 0x%x says %d bytes, but it has %d"
                                .formatted(arena, region.end() - heap, end - heap));
                regions.set(i, new MallocArena.Region(region.start(), end, heap));
                return;
            }
        }
    }

    /** Where a heap ends whose header does not tell it: where its top chunk does, or what may be read and written. */
    private long guessedEnd(long heap, long top) {
        if (top > heap && top - heap < max) {
            long end = top + (Structures.sizeWord(reader, top) & ~MallocChunk.SIZE_BITS);
            if (end > top && end - heap <= max && (end & 0xfff) == 0) {
                return end;
            }
        }
        return mappings.at(heap)
                .filter(Mapping::writable)
                .map(mapping -> Math.min(mapping.end(), heap + max))
                .orElse(heap);
    }

    /** The regions that overlap none of those taken before, which they join: no chunk belongs to two arenas. */
    List<MallocArena.Region> disjoint(long arena, List<MallocArena.Region> regions, List<MallocArena.Region> taken) {
        List<MallocArena.Region> kept = new ArrayList<>();
        for (MallocArena.Region region : regions) {
            if (taken.stream().anyMatch(other -> region.start() < other.end() && other.start() < region.end())) {
                damage.add(
                        region.heapInfo(),
                        -1,
                        "the heap of the arena at 0x%x overlaps memory of another arena".formatted(arena));
            } else {
                kept.add(region);
                taken.add(region);
            }
        }
        return List.copyOf(kept);
    }
}
