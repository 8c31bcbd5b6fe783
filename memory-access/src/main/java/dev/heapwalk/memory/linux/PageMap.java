// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory.linux;

import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.heapwalk.memory.Mapping;
import dev.heapwalk.memory.TouchedPages;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Set;

/**
 * Which pages of a process hold something: those that are in memory or swapped out. Only private memory without a file
 * is all zero where neither is so. For one search of one thread, and for another one after {@link #forget()}.
 *
 * <p>The kernel is asked for runs of such pages by the call {@code PAGEMAP_SCAN} of {@code /proc/PID/pagemap}, which
 * goes over what has no page tables in one step. Kernels before 6.7 don't have it. There a word is read for each page,
 * whose two uppermost bits say it, but none for a large mapping that holds nothing at all.
 */
final class PageMap implements TouchedPages {
    private static final long HOLDS = 0b11L << 62;
    /** Words read at once: those of 256 MiB at most, and of 2 MiB at first, so that a short look does not cost much. */
    private static final int MOST_WORDS = 1 << 16;

    private static final int FEWEST_WORDS = 1 << 9;

    private static final int MOST_REGIONS = 1024;

    /** Held pages that one call may go over: at first as many as a short look needs. */
    private static final long FEWEST_PAGES = 1 << 8;

    private static final long MOST_PAGES = 1 << 20;
    private static final long GROWTH = 4;
    private static final long PRESENT_OR_SWAPPED = PageScan.PRESENT | PageScan.SWAPPED;

    /** A mapping so large is worth the question whether it holds anything. */
    private static final long LARGE = 1L << 32;

    private final LiveMemory memory;
    private final Watch.Mark mark;
    private final int pageSize;
    private Mapping mapping;
    private boolean zeroUntouched;

    // What was asked for: everything from one address to another is known, and what holds something is in these runs.
    private long from;
    private long to;
    private final long[] starts = new long[MOST_REGIONS];
    private final long[] ends = new long[MOST_REGIONS];
    private int runs;
    private int run;
    private long most = FEWEST_PAGES;

    private boolean scans = true;
    private PageScan pages;
    private MemorySegment words;
    private Set<Long> holdNothing;

    PageMap(LiveMemory memory) {
        this.memory = memory;
        this.mark = memory.mark();
        this.pageSize = memory.pageSize();
    }

    @Override
    public long next(long address, long limit) {
        long at = address;
        while (at < limit) {
            if (!tells(at)) {
                return at;
            }
            long end = Math.min(limit, mapping.end());
            at = within(at, end);
            if (at < end) {
                return at;
            }
        }
        return Math.max(address, limit);
    }

    @Override
    public long end(long address, long limit) {
        long at = address;
        while (at < limit) {
            if (tells(at)) {
                long end = Math.min(limit, mapping.end());
                if (within(at, end) > at) {
                    return at;
                }
                // A run may go on where the kernel was asked no further.
                at = at >= from && at < to ? Math.min(end, ends[run]) : end;
            } else {
                at = mapping == null ? memory.mappings().nextReadable(at, limit) : mapping.end();
            }
        }
        return limit;
    }

    /** Whether the page map tells of memory at an address that it was never touched. */
    private boolean tells(long address) {
        if (mapping == null || !mapping.contains(address)) {
            mapping = memory.mappings().at(address).orElse(null);
            zeroUntouched = mapping != null && isPrivateMemory(mapping);
        }
        return zeroUntouched;
    }

    /** Whether a mapping is private memory without a file, all zero where it was never touched. */
    static boolean isPrivateMemory(Mapping mapping) {
        String path = mapping.path();
        return !mapping.shared()
                && (path.isEmpty()
                        || path.equals("[heap]")
                        || path.startsWith("[stack")
                        || path.startsWith("[anon:")
                        || path.equals("/anon_hugepage (deleted)"));
    }

    @Override
    public void forget() {
        mapping = null;
        from = 0;
        to = 0;
        most = FEWEST_PAGES;
        holdNothing = null;
    }

    /** The first address that holds something or may, {@code end} if none does before it. */
    private long within(long address, long end) {
        long at = address;
        while (at < end) {
            if (at < from || at >= to) {
                long page = at & -(long) pageSize;
                most = page == to ? Math.min(MOST_PAGES, most * GROWTH) : FEWEST_PAGES;
                if (!scan(page, end)) {
                    return at;
                }
            }
            if (run > 0 && at < ends[run - 1]) {
                run = 0;
            }
            while (run < runs && ends[run] <= at) {
                run++;
            }
            if (run < runs) {
                return Math.min(end, Math.max(at, starts[run]));
            }
            at = to;
        }
        return end;
    }

    /** Finds out what holds something from a page on; false if the kernel does not tell. */
    private boolean scan(long page, long end) {
        from = page;
        to = page;
        runs = 0;
        run = 0;
        if (scans) {
            // Beyond the end too, as there may be many small mappings.
            if (scanRegions(page)) {
                return true;
            }
            scans = false;
        }
        return readWords(page, (end + pageSize - 1) & -(long) pageSize);
    }

    private boolean scanRegions(long page) {
        if (pages == null) {
            pages = new PageScan(memory, mark, MOST_REGIONS, Arena.ofAuto());
        }
        long found = pages.ask(page, memory.endOfMappings(), most, PRESENT_OR_SWAPPED, PRESENT_OR_SWAPPED);
        if (found < 0 || pages.walked() <= page) {
            return false;
        }
        for (long i = 0; i < found; i++) {
            add(pages.start(i), pages.end(i));
        }
        to = pages.walked();
        return true;
    }

    private boolean readWords(long page, long end) {
        if (mapping.length() >= LARGE && holdNothing().contains(mapping.start())) {
            to = end;
            return true;
        }
        if (words == null) {
            words = Arena.ofAuto().allocate(JAVA_LONG, MOST_WORDS);
        }
        long wanted = Math.min(Math.clamp(most, FEWEST_WORDS, MOST_WORDS), (end - page) / pageSize);
        long count = memory.readPageMap(mark, page / pageSize, words, wanted);
        to = page + count * pageSize;
        for (long i = 0; i < count; i++) {
            if ((words.getAtIndex(JAVA_LONG, i) & HOLDS) != 0) {
                if (runs == MOST_REGIONS - 1 && ends[runs - 1] != page + i * pageSize) {
                    to = page + i * pageSize;
                    break;
                }
                add(page + i * pageSize, page + (i + 1) * pageSize);
            }
        }
        return count > 0;
    }

    private Set<Long> holdNothing() {
        if (holdNothing == null) {
            holdNothing = memory.mappingsThatHoldNothing();
        }
        return holdNothing;
    }

    private void add(long start, long end) {
        if (runs > 0 && ends[runs - 1] == start) {
            ends[runs - 1] = end;
        } else {
            starts[runs] = start;
            ends[runs++] = end;
        }
    }
}
