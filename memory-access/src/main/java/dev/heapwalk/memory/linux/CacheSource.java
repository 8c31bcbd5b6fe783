// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory.linux;

import dev.heapwalk.memory.Window;
import dev.heapwalk.memory.raw.Buffers;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/**
 * A cache of the memory of a process in lines of 64 KiB, or shorter ones. A line that can't be read as a whole takes
 * one slot for each readable run that was asked for, so that what a slot shows has no holes. A request across two lines
 * is put together in a buffer of its own. The oldest slot that was not used since the last round is given up for a new
 * one.
 */
final class CacheSource implements Window.Source {
    /** The longest line, which is also the usual one. */
    static final int LINE = 1 << 16;

    private static final int SLAB = 1 << 20;
    private static final int NONE = -1;

    private final LiveMemory memory;
    private final int line;
    private final int lineShift;
    private final int slabLines;
    private final Buffers buffers = new Buffers();
    private final LiveMemory.Vectors vectors;
    private final MemorySegment spill = buffers.allocate(Window.MAX_LENGTH, 4096);
    private final MemorySegment[] lines;
    private final long[] starts;
    private final int[] lengths;
    private final boolean[] used;
    private final int[] heads;
    private final int[] nexts;
    private int filled;
    private int hand;
    private MemorySegment slab;

    private MemorySegment segment = MemorySegment.NULL;
    private long base;
    private long length;
    private long missing;

    /** A cache of lines of a length that is a power of two, from a page to {@link #LINE}. */
    CacheSource(LiveMemory memory, long budget, int line) {
        this.memory = memory;
        this.vectors = memory.vectors(buffers);
        this.line = line;
        this.lineShift = Integer.numberOfTrailingZeros(line);
        this.slabLines = SLAB / line;
        int slots = (int) Math.min(budget / line, 1 << 20);
        lines = new MemorySegment[slots];
        starts = new long[slots];
        lengths = new int[slots];
        used = new boolean[slots];
        nexts = new int[slots];
        heads = new int[Integer.highestOneBit(Math.max(slots, 8)) * 2];
        Arrays.fill(heads, NONE);
    }

    @Override
    public boolean load(long address, long wanted) {
        if (address < 0 || address + wanted < address) {
            return fail(address < 0 ? address : Long.MIN_VALUE);
        }
        int slot = slot(address);
        long end = address + wanted;
        if (slot == NONE) {
            return wanted == 0 ? show(spill, address, 0) : fail(missing);
        }
        if (end <= starts[slot] + lengths[slot]) {
            return show(lines[slot], starts[slot], lengths[slot]);
        }
        // Copied piece by piece: the slot of the first line may be given up for the second.
        long at = address;
        while (true) {
            long part = Math.min(end, starts[slot] + lengths[slot]) - at;
            MemorySegment.copy(lines[slot], at - starts[slot], spill, at - address, part);
            at += part;
            if (at == end) {
                return show(spill, address, wanted);
            }
            slot = slot(at);
            if (slot == NONE) {
                return fail(missing);
            }
        }
    }

    private boolean show(MemorySegment shown, long from, long bytes) {
        segment = shown;
        base = from;
        length = bytes;
        return true;
    }

    private boolean fail(long address) {
        missing = address;
        show(spill, 0, 0);
        return false;
    }

    private int bucket(long number) {
        return (int) ((number * 0x9E3779B97F4A7C15L) >>> 40) & (heads.length - 1);
    }

    /** The slot that shows an address, read if need be; {@link #NONE} if the address can't be read. */
    private int slot(long address) {
        for (int slot = heads[bucket(address >>> lineShift)]; slot != NONE; slot = nexts[slot]) {
            long offset = address - starts[slot];
            if (offset >= 0 && offset < lengths[slot]) {
                used[slot] = true;
                return slot;
            }
        }
        return fill(address);
    }

    private int fill(long address) {
        long lineStart = address & -(long) line;
        long lineEnd = lineStart + line;
        long pageStart = address & -(long) memory.pageSize();
        long from = memory.mappings().readableStart(address, lineStart);
        long until = memory.mappings().readableEnd(address, lineEnd);
        if (until == address) {
            if (memory.stopped()) {
                missing = address;
                return NONE;
            }
            // The mappings of a running process may be out of date: let the kernel tell, of this page alone.
            from = Math.max(pageStart, lineStart);
            until = Math.min(pageStart + memory.pageSize(), lineEnd);
        }
        from = memory.from(vectors, from, address);
        int slot = free();
        long got = memory.read(vectors, from, lines[slot], 0, until - from, address + 1 - from);
        if (from + got <= address && pageStart > from) {
            // A hole that the mappings don't show lies before the address.
            from = Math.max(pageStart, lineStart);
            got = memory.read(vectors, from, lines[slot], 0, until - from, address + 1 - from);
        }
        if (from + got <= address) {
            // The slot is the next to be taken, so that bad pointers don't drive out good lines.
            hand = slot;
            missing = address;
            return NONE;
        }
        starts[slot] = from;
        lengths[slot] = (int) got;
        used[slot] = true;
        int bucket = bucket(from >>> lineShift);
        nexts[slot] = heads[bucket];
        heads[bucket] = slot;
        return slot;
    }

    /** A slot that is in no bucket. */
    private int free() {
        if (lengths[hand] == 0 && hand < filled) {
            return hand;
        }
        if (filled < lines.length) {
            if (lines[filled] == null) {
                int inSlab = filled % slabLines;
                if (inSlab == 0) {
                    slab = buffers.allocate((long) line * Math.min(slabLines, lines.length - filled), 4096);
                }
                lines[filled] = slab.asSlice((long) inSlab * line, line);
            }
            return filled++;
        }
        while (used[hand]) {
            used[hand] = false;
            hand = next(hand);
        }
        int slot = hand;
        hand = next(hand);
        remove(slot);
        return slot;
    }

    private int next(int slot) {
        return slot + 1 == lines.length ? 0 : slot + 1;
    }

    private void remove(int slot) {
        if (lengths[slot] == 0) {
            return;
        }
        int bucket = bucket(starts[slot] >>> lineShift);
        if (heads[bucket] == slot) {
            heads[bucket] = nexts[slot];
        } else {
            int before = heads[bucket];
            while (nexts[before] != slot) {
                before = nexts[before];
            }
            nexts[before] = nexts[slot];
        }
        lengths[slot] = 0;
    }

    @Override
    public void forget() {
        Arrays.fill(heads, NONE);
        Arrays.fill(lengths, 0);
        Arrays.fill(used, false);
        vectors.forget();
        filled = 0;
        hand = 0;
        show(spill, 0, 0);
    }

    @Override
    public int holds(long local, long address, long bytes) {
        if (segment == spill && segment.address() <= local && local < segment.address() + segment.byteSize()) {
            return Window.Source.super.holds(local, address, bytes);
        }
        // A line is good until it is given up for another, whatever is shown meanwhile.
        for (int slot = heads[bucket(address >>> lineShift)]; slot != NONE; slot = nexts[slot]) {
            long offset = address - starts[slot];
            if (offset >= 0 && offset <= lengths[slot] - bytes && local == lines[slot].address() + offset) {
                return 1;
            }
        }
        return buffers.contains(local) ? 0 : -1;
    }

    @Override
    public void close() {
        buffers.close();
    }

    @Override
    public MemorySegment segment() {
        return segment;
    }

    @Override
    public long base() {
        return base;
    }

    @Override
    public long length() {
        return length;
    }

    @Override
    public long missing() {
        return missing;
    }
}
