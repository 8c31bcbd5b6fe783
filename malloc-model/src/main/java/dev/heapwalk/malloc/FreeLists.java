// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.malloc;

import java.util.ArrayList;
import java.util.List;

/** Walks the linked lists of free chunks. Each step is checked, and no list is followed in circles. */
final class FreeLists {
    private static final long MOST = 1L << 32;

    private final Peek peek;
    private final MallocLayout layout;
    private final WalkPlan plan;

    FreeLists(Peek peek, MallocLayout layout, WalkPlan plan) {
        this.peek = peek;
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
     * Walks a singly linked list.
     *
     * @param first target address that the first link points to, 0 for an empty list
     * @param linkOffset where the next link lies behind the address that a link holds, in bytes
     * @param chunkOffset what is subtracted from such an address to get the chunk's, in bytes
     * @param minSize smallest chunk that may be in the list
     * @param maxSize largest chunk
     * @param name the list's name for messages
     * @return how many chunks there were, or -1 if the list is damaged
     */
    long single(
            long first,
            long linkOffset,
            long chunkOffset,
            long minSize,
            long maxSize,
            String name,
            Visitor visitor,
            Fault fault) {
        long count = 0;
        long at = first;
        // Brent: the tortoise is put where the hare is at every power of two.
        long tortoise = 0;
        long power = 1;
        boolean sound = true;
        while (at != 0) {
            long chunk = at - chunkOffset;
            if (!plan.chunk(chunk)) {
                fault.at(at, "%s: entry %d points to no chunk".formatted(name, count));
                return -1;
            }
            long size = peek.sizeWord(chunk) & ~MallocChunk.SIZE_BITS;
            if (size < minSize || size > maxSize) {
                // The link is another word than the size, so the rest of the list is still worth its name.
                fault.at(chunk, "%s: entry %d is a chunk of size 0x%x".formatted(name, count, size));
                sound = false;
            }
            if (at == tortoise || count >= MOST) {
                fault.at(chunk, "%s: the list goes in circles".formatted(name));
                return -1;
            }
            visitor.chunk(chunk, size);
            if (++count == power) {
                tortoise = at;
                power *= 2;
            }
            long field = at + linkOffset;
            at = layout.reveal(field, peek.word(field, 0));
        }
        return sound ? count : -1;
    }

    /** The fastbins of an arena. */
    List<Bin> fastbins(Arena arena, Visitor visitor, Fault fault) {
        List<Bin> bins = new ArrayList<>();
        if (layout.state().fastbins() < 0) {
            return bins;
        }
        for (int i = 0; i < MallocLayout.FASTBINS; i++) {
            long size = MallocChunk.MIN_SIZE + 16L * i;
            long[] sums = new long[2];
            long head = peek.arena(arena.address(), layout.state()).fastbin(i);
            single(head, 16, 0, size, size, "fastbin %d of arena %d".formatted(i, arena.index()), (chunk, bytes) -> {
                sums[0]++;
                sums[1] += bytes;
                visitor.chunk(chunk, bytes);
            }, fault);
            if (sums[0] > 0) {
                bins.add(new Bin(arena.index(), Bin.Kind.FAST, i, size, size, sums[0], sums[1]));
            }
        }
        return bins;
    }

    /** The doubly linked bins of an arena. */
    List<Bin> bins(Arena arena, Visitor visitor, Fault fault) {
        List<Bin> bins = new ArrayList<>();
        for (int i = 1; i <= MallocLayout.BINS - 1; i++) {
            MallocState state = peek.arena(arena.address(), layout.state());
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
                if (peek.word(at + 24, 0) != previous) {
                    fault.at(at, "%s: entry %d does not point back to the one before it".formatted(name, count));
                    break;
                }
                long size = peek.sizeWord(at) & ~MallocChunk.SIZE_BITS;
                if (size < Math.max(min, MallocChunk.MIN_SIZE) || max >= 0 && size > max) {
                    fault.at(at, "%s: entry %d is a chunk of size 0x%x".formatted(name, count, size));
                    break;
                }
                if (at == tortoise || count >= MOST) {
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
                at = peek.word(at + 16, head);
            }
            if (count > 0) {
                Bin.Kind kind = i == 1 ? Bin.Kind.UNSORTED : i < 64 ? Bin.Kind.SMALL : Bin.Kind.LARGE;
                bins.add(new Bin(arena.index(), kind, i, min, max, count, bytes));
            }
        }
        return bins;
    }
}
