// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.malloc;

import dev.heapwalk.memory.AddressSpace;
import dev.heapwalk.memory.Mapping;
import dev.heapwalk.memory.Range;
import dev.heapwalk.memory.TouchedPages;
import dev.heapwalk.memory.raw.Words;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Set;

/**
 * Finds chunks that were mapped on their own by their headers, in memory that nothing else claims, and holds them
 * against malloc's own counts. Reads headers only, never the blocks.
 */
final class MmapFinder {
    private static final int BATCH = 1024;
    private static final int MOST_SUBSETS = 200_000;
    private final AddressSpace memory;
    private final TouchedPages touched;
    private final MmapHeaders headers;
    private final long page;
    private final long tail;
    private final long expectedCount;
    private final long expectedBytes;
    private final List<MmapHeaders.Chunk> found = new ArrayList<>();
    private String how = "";
    private Known known;

    /**
     * What a search met, for the next one in the same process.
     *
     * @param chunks all that look like one, in address order
     * @param ranges where it looked
     */
    record Known(List<MmapHeaders.Chunk> chunks, Set<Range> ranges, long expectedCount, long expectedBytes) {}

    MmapFinder(AddressSpace memory, Tools tools, long page, long tail, long expectedCount, long expectedBytes) {
        this.memory = memory;
        this.touched = tools.touched();
        this.headers = tools.headers();
        this.page = page;
        this.tail = tail;
        this.expectedCount = expectedCount;
        this.expectedBytes = expectedBytes;
    }

    /** What the search was like, for the evidence. */
    String how() {
        return how;
    }

    /** What the next search in the same process may take over, or null; after {@link #search}. */
    Known known() {
        return known;
    }

    /**
     * Looks for them.
     *
     * @param unclaimed where
     * @param before what an earlier search in the same process met, or null
     */
    MmappedChunks search(List<Range> unclaimed, Known before) {
        if (expectedCount == 0) {
            how = "mp_.n_mmaps is 0";
            return result(MmappedChunks.Confidence.EXACT);
        }
        List<Place> changed = new ArrayList<>();
        List<Place> unchanged = new ArrayList<>();
        for (Range range : unclaimed) {
            List<Place> rest = before != null && before.ranges().contains(range) ? unchanged : changed;
            long at = chain(range.start(), range.end());
            if (before != null) {
                at = again(before.chunks(), at, range.end(), rest);
            }
            addRest(rest, at, range.end(), range.end());
        }
        how = "headers at the starts of anonymous mappings, and behind each chunk found";
        if (before != null) {
            how += " or known from before";
        }
        Set<Range> ranges = Set.copyOf(unclaimed);
        if (unsettled() && !same(before, ranges)) {
            scan(changed);
            if (unsettled()) {
                scan(unchanged);
            }
            how = "headers at every page of anonymous mappings";
        }
        found.sort(Comparator.comparingLong(MmapHeaders.Chunk::start));
        known = new Known(
                before != null && found.equals(before.chunks()) ? before.chunks() : List.copyOf(found),
                ranges,
                expectedCount,
                expectedBytes);
        if (expectedCount < 0) {
            how += "; mp_ is not known, so nothing confirms them";
            return result(MmappedChunks.Confidence.UNCONFIRMED);
        }
        if (agrees(found)) {
            return result(MmappedChunks.Confidence.EXACT);
        }
        return choose();
    }

    /**
     * Looks for them once more, where malloc counts more than were found: programs take rights away from pages in their
     * blocks, or keep them from children. So a chunk may begin where nothing may be written, and go over pages that
     * can't be read, or that are not mapped at all.
     *
     * @param met what {@link #search} gave
     * @return what was found, if it agrees with malloc's own counts; else {@code met}
     */
    MmappedChunks searchWithHoles(Iterable<Mapping> mappings, List<Range> claimed, MmappedChunks met) {
        if (expectedCount <= met.count() && met.confidence() == MmappedChunks.Confidence.EXACT || expectedCount < 0) {
            return met;
        }
        List<MmapHeaders.Chunk> before = List.copyOf(found);
        String howBefore = how;
        found.clear();
        List<Place> rest = new ArrayList<>();
        long reached = 0;
        for (Place place : withHoles(mappings, claimed, page)) {
            long at = Math.max(place.range().start(), reached);
            if (at < place.range().end()) {
                at = chain(at, place.limit());
                reached = Math.max(reached, at);
                addRest(rest, at, place.range().end(), place.limit());
            }
        }
        if (unsettled()) {
            scan(rest);
        }
        found.sort(Comparator.comparingLong(MmapHeaders.Chunk::start));
        if (agrees(found)) {
            how =
                    "headers in anonymous mappings, also in ones that may not be written, and beyond pages without rights";
            return result(MmappedChunks.Confidence.EXACT);
        }
        found.clear();
        found.addAll(before);
        how = howBefore;
        return met;
    }

