// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory.raw;

import java.lang.foreign.MemorySegment;

/**
 * The memory of this JVM's own process, by local address. A segment in a field costs its class, bounds and lifetime at
 * each read, more than the rest of a cursor's step; this one is a constant, so that a read is one instruction.
 *
 * <p>Nothing is checked, unless {@link Checks} are on: an address that is not mapped ends the JVM. So a cursor reads by
 * it only what lies within bounds that a {@link dev.heapwalk.memory.Window} gave it and that it has compared itself,
 * and only while the window still shows that. Closing a window frees its buffers: a cursor must not read by it after
 * its window was closed.
 */
public final class RawMemory {
    private static final MemorySegment ALL = MemorySegment.NULL.reinterpret(Long.MAX_VALUE);

    private RawMemory() {}

    /**
     * Reads 64 bits, little-endian, at any alignment.
     *
     * @param address a local address
     * @return the word
     */
    public static long word(long address) {
        if (Checks.ON) {
            Checks.read(address, Long.BYTES);
        }
        return ALL.get(Words.LONG, address);
    }
}
