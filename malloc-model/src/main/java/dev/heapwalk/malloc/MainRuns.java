// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.malloc;

import dev.heapwalk.memory.Range;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/**
 * Finds the runs of chunks of a main arena that is not contiguous: it has mapped memory where {@code brk} failed. These
 * mappings are on no list, so they are looked for until {@code system_mem} is accounted for.
 */
final class MainRuns {
    private static final long HEADERS = 1L << 27;

    private final RunSearch search;
    private final MmapHeaders headers;
    private final long page;
    private final long tail;
    private final long top;
    private final long system;
    private final List<MallocArena.Region> runs = new ArrayList<>();
    private long accounted;
    private long gaps;

    MainRuns(Tools tools, long page, long tail, long top, long system) {
        this.search = tools.runs();
        this.headers = tools.headers();
        this.page = page;
        this.tail = tail;
        this.top = top;
        this.system = system;
    }

    /**
     * Looks for the runs.
     *
     * @param ranges memory that nothing else claims
     * @param base {@code sbrk_base}, or 0 if it is not known
     * @return the runs in address order
     */
    List<MallocArena.Region> find(List<Range> ranges, long base) {
        search.allow(HEADERS);
        List<Range> rest = new ArrayList<>();
        for (Range range : ranges) {
            boolean heap = base >= range.start() && base < range.end();
            long at = heap ? base : range.start();
            long from = at;
            while (range.end() - at >= MallocChunk.MIN_SIZE) {
                long start = at + 15 & ~15L;
                long mmapped = mmapped(at, range.end());
                if (mmapped > at) {
                    at = mmapped;
                } else if (search.isRun(start, range.end(), top)) {
                    take(start);
                    at = search.end();
                } else if (heap && at > from) {
                    // Somebody else has moved the break in between.
                    long next = search.next(at, range.end(), top, 16);
                    search.allow(HEADERS);
                    if (next < 0) {
                        break;
                    }
                    gaps += next - at;
                    at = next;
                } else {
                    break;
                }
            }
            if (range.end() - at >= page) {
                rest.add(new Range(at + page - 1 & -page, range.end()));
            }
        }
        for (Range range : rest) {
            for (long at = range.start(); !complete() && range.end() - at >= page; ) {
                if (search.isRun(at, range.end(), top)) {
                    take(at);
                    at = search.end() + page - 1 & -page;
                } else {
                    long mmapped = mmapped(at, range.end());
                    at = mmapped > at ? mmapped : at + page;
                }
            }
        }
        runs.sort(Comparator.comparingLong(MallocArena.Region::start));
        return List.copyOf(runs);
    }

    private void take(long start) {
        runs.add(new MallocArena.Region(start, search.end(), 0));
        accounted += search.end() - start;
    }

    /** Where an mmapped chunk ends that begins at an address, or that address: its content is the program's. */
    private long mmapped(long at, long to) {
        MmapHeaders.Chunk chunk = (at & page - 1) == 0 ? headers.startingAt(at, to, tail) : null;
        return chunk == null ? at : chunk.end();
    }

    /** Whether the runs make up {@code system_mem}; what others took with {@code sbrk} may be counted in it. */
    boolean complete() {
        return accounted <= system + 15 && accounted + gaps + 15 >= system;
    }

    long accounted() {
        return accounted;
    }
}
