// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.malloc;

import dev.heapwalk.malloc.layout.MallocLayout;
import dev.heapwalk.memory.Reader;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/** The linked lists of free chunks. Each step is checked, and no list is followed in circles. */
final class FreeLists {
    private final Reader reader;
    private final MallocLayout layout;
    private final WalkPlan plan;

    FreeLists(Reader reader, MallocLayout layout, WalkPlan plan) {
        this.reader = reader;
        this.layout = layout;
        this.plan = plan;
    }

    /** What is told of each chunk of a list. */
    interface Visitor {
        void chunk(long address, long size);
    }

    /** What is told of damage. */
    interface Fault {
        void at(long address, String reason);
    }

    /**
     * Begins to walk a bin of a thread cache, whose links point behind the headers of chunks.
     *
     * @param first what the first link points to, 0 for an empty list
     * @param index number of the bin
     * @param cache target address of the thread cache
     */
    FreeList tcache(long first, int index, long cache, Fault fault) {
        return new FreeList(
                reader,
                layout,
                plan,
                first,
                MallocChunk.HEADER,
                MallocLayout.Tcache.minSize(index),
                MallocLayout.Tcache.maxSize(index),
                layout.tcache().key() == MallocLayout.Key.STRUCT ? cache : 0,
                () -> "bin %d of the thread cache at 0x%x".formatted(index, cache),
                fault);
    }

    /**
     * The fastbins of an arena. They are walked side by side: what was freed in some order lies in each list in that
     * order, and so all of them go through the same memory once instead of ten times.
     */
    List<Bin> fastbins(MallocArena arena, Visitor visitor, Fault fault) {
        if (layout.state().fastbins() < 0) {
            return List.of();
        }
        FreeList[] lists = new FreeList[MallocLayout.FASTBINS];
        for (int i = 0; i < lists.length; i++) {
            int index = i;
            long size = MallocChunk.MIN_SIZE + 16L * i;
            lists[i] = new FreeList(
                    reader,
                    layout,
                    plan,
                    Structures.arena(reader, arena.address(), layout.state()).fastbin(i),
                    0,
                    size,
                    size,
                    0,
                    () -> "fastbin %d of arena %d".formatted(index, arena.index()),
                    fault);
        }
        for (FreeList list = nearest(lists, 0); list != null; list = nearest(lists, list.chunk())) {
            if (list.next()) {
                visitor.chunk(list.chunk(), list.size());
            }
        }
        List<Bin> bins = new ArrayList<>();
        for (int i = 0; i < lists.length; i++) {
            if (lists[i].count() > 0) {
                long size = MallocChunk.MIN_SIZE + 16L * i;
                bins.add(new Bin(arena.index(), Bin.Kind.FAST, i, size, size, lists[i].count(), lists[i].bytes()));
            }
        }
        return bins;
    }

    /** The list whose next chunk lies nearest to an address; null if all are at their end. */
    private static FreeList nearest(FreeList[] lists, long address) {
        FreeList nearest = null;
        long least = Long.MAX_VALUE;
        for (FreeList list : lists) {
            long distance = Math.abs(list.following() - address);
            if (list.following() != 0 && (nearest == null || distance < least)) {
                nearest = list;
                least = distance;
            }
        }
        return nearest;
    }

