// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory.linux;

import dev.heapwalk.memory.Window;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * One buffer that moves over the memory of a process, biased forward: each refill is one system call and begins on the page
 * of the wanted address. It reads far ahead only for a walker that goes on where the buffer ended, so that one that jumps
 * over large blocks does not pay for their contents.
 */
final class MovingSource implements Window.Source {
    private static final long CAPACITY = 1 << 20;
    private static final long AFTER_JUMP = 1 << 14;
    private static final long GROWTH = 4;

    private final LiveMemory memory;
    private final LiveMemory.Vectors vectors = new LiveMemory.Vectors();
    private final MemorySegment buffer;
    private final long pageMask;
    private long base;
    private long length;
    private long missing;
    private long ahead = AFTER_JUMP;

    MovingSource(LiveMemory memory) {
        this.memory = memory;
        this.pageMask = -(long) memory.pageSize();
        // The largest request may begin at the very end of a page. Allocated memory is zeroed, so its pages are there.
        this.buffer = Arena.ofAuto().allocate(Math.max(CAPACITY, Window.MAX_LENGTH + memory.pageSize()), 4096);
    }

    @Override
    public boolean load(long address, long wanted) {
        long end = address + wanted;
        if (end < address || address < 0) {
            missing = address < 0 ? address : Long.MIN_VALUE;
            return false;
        }
        long reached = base + length;
        // A walker that goes on asks for the first header behind the buffer: rarely just where the buffer ended.
        boolean goesOn = length > 0 && address >= base && address - reached <= AFTER_JUMP;
        ahead = goesOn ? Math.min(ahead * GROWTH, CAPACITY) : AFTER_JUMP;
        long start = address & pageMask;
        long limit = Math.min(start + Math.max(ahead, end - start), start + buffer.byteSize());
        // At least what was asked for: mappings of a running process may be out of date, and the kernel knows.
        long until = Math.max(memory.mappings().readableEnd(start, limit), end);
        base = start;
        length = 0;
        length = memory.read(vectors, start, buffer, 0, until - start);
        if (start + length >= end) {
            return true;
        }
        if (wanted == 0) {
            base = address;
            length = 0;
            return true;
        }
        missing = Math.max(start + length, address);
        return false;
    }

    @Override
    public void forget() {
        length = 0;
        base = 0;
    }

    @Override
    public MemorySegment segment() {
        return buffer;
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
