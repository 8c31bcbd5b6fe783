// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory;

import dev.heapwalk.memory.raw.RawMemory;
import java.util.Arrays;

/**
 * Goes through memory for words that point into given ranges, as aligned words of 64 bits: who may refer to a block, an
 * arena, a library. A flyweight that moves, and allocates nothing for a word:
 *
 * <pre>{@code
 * try (PointerScan pointers = memory.pointers(stacks, heap)) {
 *     while (pointers.next()) {
 *         seen.add(pointers.value(), 1);
 *     }
 * }
 * }</pre>
 *
 * <p>Pages of a process that were never touched are left out, since they hold zeros. What can't be read is left out
 * too, and counted. For one thread, and closed by who made it.
 */
public final class PointerScan implements AutoCloseable {
    private static final long PAGE = 4096;
    /** So many parts the range from the first target to the last is divided into, to tell most words at one look. */
    private static final int PARTS = 1 << 16;

    private final AddressSpace memory;
    private final Ranges from;
    private final Ranges targets;
    private final TouchedPages touched;
    private final Window window;

    // From the first target on, and a bit for each part of it that a target reaches into.
    private final long low;
    private final long span;
    private final int partShift;
    private final long[] parts = new long[PARTS / Long.SIZE];

    // What is gone through: the touched pieces of the ranges.
    private long[] starts = {};
    private long[] ends = {};
    private int pieces;
    private int piece;

    private long at;
    private long limit;
    private long shift;
    private long leftOut;

    private long value;
    private int target = -1;
    private boolean closed;

    PointerScan(AddressSpace memory, Ranges from, Ranges targets, boolean resident) {
        this.memory = memory;
        this.from = from;
        this.targets = targets;
        this.touched = memory.touched();
        this.low = targets.count() == 0 ? 0 : targets.start(0);
        this.span = targets.count() == 0 ? 0 : targets.end(targets.count() - 1) - low;
        this.partShift = Math.max(0, Long.SIZE - Long.numberOfLeadingZeros(span) - 16);
        for (int i = 0; i < targets.count(); i++) {
            long last = targets.end(i) - 1 - low >>> partShift;
            for (long part = targets.start(i) - low >>> partShift; part <= last; part++) {
                parts[(int) (part >>> 6)] |= 1L << part;
            }
        }
        findPieces();
        if (resident) {
            this.window = memory.residentWindow();
            window.course(course());
        } else {
            this.window = memory.window(course());
        }
    }

    private void findPieces() {
        pieces = 0;
        for (int i = 0; i < from.count(); i++) {
            long end = from.end(i) & -8;
            long address = from.start(i) + 7 & -8;
            while (address < end) {
                long hole = Math.min(end, memory.nextReadable(address, end) + 7 & -8);
                if (hole > address) {
                    // Gone through in one step, and counted.
                    add(address, hole);
                    address = hole;
                    continue;
                }
                long start = touched.next(address, end) + 7 & -8;
                if (start >= end) {
                    break;
                }
                address = Math.max(start + Long.BYTES, Math.min(end, touched.end(start, end) & -8));
                add(start, address);
            }
        }
        piece = -1;
        at = 0;
        limit = 0;
        leftOut = 0;
        target = -1;
    }

    private void add(long start, long end) {
        if (pieces > 0 && start == ends[pieces - 1]) {
            ends[pieces - 1] = end;
            return;
        }
        if (pieces == starts.length) {
            starts = Arrays.copyOf(starts, Math.max(16, 2 * pieces));
            ends = Arrays.copyOf(ends, starts.length);
        }
        starts[pieces] = start;
        ends[pieces++] = end;
    }

    private Ranges course() {
        return Ranges.of(Arrays.copyOf(starts, pieces), Arrays.copyOf(ends, pieces));
    }

    /** Goes back before the first word, and looks again at a process that ran on. */
    public void rewind() {
        checkOpen();
        touched.forget();
        findPieces();
        window.course(course());
    }

    /**
     * Moves to the next word that points into one of the targets.
     *
     * @return whether there is one
     * @throws IllegalStateException if the scan or the target is closed
     */
    public boolean next() {
        while (true) {
            long place = at;
            long behind = limit;
            long here = shift;
            long lowest = low;
            long width = span + Long.MIN_VALUE;
            while (place < behind) {
                long word = RawMemory.word(place + here);
                place += Long.BYTES;
                // Unsigned: what lies before the first target is beyond the last.
                if (word - lowest + Long.MIN_VALUE < width && isHit(word)) {
                    at = place;
                    value = word;
                    return true;
                }
            }
            at = place;
            if (!goOn()) {
                target = -1;
                return false;
            }
        }
    }

    private boolean isHit(long word) {
        long part = word - low >>> partShift;
        if ((parts[(int) (part >>> 6)] >>> part & 1) == 0) {
            return false;
        }
        if (target >= 0 && word >= targets.start(target) && word < targets.end(target)) {
            return true;
        }
        int index = targets.at(word);
        if (index < 0) {
            return false;
        }
        target = index;
        return true;
    }

    /** Makes what comes next readable. */
    private boolean goOn() {
        checkOpen();
        while (true) {
            if (piece < 0 || at >= ends[piece]) {
                if (piece >= pieces - 1) {
                    return false;
                }
                at = starts[++piece];
            }
            long end = ends[piece];
            long wanted = Math.min(Window.MAX_LENGTH, end - at);
            long offset = window.find(at, wanted);
            if (offset < 0) {
                // A hole: what lies before it, and then from the next page on.
                long before = window.missing() - at & -8;
                if (before <= 0 || before >= wanted || (offset = window.find(at, before)) < 0) {
                    long next = Math.min(end, memory.nextReadable((at & -PAGE) + PAGE, Long.MAX_VALUE) & -8);
                    leftOut += next - at;
                    at = next;
                    continue;
                }
                wanted = before;
            } else {
                wanted = Math.min(window.available(offset), end - at) & -8;
            }
            shift = window.segment().address() + offset - at;
            limit = at + wanted;
            return true;
        }
    }

    /**
     * Where the word is.
     *
     * @return a target address, a multiple of 8
     */
    public long address() {
        return at - Long.BYTES;
    }

    /**
     * What the word points to.
     *
     * @return a target address in one of the targets
     */
    public long value() {
        return value;
    }

    /**
     * Which target the word points into.
     *
     * @return its index in the targets; -1 before the first word and behind the last
     */
    public int target() {
        return target;
    }

    /**
     * How many bytes behind the scan could not be read.
     *
     * @return bytes
     */
    public long leftOutBytes() {
        return leftOut;
    }

    /**
     * How many bytes there are to go through, without pages that were never touched.
     *
     * @return bytes
     */
    public long totalBytes() {
        long sum = 0;
        for (int i = 0; i < pieces; i++) {
            sum += ends[i] - starts[i];
        }
        return sum;
    }

    private void checkOpen() {
        if (closed) {
            throw new IllegalStateException("the scan is closed: it does not move any more");
        }
    }

    /** Frees the buffers. To move the scan after that throws an {@link IllegalStateException}. */
    @Override
    public void close() {
        // The inner loop asks nobody, so there must be nothing left for it.
        closed = true;
        at = 0;
        limit = 0;
        window.close();
    }

    /**
     * Says where the scan stands.
     *
     * @return a line for a person
     */
    @Override
    public String toString() {
        return target < 0
                ? "scan of %d bytes for pointers".formatted(totalBytes())
                : "0x%x at 0x%x, into range %d".formatted(value, address(), target);
    }
}
