// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory.linux;

import dev.heapwalk.memory.raw.Buffers;
import java.lang.foreign.MemorySegment;

/**
 * Guesses where a walker that jumps will jump to: blocks of one size lie behind each other, so after some jumps of the
 * same length the next few places are read in one system call. A wrong guess costs some lines of memory read in vain.
 */
final class EqualJumps {
    /** What is read of each place, in bytes. */
    static final int LENGTH = 1 << 6;

    private static final int MOST = 16;
    /** Far beyond what malloc hands out in equal blocks one behind the other; keeps sums of addresses from wrapping. */
    private static final long LONGEST = 1L << 32;

    private final LiveMemory memory;
    private final LiveMemory.Vectors vectors;
    private final MemorySegment buffer;
    private final MemorySegment[] places = new MemorySegment[MOST];
    private long last;
    private long jump;
    private int guesses;
    private int read;
    private int shown;

    /**
     * Makes one that knows of no jump yet.
     *
     * @param memory what is read
     * @param vectors the walker's own
     * @param buffers what gives it room
     */
    EqualJumps(LiveMemory memory, LiveMemory.Vectors vectors, Buffers buffers) {
        this.memory = memory;
        this.vectors = vectors;
        this.buffer = buffers.allocate(MOST * LENGTH, LENGTH);
        for (int i = 0; i < MOST; i++) {
            places[i] = buffer.asSlice((long) i * LENGTH, LENGTH);
        }
    }

    /**
     * Notes a jump, and gives what is at its end if that was guessed or is worth a guess.
     *
     * @param address target address of what the walker wants, of at most {@link #LENGTH} bytes
     * @param limit the target address behind the last byte that the walker may come to
     * @return local memory with the bytes from that address on, the walker's until the next call; null if it has to be
     *     read
     */
    MemorySegment to(long address, long limit) {
        long length = address - last;
        last = address;
        if (length != jump || length < LENGTH || length > LONGEST) {
            jump = length;
            guesses = 0;
            read = 0;
            return null;
        }
        if (++shown < read) {
            return places[shown];
        }
        // None after the first two equal jumps, which may be by chance.
        guesses = guesses == 0 ? 1 : Math.min(guesses * 2, MOST);
        shown = 0;
        // Should the read throw, nothing of what was read is good any more.
        read = 0;
        read = guesses == 1 ? 0 : memory.readEvery(vectors, address, jump, limit, buffer, LENGTH, guesses);
        return read > 0 ? places[0] : null;
    }

    /** Forgets all that was read. */
    void forget() {
        read = 0;
    }
}
