// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.mimalloc;

import dev.heapwalk.allocator.AnonymousMemory;
import dev.heapwalk.memory.Ranges;
import dev.heapwalk.memory.Reader;
import dev.heapwalk.mimalloc.layout.MimallocLayout;
import dev.heapwalk.mimalloc.layout.SegmentLayout;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.LongConsumer;
import java.util.stream.Collectors;

/**
 * Finds segments, without a symbol: they lie at multiples of their size in anonymous memory, and each has its address
 * in a cookie, coded with a number that is the same for all of one mimalloc.
 */
final class SegmentSearch {
    /** So many places at most are looked at. */
    private static final long MOST = 1L << 20;

    private SegmentSearch() {}

    /**
     * The segments of one copy of mimalloc, as it seems.
     *
     * @param layout where their fields lie
     * @param key what their cookies are coded with
     * @param segments at least one, in address order
     */
    record Group(SegmentLayout layout, long key, List<Segment> segments) {}

    private record Kind(SegmentLayout layout, long key) {}

    /** All groups, those with most segments first. */
    static List<Group> find(Reader reader, AnonymousMemory anonymous) {
        Map<Kind, List<Segment>> found = new LinkedHashMap<>();
        List<SegmentLayout> layouts = MimallocLayout.SEGMENTED.stream()
                .flatMap(layout -> layout.segment().stream())
                .distinct()
                .toList();
        places(anonymous, at -> {
            for (SegmentLayout layout : layouts) {
                Segment.at(reader, at, layout)
                        .ifPresent(segment -> found.computeIfAbsent(
                                        new Kind(layout, segment.key()), _ -> new ArrayList<>())
                                .add(segment));
            }
        });
        return found.entrySet().stream()
                .map(entry -> new Group(entry.getKey().layout(), entry.getKey().key(), List.copyOf(entry.getValue())))
                .sorted((a, b) -> b.segments().size() - a.segments().size())
                .toList();
    }

    /**
     * The segments whose cookies are right, though something else of them can't be: as they would be if they were like
     * others.
     *
     * @param good the segments that were found
     */
    static List<Segment> harmed(
            Reader reader, AnonymousMemory anonymous, SegmentLayout layout, long key, List<Segment> good) {
        Optional<Segment> like =
                good.stream().filter(segment -> !segment.huge()).findFirst();
        Set<Long> known = good.stream().map(Segment::address).collect(Collectors.toSet());
        List<Segment> found = new ArrayList<>();
        places(anonymous, at -> {
            if (like.isPresent()
                    && !known.contains(at)
                    && Segment.at(reader, at, layout).isEmpty()
                    && (reader.readLong(at + layout.cookie(), 0) ^ at) == key) {
                found.add(like.get().movedTo(at, reader.readLong(at + layout.threadId(), 0)));
            }
        });
        return found;
    }

    private static void places(AnonymousMemory anonymous, LongConsumer place) {
        Ranges ranges = anonymous.ranges();
        long looked = 0;
        for (int i = 0; i < ranges.count(); i++) {
            long at = ranges.start(i) + MimallocLayout.SEGMENT - 1 & -MimallocLayout.SEGMENT;
            for (; at < ranges.end(i) && looked < MOST; at += MimallocLayout.SEGMENT) {
                looked++;
                place.accept(at);
            }
        }
    }
}
