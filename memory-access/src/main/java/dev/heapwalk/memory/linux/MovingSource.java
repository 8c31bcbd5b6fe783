// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory.linux;

import dev.heapwalk.memory.Ranges;
import dev.heapwalk.memory.Window;
import dev.heapwalk.memory.raw.Buffers;
import java.lang.foreign.MemorySegment;

/**
 * One buffer that moves over the memory of a process, biased forward: each refill is one system call and begins on the
 * page of the wanted address. It reads far ahead only for a walker that goes on where the buffer ended, so that one
 * that jumps over large blocks does not pay for their contents. Once one has gone on for a while, what it will come to
 * next is copied ahead of it; once one has jumped by the same length for a while, the next few ends of such jumps are
 * read with the first.
 */
final class MovingSource implements Window.Source {
    private static final long CAPACITY = 1 << 20;
    /**
     * As near behind the buffer a walker still goes on: it asks for the first header there, rarely right at the end.
     */
    private static final long NEAR = 1 << 14;
    /** After a jump, which another one may follow, no more than a page. */
    private static final long AFTER_JUMP = 1 << 12;

    private static final long GROWTH = 4;
    /** One that has jumped so often without going on in between is believed to jump on, */
    private static final int JUMPY = 4;
    /** and gets a cache line more or less: a header, and what else of a small structure may be asked for. */
    private static final long AFTER_JUMPS = EqualJumps.LENGTH;
    /** A walker that has gone on through so many bytes is believed to go on. */
    private static final long STEADY = 2 * CAPACITY;

    private final LiveMemory memory;
    private final Buffers buffers = new Buffers();
    private final LiveMemory.Vectors vectors;
    private final MemorySegment buffer;
    private final long pageMask;
    private Ranges course;
    private ReadAhead readAhead;
    private EqualJumps equalJumps;
    private boolean reading;
    private boolean beside;
    private long steady;
    private int jumps;
    private MemorySegment segment;
    private long base;
    private long length;
    private long missing;
    private long ahead = AFTER_JUMP;

    MovingSource(LiveMemory memory, Ranges course) {
        this.memory = memory;
        this.vectors = memory.vectors(buffers);
        this.course = course;
        this.pageMask = -(long) memory.pageSize();
        // The largest request may begin at the very end of a page.
        this.buffer = buffers.allocate(Math.max(CAPACITY, Window.MAX_LENGTH + memory.pageSize()), 4096);
        this.segment = buffer;
    }

    /** Has it show nothing that is swapped out. */
    void leaveSwapped() {
        vectors.leaveSwapped();
    }

    @Override
    public boolean load(long address, long wanted) {
        long end = address + wanted;
        if (end < address || address < 0) {
            missing = address < 0 ? address : Long.MIN_VALUE;
            return false;
        }
        int range = course.at(address);
        boolean left = beside;
        beside = range < 0 && course.count() > 0;
        // Beside the course, what is on its way will be wanted later.
        if (reading && !beside && readAhead(address, wanted)) {
            return true;
        }
        boolean goesOn = beside == left && goesOn(address, range);
        jumps = goesOn ? 0 : jumps + 1;
        if (goesOn && equalJumps != null) {
            equalJumps.forget();
        }
        boolean jumpy = jumps > JUMPY;
        if (jumpy && wanted <= AFTER_JUMPS && jump(address, range)) {
            return true;
        }
        ahead = goesOn ? Math.clamp(ahead * GROWTH, AFTER_JUMP, CAPACITY) : jumpy ? AFTER_JUMPS : AFTER_JUMP;
        long start = jumpy ? address : address & pageMask;
        long limit = Math.min(start + Math.max(ahead, end - start), start + buffer.byteSize());
        if (range >= 0) {
            limit = Math.min(limit, course.end(range));
        }
        // At least what was asked for: mappings of a running process may be out of date, and the kernel knows.
        long until = Math.max(memory.mappings().readableEnd(start, limit), end);
        segment = buffer;
        base = start;
        length = 0;
        length = memory.read(vectors, start, buffer, 0, until - start, end - start);
        if (start + length >= end) {
            steady = goesOn ? steady + length : 0;
            if (steady >= STEADY && !beside) {
                goAhead(address, wanted);
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

    /** Whether a walker goes on where the buffer ended, or from the end of a range of its course to the next one. */
    private boolean goesOn(long address, int range) {
        long reached = base + length;
        return length > 0
                && address >= base
                && (address - reached <= NEAR
                        || range > 0
                                && address - course.start(range) <= NEAR
                                && reached >= course.end(range - 1) - NEAR);
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

    private boolean jump(long address, int range) {
        if (equalJumps == null) {
            equalJumps = new EqualJumps(memory, vectors, buffers);
        }
        MemorySegment place = equalJumps.to(address, range < 0 ? Long.MAX_VALUE : course.end(range));
        if (place == null) {
            return false;
        }
        segment = place;
        base = address;
        length = place.byteSize();
        return true;
    }

    /** Has the memory behind the buffer copied while the walker is in it. */
    private void goAhead(long address, long wanted) {
        if (readAhead == null) {
            readAhead = new ReadAhead(memory, vectors, buffers, CAPACITY);
        }
        // What lies across the end of the buffer begins on one of its last pages.
        long overlap = wanted + memory.pageSize() & pageMask;
        readAhead.start(course, base + length - overlap, overlap, address);
        reading = true;
        steady = 0;
    }

    @Override
    public void forget() {
        if (reading) {
            readAhead.stop();
            reading = false;
        }
        if (equalJumps != null) {
            equalJumps.forget();
        }
        vectors.forget();
        beside = false;
        steady = 0;
        length = 0;
        base = 0;
    }

    @Override
    public void course(Ranges ranges) {
        forget();
        course = ranges;
    }

    @Override
    public int holds(long local, long address, long bytes) {
        int shown = Window.Source.super.holds(local, address, bytes);
        return shown < 0 && buffers.contains(local) ? 0 : shown;
    }

    @Override
    public void close() {
        // Where a read hangs, the kernel may still write into its buffer some day.
        if (readAhead == null || readAhead.close()) {
            buffers.close();
        }
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
