// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.malloc;

import dev.heapwalk.heap.residency.Reclaimable;
import dev.heapwalk.memory.Mapping;
import dev.heapwalk.memory.Ranges;
import dev.heapwalk.memory.Reader;
import dev.heapwalk.memory.Residency;
import java.util.ArrayList;
import java.util.List;
import java.util.function.ToLongFunction;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * What {@code malloc_trim(0)} would give back to the kernel, by the rules of glibc 2.12 to 2.43 ({@code mtrim} and
 * {@code systrim} in malloc.c). Nothing is called in the target.
 *
 * <p>Of each free chunk it gives back the whole pages behind the chunk's own header of 48 bytes, after the chunks of
 * fastbins are merged with their free neighbours, and of the main arena's top what lies behind a header. It gives back
 * nothing of a thread arena's top, of what thread caches hold, and of a range from the first mapping on that is locked
 * in memory. Of mappings of hugetlbfs ({@code glibc.malloc.hugetlb=2}) it knows nothing: the kernel takes whole huge
 * pages back, but only if the range begins with one, and since Linux 5.18.
 */
public final class Trim {
    /** {@code sizeof(struct malloc_chunk)}. */
    private static final long HEADER = 48;
    /** {@code MINSIZE}, and the byte less than which the main arena's top never gets. */
    private static final long LEAST_TOP = 32 + 1;

    private final MallocHeap heap;
    private final Residency residency;
    private final long pageSize;
    private final long topUnit;
    /** The size of huge pages that malloc asks for and the kernel takes back; 0 for none. */
    private final long hugeUnit;

    private final long breakEnd;

    /** Is told of ranges. */
    @FunctionalInterface
    public interface Sink {
        /**
         * A range that would be given back, whether its pages are in memory or not.
         *
         * @param start target address of a page
         * @param end target address behind the last page
         */
        void range(long start, long end);
    }

    private static final class Sum {
        private long resident;
        private long shared;
        private long huge;
        private long swapped;
        private long hugetlb;

        void add(Residency residency, long start, long end) {
            residency.within(start, end, (from, to, kind) -> {
                long bytes = to - from;
                if ((kind & Residency.HUGETLB) != 0) {
                    hugetlb += bytes;
                    return;
                }
                if ((kind & (Residency.FILE | Residency.ZERO)) != 0) {
                    return;
                }
                if ((kind & Residency.SWAPPED) != 0) {
                    swapped += bytes;
                    return;
                }
                resident += bytes;
                shared += (kind & Residency.EXCLUSIVE) == 0 ? bytes : 0;
                huge += (kind & Residency.HUGE) != 0 ? bytes : 0;
            });
        }
    }

    /**
     * Prepares to tell.
     *
     * @param heap a heap of a process that stands still, as it is in that stop
     * @param residency what is in memory in the same stop
     */
    public Trim(MallocHeap heap, Residency residency) {
        this.heap = heap;
        this.residency = residency;
        this.pageSize = heap.target().pageSize();
        this.topUnit = Math.max(pageSize, hugePageSize(heap, MallocPar::transparentHugePageSize));
        this.hugeUnit = kernelIsAtLeast(5, 18) ? hugePageSize(heap, MallocPar::hugePageSize) : 0;
        this.breakEnd = heap.target().memory().mappings().list().stream()
                .filter(mapping -> mapping.path().equals("[heap]"))
                .mapToLong(Mapping::end)
                .max()
                .orElse(0);
    }

    private static long hugePageSize(MallocHeap heap, ToLongFunction<MallocPar> which) {
        if (heap.parameters().isEmpty()) {
            return 0;
        }
        try (Reader reader = heap.target().memory().reader(1 << 17)) {
            long size = which.applyAsLong(Structures.parameters(
                    reader, heap.parameters().getAsLong(), heap.layout().par()));
            // No huge page is larger.
            return size > 0 && size <= 1L << 40 && Long.bitCount(size) == 1 ? size : 0;
        }
    }

    /** The process runs on the kernel that this one runs on. */
    private static boolean kernelIsAtLeast(int major, int minor) {
        Matcher version = Pattern.compile("([0-9]{1,4})\\.([0-9]{1,4}).*").matcher(System.getProperty("os.version"));
        if (!version.matches()) {
            return false;
        }
        int own = Integer.parseInt(version.group(1));
        return own > major || own == major && Integer.parseInt(version.group(2)) >= minor;
    }

