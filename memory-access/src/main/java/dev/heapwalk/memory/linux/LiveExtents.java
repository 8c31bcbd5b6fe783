// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory.linux;

import dev.heapwalk.memory.Extents;
import dev.heapwalk.memory.Mapping;
import dev.heapwalk.memory.TouchedPages;
import java.lang.foreign.Arena;

/** What of a process can be read without a change to it, as the kernel tells of its pages. */
final class LiveExtents implements Extents {
    private final LiveMemory memory;
    private final Presence presence;
    private final TouchedPages touched;
    private Mapping mapping;
    private long end;

    LiveExtents(LiveMemory memory) {
        this.memory = memory;
        this.presence = new Presence(memory, memory.mark(), Arena.ofAuto());
        this.touched = memory.touched();
    }

    @Override
    public Kind kind(long address, long limit) {
        if (mapping == null || !mapping.contains(address)) {
            mapping = memory.mappings().at(address).orElse(null);
        }
        if (mapping == null || !mapping.readable()) {
            end = limit;
            return Kind.ELSEWHERE;
        }
        long to = Math.min(limit, mapping.end());
        if (memory.kindOfAbsent(mapping) == Presence.ZEROS) {
            long next = touched.next(address, to);
            if (next > address) {
                end = Math.min(next, to);
                return Kind.ZEROS;
            }
        }
        int kind = presence.kind(address, to);
        end = Math.min(presence.end(), to);
        return switch (kind) {
            case Presence.ZEROS -> Kind.ZEROS;
            case Presence.IF_ASKED, Presence.REFUSED -> Kind.ELSEWHERE;
            default -> Kind.AT_HAND;
        };
    }

    @Override
    public long end() {
        return end;
    }
}