    private void addRest(List<Place> rest, long from, long to, long limit) {
        if (to - from >= page) {
            rest.add(new Place(new Range(from, to), limit));
        }
    }

    /**
     * Where chunks may begin.
     *
     * @param limit target address that none of them reaches beyond
     */
    private record Place(Range range, long limit) {}

    private boolean unsettled() {
        return !agrees(found) && expectedCount != found.size();
    }

    /** Whether an earlier search met the same under the same conditions, so that another one would meet no more. */
    private boolean same(Known before, Set<Range> ranges) {
        if (before == null
                || expectedCount < 0
                || before.expectedCount() != expectedCount
                || before.expectedBytes() != expectedBytes
                || !before.ranges().equals(ranges)) {
            return false;
        }
        found.sort(Comparator.comparingLong(MmapHeaders.Chunk::start));
        return found.equals(before.chunks());
    }

    /**
     * Takes those chunks of an earlier search that are still there, and what lies back to back with them.
     *
     * @param rest receives what lies between them
     * @return where the next one would begin
     */
    private long again(List<MmapHeaders.Chunk> chunks, long from, long to, List<Place> rest) {
        long at = from;
        for (int i = firstFrom(chunks, from); i < chunks.size() && chunks.get(i).start() < to; i++) {
            long start = chunks.get(i).start();
            long end = start < at ? start : chain(start, to);
            if (end > start) {
                if (start > at) {
                    rest.add(new Place(new Range(at, start), to));
                }
                at = end;
            }
        }
        return at;
    }

