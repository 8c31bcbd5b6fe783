// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory;

import dev.heapwalk.memory.raw.Words;
import java.lang.foreign.MemorySegment;

/**
 * Hashes and compares ranges of a target, of any length, without an object for them: to find blocks that are the same,
 * or what a second look shows changed.
 *
 * <p>For one thread, and closed by who made it. Over a process that runs on, call {@link #forget()} before each look.
 */
public final class Contents implements AutoCloseable {
    private static final long PRIME_1 = 0x9E3779B185EBCA87L;
    private static final long PRIME_2 = 0xC2B2AE3D27D4EB4FL;
    private static final long PRIME_3 = 0x165667B19E3779F9L;
    private static final long PRIME_4 = 0x85EBCA77C2B2AE63L;
    private static final long PRIME_5 = 0x27D4EB2F165667C5L;
    /** What four words are taken from side by side, in bytes; what a window shows at once is a multiple of it. */
    private static final int STRIPE = 32;

    private final AddressSpace memory;
    private final Window first;
    private Window second;
    private boolean closed;
    private int firstByte;
    private int secondByte;

    Contents(AddressSpace memory) {
        this.memory = memory;
        this.first = memory.window();
    }

    /**
     * Hashes a range by XXH64 with seed 0, which other programs know as well.
     *
     * @param address target address of its first byte
     * @param length bytes, 0 or more
     * @return 64 bits; equal ranges have equal ones, and others hardly ever
     * @throws UnmappedAddressException if a byte can't be read
     */
    public long hash(long address, long length) {
        check(length);
        long one = PRIME_1 + PRIME_2;
        long two = PRIME_2;
        long three = 0;
        long four = -PRIME_1;
        long hash = length < STRIPE ? PRIME_5 : 0;
        long done = 0;
        while (length - done >= STRIPE) {
            long part = Math.min(Window.MAX_LENGTH, length - done) & -STRIPE;
            long offset = first.require(address + done, part);
            MemorySegment segment = first.segment();
            for (long end = offset + part; offset < end; offset += STRIPE) {
                one = round(one, segment.get(Words.LONG, offset));
                two = round(two, segment.get(Words.LONG, offset + 8));
                three = round(three, segment.get(Words.LONG, offset + 16));
                four = round(four, segment.get(Words.LONG, offset + 24));
            }
            done += part;
        }
        if (length >= STRIPE) {
            hash = Long.rotateLeft(one, 1)
                    + Long.rotateLeft(two, 7)
                    + Long.rotateLeft(three, 12)
                    + Long.rotateLeft(four, 18);
            hash = merge(merge(merge(merge(hash, one), two), three), four);
        }
        hash += length;
        if (done < length) {
            hash = rest(hash, address + done, (int) (length - done));
        }
        hash = (hash ^ hash >>> 33) * PRIME_2;
        hash = (hash ^ hash >>> 29) * PRIME_3;
        return hash ^ hash >>> 32;
    }

    private long rest(long begun, long address, int length) {
        long offset = first.require(address, length);
        MemorySegment segment = first.segment();
        long end = offset + length;
        long hash = begun;
        for (; end - offset >= Long.BYTES; offset += Long.BYTES) {
            hash = Long.rotateLeft(hash ^ round(0, segment.get(Words.LONG, offset)), 27) * PRIME_1 + PRIME_4;
        }
        if (end - offset >= Integer.BYTES) {
            hash = Long.rotateLeft(hash ^ (segment.get(Words.INT, offset) & 0xffff_ffffL) * PRIME_1, 23) * PRIME_2
                    + PRIME_3;
            offset += Integer.BYTES;
        }
        for (; offset < end; offset++) {
            hash = Long.rotateLeft(hash ^ (segment.get(Words.BYTE, offset) & 0xff) * PRIME_5, 11) * PRIME_1;
        }
        return hash;
    }

    private static long round(long accumulator, long word) {
        return Long.rotateLeft(accumulator + word * PRIME_2, 31) * PRIME_1;
    }

    private static long merge(long hash, long accumulator) {
        return (hash ^ round(0, accumulator)) * PRIME_1 + PRIME_4;
    }

    /**
     * Finds where two ranges differ.
     *
     * @param one target address of the first byte of one range
     * @param other target address of the first byte of the other; they may overlap
     * @param length bytes of each, 0 or more
     * @return how many bytes are equal before the first that is not; -1 if all are
     * @throws UnmappedAddressException if a byte before that can't be read
     */
    public long mismatch(long one, long other, long length) {
        check(length);
        if (second == null) {
            second = memory.window();
        }
        long done = 0;
        while (done < length) {
            long part = Math.min(Window.MAX_LENGTH, length - done);
            long readable = Math.min(readable(first, one + done, part), readable(second, other + done, part));
            long ofOne = first.require(one + done, readable == 0 ? part : readable);
            long ofOther = second.require(other + done, readable == 0 ? part : readable);
            long found = MemorySegment.mismatch(
                    first.segment(), ofOne, ofOne + readable, second.segment(), ofOther, ofOther + readable);
            if (found >= 0) {
                firstByte = first.segment().get(Words.BYTE, ofOne + found) & 0xff;
                secondByte = second.segment().get(Words.BYTE, ofOther + found) & 0xff;
                return done + found;
            }
            done += readable;
        }
        return -1;
    }

    private static long readable(Window window, long address, long length) {
        return window.find(address, length) >= 0 ? length : Math.clamp(window.missing() - address, 0, length);
    }

    /**
     * Compares two ranges as {@code memcmp} does: by the first byte that differs, without sign.
     *
     * @param one target address of the first byte of one range
     * @param other target address of the first byte of the other
     * @param length bytes of each, 0 or more
     * @return below, equal to or above 0 as the one is less than, equal to or greater than the other
     * @throws UnmappedAddressException if a byte before the first difference can't be read
     */
    public int compare(long one, long other, long length) {
        return mismatch(one, other, length) < 0 ? 0 : firstByte - secondByte;
    }

    /**
     * Whether two ranges hold the same bytes.
     *
     * @param one target address of the first byte of one range
     * @param other target address of the first byte of the other
     * @param length bytes of each, 0 or more
     * @return whether they do
     * @throws UnmappedAddressException if a byte before the first difference can't be read
     */
    public boolean equal(long one, long other, long length) {
        return mismatch(one, other, length) < 0;
    }

    private void check(long length) {
        if (length < 0) {
            throw new IllegalArgumentException("a range has 0 bytes or more, not " + length);
        }
        if (closed) {
            throw new IllegalStateException("the contents are closed: nothing is read any more");
        }
    }

    /** Forgets what was read before, for a process that runs on. */
    public void forget() {
        first.forget();
        if (second != null) {
            second.forget();
        }
    }

    /** Frees the buffers. What is asked after that throws an {@link IllegalStateException}. */
    @Override
    public void close() {
        closed = true;
        first.close();
        if (second != null) {
            second.close();
        }
    }
}
