// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.python;

import dev.heapwalk.memory.AddressSpace;
import dev.heapwalk.memory.Range;
import dev.heapwalk.memory.raw.Words;
import java.lang.foreign.MemorySegment;
import java.util.List;

/**
 * Goes through the variables of modules word by word, where they are not zero. What can't be read is left out. For one
 * thread.
 */
public final class VariableScan {
    private static final int STEP = 1 << 16;
    private static final int PAGE = 4096;

    private final AddressSpace memory;
    private final List<Range> ranges;
    private final long[] words = new long[STEP / Long.BYTES];
    private final MemorySegment buffer = MemorySegment.ofArray(words);

    private int range = -1;
    private long piece;
    private long nextPiece;
    private int index;
    private int count;

    /**
     * Makes a scan before the first word.
     *
     * @param memory the memory of the target
     * @param ranges where the variables lie, ranges of target addresses
     */
    public VariableScan(AddressSpace memory, List<Range> ranges) {
        this.memory = memory;
        this.ranges = ranges;
    }

    /**
     * Moves to the next word that is not zero.
     *
     * @return whether there is one
     */
    public boolean next() {
        while (true) {
            while (++index < count) {
                if (words[index] != 0) {
                    return true;
                }
            }
            if (!nextPiece()) {
                return false;
            }
        }
    }

    private boolean nextPiece() {
        while (range < 0 || nextPiece >= ranges.get(range).end()) {
            if (++range >= ranges.size()) {
                range = ranges.size() - 1;
                count = 0;
                return false;
            }
            nextPiece = ranges.get(range).start() + 7 & -8;
        }
        long end = ranges.get(range).end();
        piece = memory.nextReadable(nextPiece, end);
        long wanted = Math.min(STEP, end - piece) & -8;
        long got = wanted <= 0 ? 0 : memory.read(piece, buffer.asSlice(0, wanted));
        count = (int) (got / Long.BYTES);
        index = -1;
        // Behind a hole it goes on at the next page.
        nextPiece = wanted <= 0 ? end : got < wanted ? (piece + got & -PAGE) + PAGE : piece + wanted;
        return true;
    }

    /**
     * Where the word is.
     *
     * @return a target address
     */
    public long address() {
        return piece + (long) index * Long.BYTES;
    }

    /**
     * The word.
     *
     * @return a number that is not zero
     */
    public long word() {
        return buffer.get(Words.LONG, (long) index * Long.BYTES);
    }
}