    private static int firstFrom(List<MmapHeaders.Chunk> chunks, long address) {
        int low = 0;
        int high = chunks.size();
        while (low < high) {
            int middle = (low + high) >>> 1;
            if (chunks.get(middle).start() < address) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        return low;
    }

    /** Takes chunks that lie back to back; returns where the next one would begin. */
    private long chain(long from, long to) {
        long at = from;
        while (to - at >= page) {
            MmapHeaders.Chunk chunk = headers.startingAt(at, to, tail);
            if (chunk == null) {
                break;
            }
            found.add(chunk);
            at = chunk.end();
        }
        return at;
    }

    /** Looks at every page of some ranges that may hold something. */
    private void scan(List<Place> places) {
        long[] addresses = new long[BATCH];
        long[] lengths = new long[BATCH];
        Arrays.fill(lengths, MallocChunk.HEADER);
        long[] read = new long[BATCH];
        MemorySegment buffer = MemorySegment.ofArray(new long[(int) (BATCH * MallocChunk.HEADER / 8)]);
        long reached = 0;
        for (Place place : places) {
            Range range = place.range();
            long at = next(Math.max(range.start(), reached), range.end());
            while (range.end() - at >= page) {
                int count = 0;
                long behind = at;
                while (count < BATCH && range.end() - behind >= page) {
                    addresses[count++] = behind;
                    behind = next(behind + page, range.end());
                }
                memory.readRanges(addresses, lengths, count, buffer, read);
                for (int i = 0; i < count; i++) {
                    if (read[i] < MallocChunk.HEADER || addresses[i] < at) {
                        continue;
                    }
                    long prevSize = buffer.get(Words.LONG, i * MallocChunk.HEADER);
                    long sizeWord = buffer.get(Words.LONG, i * MallocChunk.HEADER + 8);
                    if (headers.first(prevSize, sizeWord, tail)) {
                        at = chain(addresses[i], place.limit());
                        behind = Math.max(behind, next(at, range.end()));
                    }
                }
                at = behind;
                reached = at;
            }
        }
    }

    private long next(long address, long end) {
        return address < end ? touched.next(memory.nextReadable(address, end), end) : address;
    }

    private boolean agrees(List<MmapHeaders.Chunk> chunks) {
        return chunks.size() == expectedCount && bytesAgree(sum(chunks));
    }

    /** Since 2.43 each {@code mremap} of a chunk adds 16 bytes too many to {@code mmapped_mem}. */
    private boolean bytesAgree(long bytes) {
        return bytes == expectedBytes || tail > 0 && bytes < expectedBytes && (expectedBytes - bytes & 15) == 0;
    }

    private static long sum(List<MmapHeaders.Chunk> chunks) {
        long sum = 0;
        for (MmapHeaders.Chunk chunk : chunks) {
            sum += chunk.length();
        }
        return sum;
    }

    /** Leaves out what must be left out for count and bytes to agree, if there is such a choice. */
    private MmappedChunks choose() {
        int surplus = (int) (found.size() - expectedCount);
        if (surplus <= 0) {
            how += "; the counts of mp_ don't agree";
            return result(MmappedChunks.Confidence.UNCONFIRMED);
        }
        long excess = sum(found) - expectedBytes;
        int[] drop = new int[surplus];
        for (int i = 0; i < surplus; i++) {
            drop[i] = i;
        }
        int[] chosen = null;
        int solutions = 0;
        int tried = 0;
        boolean more = true;
        while (more && solutions < 2 && tried++ < MOST_SUBSETS) {
            long dropped = 0;
            for (int index : drop) {
                dropped += found.get(index).length();
            }
            if (dropped == excess
                    || tail > 0 && dropped > excess && (dropped - excess & 15) == 0 && dropped - excess < page) {
                solutions++;
                chosen = chosen == null ? drop.clone() : chosen;
            }
            more = advance(drop, found.size());
        }
        if (chosen == null) {
            how += "; more than mp_ counts, and no choice of them agrees";
            return result(MmappedChunks.Confidence.UNCONFIRMED);
        }
        for (int i = chosen.length - 1; i >= 0; i--) {
            found.remove(chosen[i]);
        }
        how += "; %d that look like one were left out so that the counts agree".formatted(surplus);
        return result(solutions == 1 && !more ? MmappedChunks.Confidence.EXACT : MmappedChunks.Confidence.AMBIGUOUS);
    }

    /** The next combination of indices below {@code n}, in order. */
    private static boolean advance(int[] indices, int n) {
        int i = indices.length - 1;
        while (i >= 0 && indices[i] == n - indices.length + i) {
            i--;
        }
        if (i < 0) {
            return false;
        }
        indices[i]++;
        for (int j = i + 1; j < indices.length; j++) {
            indices[j] = indices[j - 1] + 1;
        }
        return true;
    }

    private MmappedChunks result(MmappedChunks.Confidence confidence) {
        return new MmappedChunks(found.size(), sum(found), expectedCount, expectedBytes, confidence);
    }

    /** Anonymous memory that may be written, without what is claimed, neighbours joined. */
    static List<Range> unclaimed(Iterable<Mapping> mappings, List<Range> claimed, long page) {
        List<Range> free = new ArrayList<>();
        for (Mapping mapping : mappings) {
            boolean possible = mapping.readable()
                    && mapping.writable()
                    && mapping.anonymous()
                    && !mapping.path().equals("[heap]")
                    && !mapping.path().startsWith("[stack")
                    && !mapping.path().startsWith("[v");
            if (!possible) {
                continue;
            }
            Range last = free.isEmpty() ? null : free.getLast();
            if (last != null && last.end() == mapping.start()) {
                free.set(free.size() - 1, new Range(last.start(), mapping.end()));
            } else {
                free.add(new Range(mapping.start(), mapping.end()));
            }
        }
        return without(free, claimed, page);
    }

    /** What is left of some ranges without what is claimed, in whole pages. */
    static List<Range> without(List<Range> free, List<Range> claimed, long page) {
        Range[] sorted =
                claimed.stream().sorted(Comparator.comparingLong(Range::start)).toArray(Range[]::new);
        List<Range> rest = new ArrayList<>();
        for (Range range : free) {
            long at = range.start();
            for (Range claim : sorted) {
                if (claim.end() <= at || claim.start() >= range.end()) {
                    continue;
                }
                if (claim.start() - at >= page) {
                    rest.add(new Range(at, claim.start()));
                }
                at = Math.max(at, claim.end() + page - 1 & -page);
            }
            if (range.end() - at >= page) {
                rest.add(new Range(at, range.end()));
            }
        }
        return rest;
    }

    /** As {@link #unclaimed}, but whatever may be done with it, and up to where something else lies behind it. */
    private static List<Place> withHoles(Iterable<Mapping> mappings, List<Range> claimed, long page) {
        List<Range> own = new ArrayList<>();
        List<Range> others = new ArrayList<>(claimed);
        for (Mapping mapping : mappings) {
            Range range = new Range(mapping.start(), mapping.end());
            boolean possible = mapping.anonymous()
                    && !mapping.shared()
                    && !mapping.path().equals("[heap]")
                    && !mapping.path().startsWith("[stack")
                    && !mapping.path().startsWith("[v");
            if (!possible) {
                others.add(range);
            } else if (mapping.readable()) {
                own.add(range);
            }
        }
        others.sort(Comparator.comparingLong(Range::start));
        List<Place> places = new ArrayList<>();
        int next = 0;
        for (Range range : own) {
            long at = range.start();
            while (range.end() - at >= page) {
                while (next < others.size() && others.get(next).end() <= at) {
                    next++;
                }
                long limit = next < others.size() ? others.get(next).start() : Long.MAX_VALUE;
                if (limit - at >= page) {
                    places.add(new Place(new Range(at, Math.min(limit, range.end())), limit));
                }
                at = limit < range.end() ? others.get(next).end() + page - 1 & -page : range.end();
            }
        }
        return places;
    }

    /** The chunks that were found, in address order. */
    List<MmapHeaders.Chunk> found() {
        return found;
    }
}
