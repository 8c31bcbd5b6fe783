// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.malloc;

import dev.heapwalk.malloc.layout.MallocLayout;
import dev.heapwalk.memory.Reader;
import java.util.ArrayList;
import java.util.List;

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
            while (at != head) {
                if (!plan.chunk(at)) {
                    fault.at(at, "%s: entry %d points to no chunk".formatted(name, count));
                    break;
                }
                if (reader.readLong(at + 24, 0) != previous) {
                    fault.at(at, "%s: entry %d does not point back to the one before it".formatted(name, count));
                    break;
                }
                long size = Structures.sizeWord(reader, at) & ~MallocChunk.SIZE_BITS;
                if (size < Math.max(min, MallocChunk.MIN_SIZE) || max >= 0 && size > max) {
                    fault.at(at, "%s: entry %d is a chunk of size 0x%x".formatted(name, count, size));
                    break;
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
            if (count > 0) {
                Bin.Kind kind = i == 1 ? Bin.Kind.UNSORTED : i < 64 ? Bin.Kind.SMALL : Bin.Kind.LARGE;
                bins.add(new Bin(arena.index(), kind, i, min, max, count, bytes));
            }
        }
        return bins;
    }
}
