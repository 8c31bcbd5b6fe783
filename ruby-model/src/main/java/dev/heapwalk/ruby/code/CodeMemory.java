// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.code;

import dev.heapwalk.memory.Reader;
import dev.heapwalk.memory.raw.Words;
import java.lang.foreign.MemorySegment;

/** Where the code of a function, and the data that it looks at, are read from. */
@FunctionalInterface
public interface CodeMemory {
    /**
     * The memory that a reader reads.
     *
     * @param memory what reads it; what was read with it before may be moved by each read
     * @return its bytes
     */
    static CodeMemory of(Reader memory) {
        return (address, bytes, length) -> {
            long offset = memory.find(address, length);
            if (offset < 0) {
                return false;
            }
            MemorySegment.copy(memory.segment(), Words.BYTE, offset, bytes, 0, length);
            return true;
        };
    }

    /**
     * Copies bytes of the target.
     *
     * @param address target address of the first byte; any number at all, since hostile code may have computed it
     * @param bytes receives them, from its start
     * @param length how many, at most 16
     * @return whether all of them could be read
     */
    boolean read(long address, byte[] bytes, int length);
}
