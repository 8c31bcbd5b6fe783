// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.malloc;

import dev.heapwalk.memory.Range;
import dev.heapwalk.memory.Reader;
import dev.heapwalk.memory.TouchedPages;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/**
 * Finds the runs of chunks of a main arena that is not contiguous: it has mapped memory where {@code brk} failed. These
 * mappings are on no list, so they are looked for until {@code system_mem} is accounted for.
 */
final class MainRuns {
    private static final long HEADERS = 1L << 27;
    private static final int MOST_CHOICES = 200_000;

    private final RunSearch search;
    private final MmapHeaders headers;
    private final TouchedPages touched;
    private final Reader reader;
    private final long page;
    private final long tail;
    private final long top;
    private final long system;
    private final Range own;
    private final List<Range> others;
    private final List<MallocArena.Region> runs = new ArrayList<>();
    private long accounted;
    private long gaps;

    /**
     * Prepares to look.
     *
     * @param tail how many bytes of a mapping lie behind an mmapped chunk
     * @param top target address of the arena's top chunk
     * @param system {@code system_mem} of the arena
     * @param own the {@code malloc_state} of the arena
     * @param others those of other C libraries' main arenas, whose runs look the same
     */
    MainRuns(Tools tools, long page, long tail, long top, long system, Range own, List<Range> others) {
        this.search = tools.runs();
        this.headers = tools.headers();
        this.touched = tools.touched();
        this.reader = tools.reader();
        this.page = page;
        this.tail = tail;
        this.top = top;
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
        if (!others.isEmpty() && !(top >= start && top < end) && isOthers(start, end)) {
            return;
        }
        runs.add(new MallocArena.Region(start, end, 0));
        accounted += end - start;
    }

    /** Whether a run is another arena's: its free chunks are in lists that begin in that one. */
    private boolean isOthers(long start, long end) {
        for (long p = start; end - p >= MallocChunk.MIN_SIZE; ) {
            long size = Structures.sizeWord(reader, p) & ~MallocChunk.SIZE_BITS;
            if (size < MallocChunk.MIN_SIZE || size > end - p) {
                return false;
            }
            boolean free = (Structures.sizeWord(reader, p + size) & MallocChunk.PREV_INUSE) == 0;
            for (long link = p + 16; free && link <= p + 24; link += 8) {
                long head = reader.readLong(link, 0);
                if (in(own, head)) {
                    return false;
                }
                if (others.stream().anyMatch(other -> in(other, head))) {
                    return true;
                }
            }
            p += size;
        }
        return false;
    }

    private static boolean in(Range range, long address) {
        return address >= range.start() && address < range.end();
    }

    /** Leaves out runs so that the rest makes up {@code system_mem}, if there is such a choice. */
    private void leaveOutWhatIsTooMuch(long base) {
        List<MallocArena.Region> doubtful = runs.stream()
                .filter(run -> !(top >= run.start() && top < run.end()) && !(base >= run.start() && base < run.end()))
                .toList();
        List<MallocArena.Region> dropped = new ArrayList<>();
        int[] choices = {MOST_CHOICES};
        if (drop(doubtful, 0, accounted - system, dropped, choices)) {
            runs.removeAll(dropped);
            dropped.forEach(run -> accounted -= run.end() - run.start());
        }
    }

    private static boolean drop(
            List<MallocArena.Region> from, int index, long excess, List<MallocArena.Region> dropped, int[] choices) {
        if (excess == 0) {
            return true;
        }
        for (int i = index; i < from.size() && choices[0]-- > 0; i++) {
            MallocArena.Region run = from.get(i);
            if (run.end() - run.start() <= excess) {
                dropped.add(run);
                if (drop(from, i + 1, excess - (run.end() - run.start()), dropped, choices)) {
                    return true;
                }
                dropped.removeLast();
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
