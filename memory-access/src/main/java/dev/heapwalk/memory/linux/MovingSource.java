// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory.linux;

import dev.heapwalk.memory.Window;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * One buffer that moves over the memory of a process, biased forward: each refill is one system call and begins on the page
 * of the wanted address. It reads far ahead only for a walker that goes on where the buffer ended, so that one that jumps
 * over large blocks does not pay for their contents. Once one has gone on for a while, what it will come to next is copied ahead of
 * it.
 */
final class MovingSource implements Window.Source {
    private static final long CAPACITY = 1 << 20;
    /** As near behind the buffer a walker still goes on: it asks for the first header there, rarely right at the end. */
    private static final long NEAR = 1 << 14;
    /** After a jump, which another one may follow, no more than a page. */
    private static final long AFTER_JUMP = 1 << 12;
    private static final long GROWTH = 4;
    /** One that has jumped so often without going on in between is believed to jump on, */
    private static final int JUMPY = 4;
    /** and gets a cache line more or less: a header, and what else of a small structure may be asked for. */
    private static final long AFTER_JUMPS = 1 << 6;
    /** A walker that has gone on through so many full buffers is believed to go on. */
    private static final int STEADY = 2;

    private final LiveMemory memory;
    private final LiveMemory.Vectors vectors = new LiveMemory.Vectors();
    private final MemorySegment buffer;
    private final long pageMask;
    private ReadAhead readAhead;
    private boolean reading;
    private int steady;
    private int jumps;
    private MemorySegment segment;
    private long base;
    private long length;
    private long missing;
    private long ahead = AFTER_JUMP;

    MovingSource(LiveMemory memory) {
        this.memory = memory;
        this.pageMask = -(long) memory.pageSize();
        // The largest request may begin at the very end of a page. Allocated memory is zeroed, so its pages are there.
        this.buffer = Arena.ofAuto().allocate(Math.max(CAPACITY, Window.MAX_LENGTH + memory.pageSize()), 4096);
        this.segment = buffer;
    }

    @Override
    public boolean load(long address, long wanted) {
        long end = address + wanted;
        if (end < address || address < 0) {
            missing = address < 0 ? address : Long.MIN_VALUE;
            return false;
        }
        if (reading && readAhead(address, wanted)) {
            return true;
        }
        long reached = base + length;
        boolean goesOn = length > 0 && address >= base && address - reached <= NEAR;
        jumps = goesOn ? 0 : jumps + 1;
        boolean jumpy = jumps > JUMPY;
        ahead = goesOn ? Math.clamp(ahead * GROWTH, AFTER_JUMP, CAPACITY) : jumpy ? AFTER_JUMPS : AFTER_JUMP;
        long start = jumpy ? address : address & pageMask;
        long limit = Math.min(start + Math.max(ahead, end - start), start + buffer.byteSize());
        // At least what was asked for: mappings of a running process may be out of date, and the kernel knows.
        long until = Math.max(memory.mappings().readableEnd(start, limit), end);
        segment = buffer;
        base = start;
        length = 0;
        length = memory.read(vectors, start, buffer, 0, until - start);
        if (start + length >= end) {
            steady = goesOn && length >= CAPACITY ? steady + 1 : 0;
            if (steady >= STEADY) {
                goAhead(wanted);
            }
            return true;
        }
        steady = 0;
        if (wanted == 0) {
            base = address;
            length = 0;
            return true;
        }
        missing = Math.max(start + length, address);
        return false;
    }

    private boolean readAhead(long address, long wanted) {
        ReadAhead.Block block = readAhead.take(address, wanted);
        if (block == null) {
            readAhead.stop();
            reading = false;
            return false;
        }
        segment = block.buffer;
        base = block.start;
        length = block.length;
        return true;
    }

    /** Has the memory behind the buffer copied while the walker is in it. */
    private void goAhead(long wanted) {
        if (readAhead == null) {
            readAhead = new ReadAhead(memory, vectors, CAPACITY);
        }
        // What lies across the end of the buffer begins on one of its last pages.
        long overlap = wanted + memory.pageSize() & pageMask;
        readAhead.start(base + length - overlap, overlap);
        reading = true;
        steady = 0;
    }

    @Override
    public void forget() {
        if (reading) {
            readAhead.stop();
            reading = false;
        }
        steady = 0;
        length = 0;
        base = 0;
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
