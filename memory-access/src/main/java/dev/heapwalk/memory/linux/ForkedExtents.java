// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory.linux;

import dev.heapwalk.memory.Extents;
import dev.heapwalk.memory.Mapping;
import dev.heapwalk.memory.NoSuchProcessException;
import java.util.Set;

/**
 * What of a forked copy can be read without a change to the process that forked it. A fork does not copy where shared
 * pages are, so that process is asked for those.
 */
final class ForkedExtents implements Extents {
    private final LiveMemory copy;
    private final CopyGaps gaps;
    private final LiveMemory origin;
    private final Set<Long> wiped;
    private final Extents own;
    /** Of the process that forked; null where it is not known. */
    private Extents shared;

    private Mapping mapping;
    private long end;

    ForkedExtents(LiveMemory copy, CopyGaps gaps, LiveMemory origin) {
        this.copy = copy;
        this.gaps = gaps;
        this.origin = origin;
        this.wiped = copy.watched(_ -> gaps.wiped());
        this.own = new LiveExtents(copy);
        try {
            origin.openToAsk();
            this.shared = new LiveExtents(origin);
        } catch (NoSuchProcessException e) {
            // What it shared may go on without it.
        }
    }

    @Override
    public Kind kind(long address, long limit) {
        if (mapping == null || !mapping.contains(address)) {
            mapping = copy.mappings().at(address).orElse(null);
        }
        if (mapping == null) {
            end = limit;
            return Kind.ELSEWHERE;
        }
        long to = Math.min(limit, mapping.end());
        if (wiped.contains(mapping.start())) {
            gaps.absent(mapping);
            end = to;
            return Kind.ELSEWHERE;
        }
        if (!mapping.shared()) {
            Kind kind = own.kind(address, to);
            end = own.end();
            return kind;
        }
        boolean known = shared != null
                && origin.mappings().at(address).filter(mapping::equals).isPresent();
        Kind kind = known ? shared.kind(address, to) : Kind.ELSEWHERE;
        end = known ? shared.end() : to;
        return kind;
    }

    @Override
    public long end() {
        return end;
    }
}
