// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.malloc;

import dev.heapwalk.memory.Mapping;
import dev.heapwalk.memory.Mappings;
import dev.heapwalk.memory.Target;
import java.util.Iterator;
import java.util.Optional;

/**
 * What is mapped in a target while its heap is looked for. A process that runs on may map memory at any time, so what
 * its arenas say may be newer than the mappings that were read: where the two disagree, these are read again.
 */
final class CurrentMappings implements Iterable<Mapping> {
    private final Target target;
    private Mappings mappings;

    /** Reads the mappings, since those that the target knows are as old as it is, or as the last look at it. */
    CurrentMappings(Target target) {
        this.target = target;
        read();
    }

    private void read() {
        target.memory().refresh();
        mappings = target.memory().mappings();
    }

    /** Whether a range is mapped as a whole so that it can be read. */
    boolean readable(long address, long length) {
        if (mappings.readable(address, length)) {
            return true;
        }
        if (target.still()) {
            return false;
        }
        read();
        return mappings.readable(address, length);
    }

    /** The mapping that an address lies in. */
    Optional<Mapping> at(long address) {
        return mappings.at(address);
    }

    /**
     * All that a program can have mapped: a damaged core may name addresses of the kernel's half, which are negative.
     */
    @Override
    public Iterator<Mapping> iterator() {
        return mappings.stream()
                .filter(mapping -> mapping.start() >= 0 && mapping.end() >= 0)
                .iterator();
    }
}
