// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.tcmalloc;

import dev.heapwalk.allocator.AnonymousMemory;
import dev.heapwalk.memory.Ranges;
import java.util.Arrays;

/**
 * The memory that tcmalloc has its own structures in. It takes it from the kernel by 8 MiB and hands it out from the
 * beginning on, mostly by 128 KiB, and never gives it back. Where such a piece begins is not told anywhere, so it is
 * what lies between spans from the first structure that is known to the last one.
 */
final class Metadata {
    private static final long CHUNK = 8L << 20;
    private static final long AREA = 128 << 10;
    private static final long PAGE = 4096;
    private static final int FIRST_LENGTH = 1 << 10;

    private final AnonymousMemory anonymous;
    /** Pages with structures: each as an address. */
    private long[] pages = new long[FIRST_LENGTH];

    private int count;
    private int next;
    private boolean sorted;

    Metadata(AnonymousMemory anonymous) {
        this.anonymous = anonymous;
    }

    /** Takes a structure that is known to be tcmalloc's own. */
    void structure(long address, long size) {
        for (long page = address & -PAGE; page < address + size; page += PAGE) {
            if (count > 0 && pages[count - 1] == page) {
                continue;
            }
            if (count == pages.length) {
                pages = Arrays.copyOf(pages, 2 * count);
            }
            pages[count++] = page;
        }
    }

    /** Adds what lies between two spans to a table. To be called in the order of addresses, when all is known. */
    void between(long from, long to, SpanTable table) {
        if (!sorted) {
            Arrays.sort(pages, 0, count);
            sorted = true;
        }
        while (next < count && pages[next] < from) {
            next++;
        }
        Ranges ranges = anonymous.ranges();
        while (next < count && pages[next] < to) {
            long start = pages[next];
            int range = ranges.at(start);
            long limit = range < 0 ? start : Math.min(Math.min(to, ranges.end(range)), start + CHUNK);
            if (limit <= start) {
                next++;
                continue;
            }
            long end = start;
            for (; next < count && pages[next] < limit; next++) {
                end = pages[next] + PAGE;
            }
            end = Math.min(limit, start + (end - start + AREA - 1) / AREA * AREA);
            table.add(SpanTable.Kind.META, start, end - start, 0, end - start, 0);
        }
    }
}