    /**
     * Tells what would be given back of each arena.
     *
     * @return the arenas in the order of {@link MallocHeap#arenas()}
     */
    public List<Reclaimable> forecast() {
        List<Reclaimable> all = new ArrayList<>();
        for (MallocArena arena : heap.arenas()) {
            Sum sum = new Sum();
            Sum kept = new Sum();
            Sum end = new Sum();
            long[] top = new long[3];
            walk(arena, (start, behind) -> sum.add(residency, start, behind), top);
            kept.add(residency, top[0], top[1]);
            end.add(residency, top[1], top[2]);
            all.add(new Reclaimable(
                    arena.index(),
                    sum.resident,
                    sum.shared,
                    sum.huge,
                    sum.swapped,
                    sum.hugetlb,
                    end.resident,
                    kept.resident));
        }
        return all;
    }

    /**
     * Tells the ranges that would be given back of an arena, in ascending order.
     *
     * @param arena one of the heap's arenas
     * @param sink is told of each
     */
    public void ranges(MallocArena arena, Sink sink) {
        walk(arena, sink, new long[3]);
    }

    /** Goes through an arena, and notes the whole pages of its top: where they begin, what stays, and where they end. */
    private void walk(MallocArena arena, Sink sink, long[] pages) {
        try (ChunkCursor chunk = heap.chunks(arena)) {
            long start = 0;
            long end = 0;
            while (chunk.next()) {
                ChunkState state = chunk.state();
                boolean free = state == ChunkState.FREE || state == ChunkState.FASTBIN || state == ChunkState.TOP;
                if (start != 0 && (!free || chunk.address() != end)) {
                    merged(start, end, sink);
                    start = 0;
                }
                if (!free) {
                    continue;
                }
                start = start == 0 ? chunk.address() : start;
                end = chunk.address() + chunk.size();
                if (state == ChunkState.TOP) {
                    top(arena, start, end, sink, pages);
                    start = 0;
                }
            }
            if (start != 0) {
                merged(start, end, sink);
            }
        }
    }

    /** A chunk as it is once those of fastbins are merged into it. */
    private void merged(long start, long end, Sink sink) {
        if (end - start <= pageSize - 1 + HEADER) {
            return;
        }
        long from = up(start + HEADER);
        long to = down(end);
        Ranges locked = residency.locked();
        for (int i = 0; i < locked.count() && locked.start(i) < to; i++) {
            if (locked.end(i) > from) {
                // The kernel goes no farther, whatever lies behind.
                to = locked.start(i);
            }
        }
        Ranges hugetlb = residency.hugetlb();
        for (int i = hugetlb.behind(from); i < hugetlb.count() && hugetlb.start(i) < to; i++) {
            long first = Math.max(from, hugetlb.start(i));
            sendUnlessEmpty(from, first, sink);
            if (hugeUnit == 0 || (first & hugeUnit - 1) != 0) {
                // Nor behind an error.
                return;
            }
            sendUnlessEmpty(first, Math.min(to, hugetlb.end(i)) & -hugeUnit, sink);
            from = Math.min(to, hugetlb.end(i));
        }
        sendUnlessEmpty(from, to, sink);
    }

    private static void sendUnlessEmpty(long from, long to, Sink sink) {
        if (from < to) {
            sink.range(from, to);
        }
    }

    private void top(MallocArena arena, long start, long end, Sink sink, long[] pages) {
        long released = 0;
        if (arena.kind() == MallocArena.Kind.MAIN && end == breakEnd && end - start > LEAST_TOP) {
            released = (end - start - LEAST_TOP) & -topUnit;
        }
        if (released > 0) {
            sink.range(end - released, end);
        }
        pages[0] = down(start);
        pages[1] = Math.max(pages[0], end - released);
        pages[2] = end;
    }

    private long up(long address) {
        return (address + pageSize - 1) & -pageSize;
    }

    private long down(long address) {
        return address & -pageSize;
    }

    @Override
    public String toString() {
        return "trim of " + heap;
    }
}
