// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.mimalloc;

import dev.heapwalk.memory.Mapping;
import dev.heapwalk.memory.Mappings;
import dev.heapwalk.memory.Ranges;
import java.util.Arrays;

/** The private writable memory of a process that no file lies behind, where mimalloc keeps all that it makes. */
final class AnonymousMemory {
    private final Ranges ranges;

    /** Takes it from what is mapped. What lies side by side is one range, however it is mapped. */
    AnonymousMemory(Mappings mappings) {
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
            if (count > 0 && ends[count - 1] == mapping.start()) {
                ends[count - 1] = mapping.end();
            } else {
                starts[count] = mapping.start();
                ends[count++] = mapping.end();
            }
        }
        ranges = Ranges.exactly(Arrays.copyOf(starts, count), Arrays.copyOf(ends, count));
    }

    boolean holds(long address, long length) {
        int range = ranges.at(address);
        return range >= 0 && length <= ranges.end(range) - address;
    }

    Ranges ranges() {
        return ranges;
    }
}
