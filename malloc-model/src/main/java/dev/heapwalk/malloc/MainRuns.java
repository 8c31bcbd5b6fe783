// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.malloc;

import dev.heapwalk.memory.Range;
import dev.heapwalk.memory.Reader;
import dev.heapwalk.memory.TouchedPages;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.NavigableSet;

/**
 * Finds the runs of chunks of a main arena that is not contiguous: it has mapped memory where {@code brk} failed. These
 * mappings are on no list, so they are looked for until {@code system_mem} is accounted for.
 */
final class MainRuns {
    private static final long HEADERS = 1L << 27;
    private static final int MOST_LINKS = 4096;
    private static final int MOST_CHOICES = 200_000;

    private final RunSearch search;
    private final MmapHeaders headers;
    private final TouchedPages touched;
    private final Reader reader;
    private final long page;
    private final long tail;
    private final long top;
    private final long system;
    private final Owner own;
    private final List<Owner> others;
    private final List<MallocArena.Region> runs = new ArrayList<>();
    /** Runs of which nothing tells whose they are. */
    private final List<MallocArena.Region> unclear = new ArrayList<>();

    private long accounted;
    private long gaps;

    /**
     * What tells that a run belongs to one C library's main arena and not to another's.
     *
     * @param arena its {@code malloc_state}
     * @param top target address of its top chunk
     * @param cached target addresses of blocks in the caches of its threads
     */
    record Owner(Range arena, long top, NavigableSet<Long> cached) {
        private boolean caches(long start, long end) {
            Long first = cached.ceiling(start);
            return first != null && first < end;
        }

        private boolean has(long address) {
            return address >= arena.start() && address < arena.end();
        }
    }

    /**
     * Prepares to look.
     *
     * @param tail how many bytes of a mapping lie behind an mmapped chunk
     * @param system {@code system_mem} of the arena
     * @param own the arena
     * @param others the main arenas of other C libraries, whose runs look the same
     */
    MainRuns(Tools tools, long page, long tail, long system, Owner own, List<Owner> others) {
        this.search = tools.runs();
        this.headers = tools.headers();
        this.touched = tools.touched();
        this.reader = tools.reader();
        this.page = page;
        this.tail = tail;
        this.top = own.top();
        this.system = system;
        this.own = own;
        this.others = others;
    }

    /**
     * Looks for the runs.
     *
     * @param heaps memory that {@code brk} gave, where runs may begin anywhere
     * @param mapped other memory that nothing else claims, where runs begin with pages
     * @param base {@code sbrk_base}, or 0 if it is not known
     * @return the runs in address order
     */
    List<MallocArena.Region> find(List<Range> heaps, List<Range> mapped, long base) {
        search.allow(HEADERS);
        search.foreignTops(others.stream().mapToLong(Owner::top).toArray());
        List<Range> rest = new ArrayList<>();
        for (Range heap : heaps) {
            boolean begins = base >= heap.start() && base < heap.end();
            long from = begins ? base : heap.start();
            long at = fromStart(from, heap.end());
            while (heap.end() - at >= MallocChunk.MIN_SIZE) {
                // Somebody else has moved the break in between.
                long next = search.next(at, heap.end(), top, 16);
                search.allow(HEADERS);
                if (next < 0) {
                    break;
                }
                gaps += begins || at > from ? next - at : 0;
                at = fromStart(next, heap.end());
            }
            addPages(rest, at, heap.end());
        }
        for (Range range : mapped) {
            addPages(rest, fromStart(range.start(), range.end()), range.end());
        }
        for (Range range : rest) {
            long at = touched.next(range.start(), range.end());
            while (!exact() && range.end() - at >= page) {
                long behind;
                if (search.isRun(at, range.end(), top)) {
                    take(at);
                    behind = search.end() + page - 1 & -page;
                } else {
                    behind = Math.max(mmapped(at, range.end()), at + page);
                }
                at = behind < range.end() ? touched.next(behind, range.end()) : range.end();
            }
        }
        if (accounted < system && !unclear.isEmpty()) {
            addWhatIsMissing();
        }
        if (accounted > system + 15) {
            leaveOutWhatIsTooMuch(base);
        }
        runs.sort(Comparator.comparingLong(MallocArena.Region::start));
        return List.copyOf(runs);
    }