    /** The doubly linked bins of an arena. */
    List<Bin> bins(MallocArena arena, Visitor visitor, Fault fault) {
        List<Bin> bins = new ArrayList<>();
        for (int i = 1; i <= MallocLayout.BINS - 1; i++) {
            MallocState state = Structures.arena(reader, arena.address(), layout.state());
            long head = state.binAt(i);
            long at = state.first(i);
            String name = "bin %d of arena %d".formatted(i, arena.index());
            long min = i == 1 ? 0 : BinSizes.min(i);
            long max = i == 1 ? -1 : BinSizes.max(i);
            long count = 0;
            long bytes = 0;
            long previous = head;
            long tortoise = 0;
            long power = 1;
            boolean whole = false;
            while (!(whole = at == head)) {
                if (!plan.chunk(at)) {
                    fault.at(at, "%s: entry %d points to no chunk".formatted(name, count));
                    break;
                }
                if (reader.readLong(at + 24, 0) != previous) {
                    fault.at(at, "%s: entry %d does not point back to the one before it".formatted(name, count));
                    break;
                }
                long size = Structures.sizeWord(reader, at) & ~MallocChunk.SIZE_BITS;
                // The links are other words than the size, so the rest of the list is still worth its name.
                boolean wrongSize = size < Math.max(min, MallocChunk.MIN_SIZE) || max >= 0 && size > max;
                if (wrongSize) {
                    fault.at(at, "%s: entry %d is a chunk of size 0x%x".formatted(name, count, size));
                    size = 0;
                } else if ((Structures.sizeWord(reader, at + size) & MallocChunk.PREV_INUSE) != 0) {
                    fault.at(at, "%s: entry %d is in use, as the chunk behind it says".formatted(name, count));
                }
                if (size >= MallocChunk.MIN_LARGE && !skipsSoundly(at)) {
                    fault.at(at, "%s: entry %d is not linked soundly to those of other sizes".formatted(name, count));
                }
                if (at == tortoise || count >= FreeList.MOST) {
                    fault.at(at, "%s: the list goes in circles".formatted(name));
                    break;
                }
                visitor.chunk(at, size);
                bytes += size;
                if (++count == power) {
                    tortoise = at;
                    power *= 2;
                }
                previous = at;
                at = reader.readLong(at + 16, head);
            }
            if (!whole) {
                // The other links lead to what lies behind the damage.
                List<Long> rest = backwards(head, state(arena).first(i), count);
                for (long chunk : rest) {
                    long size = Structures.sizeWord(reader, chunk) & ~MallocChunk.SIZE_BITS;
                    visitor.chunk(chunk, size);
                    bytes += size;
                }
                count += rest.size();
            }
            if (count > 0) {
                Bin.Kind kind = i == 1 ? Bin.Kind.UNSORTED : i < 64 ? Bin.Kind.SMALL : Bin.Kind.LARGE;
                bins.add(new Bin(arena.index(), kind, i, min, max, count, bytes));
            }
        }
        return bins;
    }

    /** Whether those that a chunk's {@code fd_nextsize} and {@code bk_nextsize} lead to, if it has them, lead back. */
    private boolean skipsSoundly(long chunk) {
        long next = reader.readLong(chunk + 32, 0);
        long previous = reader.readLong(chunk + 40, 0);
        return next == 0 && previous == 0
                || reader.readLong(next + 40, 0) == chunk && reader.readLong(previous + 32, 0) == chunk;
    }

    private MallocState state(MallocArena arena) {
        return Structures.arena(reader, arena.address(), layout.state());
    }

    /**
     * The chunks of a bin that only its last links lead to.
     *
     * @param head the bin
     * @param first its first chunk
     * @param count how many of them the first links lead to
     */
    private List<Long> backwards(long head, long first, long count) {
        Set<Long> met = new HashSet<>();
        long at = first;
        for (long i = 0; i < count; i++) {
            met.add(at);
            at = reader.readLong(at + 16, head);
        }
        List<Long> rest = new ArrayList<>();
        long next = head;
        at = reader.readLong(head + 24, head);
        while (at != head && plan.chunk(at) && reader.readLong(at + 16, 0) == next && met.add(at)) {
            rest.add(at);
            next = at;
            at = reader.readLong(at + 24, head);
        }
        return rest;
    }

    /** The sum of what the heads of an arena's bins are away from what their links lead to. */
    long headLinks(MallocArena arena, boolean forward) {
        long sum = 0;
        long first = state(arena).binAt(1);
        for (int i = 1; i <= MallocLayout.BINS - 1; i++) {
            long head = first + 16L * (i - 1);
            sum += reader.readLong(head + (forward ? 16 : 24), head) - head;
        }
        return sum;
    }
}
