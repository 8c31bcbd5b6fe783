// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.allocator;

import dev.heapwalk.memory.Mapping;
import dev.heapwalk.memory.Mappings;
import dev.heapwalk.memory.Ranges;
import java.util.Arrays;

/** The private writable memory of a process that no file lies behind, where an allocator keeps all that it makes. */
public final class AnonymousMemory {
    private final Ranges ranges;

    /**
     * Takes it from what is mapped. What lies side by side is one range, however it is mapped.
     *
     * @param mappings those of the target
     */
    public AnonymousMemory(Mappings mappings) {
        long[] starts = new long[mappings.list().size()];
        long[] ends = new long[starts.length];
        int count = 0;
        for (Mapping mapping : mappings) {
            if (!mapping.writable() || !mapping.readable() || mapping.shared() || !mapping.anonymous()) {
                continue;
            }
            if (mapping.start() < 0) {
                break;
            }
            // One of a damaged core may reach beyond what addresses can be.
            if (mapping.end() <= mapping.start()) {
                continue;
            }
            if (count > 0 && ends[count - 1] == mapping.start()) {
                ends[count - 1] = mapping.end();
            } else {
                starts[count] = mapping.start();
                ends[count++] = mapping.end();
            }
        }
        ranges = Ranges.exactly(Arrays.copyOf(starts, count), Arrays.copyOf(ends, count));
    }

    /**
     * Whether it has all of a range.
     *
     * @param address target address
     * @param length in bytes
     * @return whether all of it lies in one range
     */
    public boolean holds(long address, long length) {
        int range = ranges.at(address);
        return range >= 0 && length <= ranges.end(range) - address;
    }

    /**
     * All of it.
     *
     * @return ranges of target addresses
     */
    public Ranges ranges() {
        return ranges;
    }
}
