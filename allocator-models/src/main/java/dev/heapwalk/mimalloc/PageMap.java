// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.mimalloc;

import dev.heapwalk.allocator.AnonymousMemory;
import dev.heapwalk.memory.AddressSpace;
import dev.heapwalk.memory.Reader;
import dev.heapwalk.memory.TouchedPages;
import dev.heapwalk.memory.Window;
import dev.heapwalk.memory.raw.Words;
import dev.heapwalk.mimalloc.layout.MimallocLayout;
import java.lang.foreign.MemorySegment;
import java.util.Optional;

/**
 * What leads from addresses to pages since mimalloc 3: a table of tables of pointers to {@code mi_page_t}, one for each
 * slice of 64 KiB. Behind it lies the table for the lowest addresses, which the first entry points to: so it proves
 * itself.
 *
 * @param address target address of the first entry
 * @param entries how many there are
 * @param lowest target address of the table for the lowest addresses, which is empty
 */
record PageMap(long address, long entries, long lowest) {
    private static final long SUBMAP = (long) Long.BYTES << MimallocLayout.SUBMAP_BITS;
    private static final long PAGE = 4096;

    /** Is told of neighbouring slices that name the same page. */
    interface Visitor {
        void page(long from, long to, long page);
    }

    /** Whether a variable may point to a page map, by its value alone. */
    static boolean mayBe(long pointer) {
        return pointer > 0 && (pointer & PAGE - 1) == 0;
    }

    /** What a variable points to, if that is a page map. */
    static Optional<PageMap> at(Reader reader, AnonymousMemory anonymous, long pointer) {
        if (!mayBe(pointer) || !anonymous.holds(pointer, MimallocLayout.LEAST_MAP)) {
            return Optional.empty();
        }
        for (int header : MimallocLayout.MAP_HEADERS) {
            long lowest = reader.readLong(pointer + header, 0);
            long size = lowest - pointer;
            long entries = Long.highestOneBit(size) / Long.BYTES;
            long rounded = header + entries * Long.BYTES + PAGE - 1 & -PAGE;
            if (size >= MimallocLayout.LEAST_MAP
                    && size <= MimallocLayout.MOST_MAP + PAGE
                    && size == rounded
                    && anonymous.holds(lowest, SUBMAP)) {
                return Optional.of(new PageMap(pointer + header, entries, lowest));
            }
        }
        return Optional.empty();
    }

    /** Goes through all slices that have a page, in address order. */
    void each(AddressSpace memory, AnonymousMemory anonymous, Visitor visitor) {
        Run run = new Run(visitor);
        TouchedPages touched = memory.touched();
        try (Window tables = memory.window();
                Window table = memory.window()) {
            long end = address + entries * Long.BYTES;
            long at = address;
            while (at < end) {
                at = Math.max(at, touched.next(at, end) & -Long.BYTES);
                long stop = Math.min(end, (at & -PAGE) + PAGE);
                long offset = at < end ? tables.find(at, stop - at) : -1;
                for (long i = at; offset >= 0 && i < stop; i += Long.BYTES) {
                    long submap = tables.segment().get(Words.LONG, offset + i - at);
                    if (submap != 0
                            && submap != lowest
                            && (submap & Long.BYTES - 1) == 0
                            && anonymous.holds(submap, SUBMAP)) {
                        slices(table, submap, (i - address) / Long.BYTES << MimallocLayout.SUBMAP_BITS, run);
                    }
                }
                at = stop;
            }
        }
        run.end();
    }

    private static void slices(Window table, long submap, long first, Run run) {
        long offset = table.find(submap, SUBMAP);
        if (offset < 0) {
            return;
        }
        MemorySegment segment = table.segment();
        for (long i = 0; i < SUBMAP; i += Long.BYTES) {
            run.slice(first + i / Long.BYTES, segment.get(Words.LONG, offset + i));
        }
    }

    /** Joins slices that name the same page. */
    private static final class Run {
        private final Visitor visitor;
        private long page;
        private long from;
        private long to;

        Run(Visitor visitor) {
            this.visitor = visitor;
        }

        void slice(long number, long named) {
            if (named == page && number == to) {
                to++;
                return;
            }
            end();
            page = named;
            from = number;
            to = number + 1;
        }

        void end() {
            if (page != 0) {
                visitor.page(from * MimallocLayout.SLICE, to * MimallocLayout.SLICE, page);
            }
            page = 0;
        }
    }
}