    /** Takes runs that lie back to back, or with mmapped chunks between; returns where the next one would begin. */
    private long fromStart(long from, long to) {
        long at = from;
        while (to - at >= MallocChunk.MIN_SIZE) {
            long start = at + 15 & ~15L;
            long mmapped = mmapped(at, to);
            if (mmapped > at) {
                at = mmapped;
            } else if (search.isRun(start, to, top)) {
                take(start);
                at = search.end();
            } else {
                break;
            }
        }
        return at;
    }

    private void addPages(List<Range> pages, long from, long to) {
        if (to - from >= page) {
            pages.add(new Range(from + page - 1 & -page, to));
        }
    }

    private void take(long start) {
        long end = search.end();
        Owner owner = others.isEmpty() || top >= start && top < end ? own : owner(start, end);
        if (owner == null) {
            unclear.add(new MallocArena.Region(start, end, 0));
        } else if (owner == own) {
            add(new MallocArena.Region(start, end, 0));
        }
    }

    private void add(MallocArena.Region run) {
        runs.add(run);
        accounted += run.end() - run.start();
    }

    /** Whose a run is: its blocks lie in caches of threads, or in lists that lead to an arena. Null if none does. */
    private Owner owner(long start, long end) {
        for (Owner owner : others) {
            if (owner.caches(start, end)) {
                return owner;
            }
        }
        if (own.caches(start, end)) {
            return own;
        }
        for (long p = start; end - p >= MallocChunk.MIN_SIZE; ) {
            long size = Structures.sizeWord(reader, p) & ~MallocChunk.SIZE_BITS;
            if (size < MallocChunk.MIN_SIZE || size > end - p) {
                return null;
            }
            if ((Structures.sizeWord(reader, p + size) & MallocChunk.PREV_INUSE) == 0) {
                long link = p;
                for (int i = 0; i < MOST_LINKS && link != 0; i++) {
                    link = reader.readLong(link + 16, 0);
                    Owner owner = ofHead(link);
                    if (owner != null) {
                        return owner;
                    }
                }
            }
            p += size;
        }
        return null;
    }

    private Owner ofHead(long address) {
        if (own.has(address)) {
            return own;
        }
        for (Owner other : others) {
            if (other.has(address)) {
                return other;
            }
        }
        return null;
    }

    /** Adds runs of which it is not clear whose they are, so that {@code system_mem} is accounted for. */
    private void addWhatIsMissing() {
        List<MallocArena.Region> chosen = new ArrayList<>();
        int[] choices = {MOST_CHOICES};
        if (choose(unclear, 0, system - accounted, chosen, choices)) {
            chosen.forEach(this::add);
        }
    }

    /** Leaves out runs so that the rest makes up {@code system_mem}, if there is such a choice. */
    private void leaveOutWhatIsTooMuch(long base) {
        List<MallocArena.Region> doubtful = runs.stream()
                .filter(run -> !(top >= run.start() && top < run.end()) && !(base >= run.start() && base < run.end()))
                .toList();
        List<MallocArena.Region> dropped = new ArrayList<>();
        int[] choices = {MOST_CHOICES};
        if (choose(doubtful, 0, accounted - system, dropped, choices)) {
            runs.removeAll(dropped);
            dropped.forEach(run -> accounted -= run.end() - run.start());
        }
    }

    /** Chooses runs that have so many bytes in all. */
    private static boolean choose(
            List<MallocArena.Region> from, int index, long bytes, List<MallocArena.Region> chosen, int[] choices) {
        if (bytes == 0) {
            return true;
        }
        for (int i = index; i < from.size() && choices[0]-- > 0; i++) {
            MallocArena.Region run = from.get(i);
            if (run.end() - run.start() <= bytes) {
                chosen.add(run);
                if (choose(from, i + 1, bytes - (run.end() - run.start()), chosen, choices)) {
                    return true;
                }
                chosen.removeLast();
            }
        }
        return false;
    }

    /** Where an mmapped chunk ends that begins at an address, or that address: its content is the program's. */
    private long mmapped(long at, long to) {
        MmapHeaders.Chunk chunk = (at & page - 1) == 0 ? headers.startingAt(at, to, tail) : null;
        return chunk == null ? at : chunk.end();
    }

    private boolean exact() {
        return accounted <= system + 15 && accounted + 15 >= system;
    }

    /** Whether the runs make up {@code system_mem}; what others took with {@code sbrk} may be counted in it. */
    boolean complete() {
        return accounted <= system + 15 && accounted + gaps + 15 >= system;
    }

    long accounted() {
        return accounted;
    }
}
