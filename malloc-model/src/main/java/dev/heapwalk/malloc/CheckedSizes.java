// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.malloc;

import dev.heapwalk.malloc.layout.MallocLayout;
import dev.heapwalk.memory.AddressSpace;
import dev.heapwalk.memory.Reader;

/**
 * The lengths of blocks where malloc checks them: the last byte of a block says how far before it another such byte
 * lies, and so on up to a byte of a value that depends on the address, right behind what the program asked for.
 */
final class CheckedSizes {
    private static final long BUDGET = 1 << 20;

    private final Reader reader;

    CheckedSizes(Reader reader) {
        this.reader = reader;
    }

    /** What reads the lengths, or null where blocks do not say how long they are. */
    static CheckedSizes of(AddressSpace memory, MallocLayout layout) {
        return layout.checking() ? new CheckedSizes(memory.reader(BUDGET)) : null;
    }

    /** As {@link #of(long, long)}, but what the block has where its end is damaged. */
    long usable(long chunk, long usable) {
        long asked = of(chunk, usable);
        return asked < 0 ? usable : asked;
    }

    /**
     * How many bytes the program asked for.
     *
     * @param chunk target address of the chunk
     * @param usable how many bytes it has for the program
     * @return bytes; -1 if its end is not as that of a checked block
     */
    long of(long chunk, long usable) {
        int mark = (int) ((chunk >>> 3 ^ chunk >>> 11) & 0xff);
        if (mark == 1) {
            mark = 2;
        }
        long at = usable - 1;
        while (at >= 0) {
            int step = reader.readByte(chunk + MallocChunk.HEADER + at, (byte) 0) & 0xff;
            if (step == mark) {
                return at;
            }
            if (step == 0) {
                return -1;
            }
            at -= step;
        }
        return -1;
    }

    /** Forgets what was read before. */
    void forget() {
        reader.forget();
    }

    void close() {
        reader.close();
    }
}
