// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory.held;

import dev.heapwalk.memory.AddressSpace;
import dev.heapwalk.memory.Extents;
import dev.heapwalk.memory.Mappings;
import dev.heapwalk.memory.TouchedPages;
import dev.heapwalk.memory.Window;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/**
 * Memory of a target that is at hand in this process: that of a core file, with the pages of other files that stand in
 * for those it left out, or what was copied from a process. Copies nothing.
 */
public final class HeldMemory implements AddressSpace {
    /** What is shown, again and again, of memory that was never touched. */
    private static final MemorySegment ZEROS = Arena.global().allocate(1 << 20, 1 << 12);

    private static final int USUAL_PAGE = 1 << 12;

    private final Mappings mappings;
    private final int pageSize;
    private final long[] starts;
    private final long[] ends;
    private final MemorySegment[] segments;
    private final String name;
    private final MemorySegment whole;
    /** Never looked at: windows belong to this, so that what they show stays mapped. */
    private final MemorySegment mapping;

    /**
     * Memory at an address.
     *
     * @param start target address of the first byte
     * @param bytes local memory, mapped; of a size above 0
     */
    public record Region(long start, MemorySegment bytes) {
        long end() {
            return start + bytes.byteSize();
        }

        /** Whether another region goes on where this one ends, in the address space and in the same file. */
        private boolean runsOnWith(Region next) {
            return end() == next.start && bytes.address() + bytes.byteSize() == next.bytes.address();
        }
    }

    /**
     * Makes one.
     *
     * @param name what is read, for messages
     * @param mappings what was mapped
     * @param regions what of it is at hand, in any order, not overlapping
     * @param whole the whole core file, which most regions are parts of; when it is closed, nothing is read any more
     * @param mapping what keeps that file mapped
     */
    public HeldMemory(
            String name, Mappings mappings, List<Region> regions, MemorySegment whole, MemorySegment mapping) {
        this.name = name;
        this.whole = whole;
        this.mappings = mappings;
        this.mapping = mapping;
        this.pageSize = USUAL_PAGE;
        List<Region> sorted = regions.stream()
                .sorted(Comparator.comparingLong(region -> region.start() + Long.MIN_VALUE))
                .toList();
        // The kernel writes one segment for each mapping, one behind the other; a walker wants them as one.
        List<Region> merged = new ArrayList<>();
        for (Region region : sorted) {
            Region last = merged.isEmpty() ? null : merged.getLast();
            if (last != null && last.runsOnWith(region) && within(last, whole) && within(region, whole)) {
                long offset = last.bytes.address() - whole.address();
                merged.removeLast();
                merged.add(
                        new Region(last.start, whole.asSlice(offset, last.bytes.byteSize() + region.bytes.byteSize())));
            } else {
                merged.add(region);
            }
        }
        starts = merged.stream().mapToLong(Region::start).toArray();
        ends = merged.stream().mapToLong(Region::end).toArray();
        segments = merged.stream().map(Region::bytes).toArray(MemorySegment[]::new);
    }

    /**
     * Makes one of what was copied from a process.
     *
     * @param name what is read, for messages
     * @param mappings what was mapped
     * @param pageSize the size of a page in bytes
     * @param ranges what of it is known
     * @param open when it is closed, nothing is read any more
     */
    public HeldMemory(String name, Mappings mappings, int pageSize, HeldRanges ranges, MemorySegment open) {
        this.name = name;
        this.whole = open;
        this.mappings = mappings;
        this.mapping = open;
        this.pageSize = pageSize;
        int count = ranges.count();
        starts = new long[count];
        ends = new long[count];
        segments = new MemorySegment[count];
        for (int i = 0; i < count; i++) {
            starts[i] = ranges.start(i);
            ends[i] = ranges.end(i);
            segments[i] = ranges.bytes(i).orElse(ZEROS);
        }
    }

    private static boolean within(Region region, MemorySegment whole) {
        return region.bytes.address() >= whole.address()
                && region.bytes.address() + region.bytes.byteSize() <= whole.address() + whole.byteSize();
    }

    private void checkOpen() {
        if (!whole.scope().isAlive()) {
            throw new IllegalStateException(name + " is closed: it can't be read any more");
        }
    }

    /** The region that holds an address, or -1. */
    private int at(long address) {
        int low = 0;
        int high = starts.length - 1;
        while (low <= high) {
            int middle = (low + high) >>> 1;
            if (Long.compareUnsigned(starts[middle], address) <= 0) {
                low = middle + 1;
            } else {
                high = middle - 1;
            }
        }
        return high >= 0 && Long.compareUnsigned(address, ends[high]) < 0 ? high : -1;
    }

    @Override
    public Mappings mappings() {
        return mappings;
    }

    @Override
    public int pageSize() {
        return pageSize;
    }

    @Override
    public void refresh() {
        // It does not change.
    }

    @Override
    public long read(long address, MemorySegment destination) {
        checkOpen();
        try {
            return copy(address, destination);
        } catch (IllegalStateException e) {
            // It was closed meanwhile, or the destination is.
            checkOpen();
            throw e;
        }
    }

    private long copy(long address, MemorySegment destination) {
        long wanted = destination.byteSize();
        long done = 0;
        int region = wanted == 0 ? -1 : at(address);
        while (region >= 0 && done < wanted) {
            long offset = address + done - starts[region];
            long count = Math.min(wanted - done, ends[region] - starts[region] - offset);
            if (segments[region] == ZEROS) {
                destination.asSlice(done, count).fill((byte) 0);
            } else {
                MemorySegment.copy(segments[region], offset, destination, done, count);
            }
            done += count;
            boolean neighbour = region + 1 < starts.length && starts[region + 1] == ends[region];
            region = neighbour ? region + 1 : -1;
        }
        return done;
    }

    @Override
    public void readRanges(long[] addresses, long[] lengths, int count, MemorySegment destination, long[] read) {
        long at = 0;
        for (int i = 0; i < count; i++) {
            read[i] = read(addresses[i], destination.asSlice(at, lengths[i]));
            at += lengths[i];
        }
    }

    @Override
    public Window window() {
        return new Window(new Source());
    }

    @Override
    public Window cache(long budget) {
        return new Window(new Source());
    }

    @Override
    public long nextReadable(long address, long limit) {
        int next = firstBehind(address);
        if (next == ends.length || Long.compareUnsigned(starts[next], limit) >= 0) {
            return limit;
        }
        return Long.compareUnsigned(starts[next], address) > 0 ? starts[next] : address;
    }

    /** The index of the first range that ends behind an address. */
    private int firstBehind(long address) {
        int low = 0;
        int high = ends.length;
        while (low < high) {
            int middle = (low + high) >>> 1;
            if (Long.compareUnsigned(ends[middle], address) <= 0) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        return low;
    }

    @Override
    public Extents extents() {
        return new Known();
    }

    private final class Known implements Extents {
        private long end;

        @Override
        public Kind kind(long address, long limit) {
            int next = firstBehind(address);
            boolean inside = next < ends.length && Long.compareUnsigned(starts[next], address) <= 0;
            long to = next == ends.length ? limit : inside ? ends[next] : starts[next];
            end = Long.compareUnsigned(to, limit) < 0 ? to : limit;
            return !inside ? Kind.ELSEWHERE : segments[next] == ZEROS ? Kind.ZEROS : Kind.AT_HAND;
        }

        @Override
        public long end() {
            return end;
        }
    }

    @Override
    public TouchedPages touched() {
        // What is not at hand is not worth a look, however long it is: a program header tells of it for nothing.
        return new Touched();
    }

    private final class Touched implements TouchedPages {
        @Override
        public long next(long address, long limit) {
            int next = firstBehind(address);
            while (next < ends.length && segments[next] == ZEROS) {
                next++;
            }
            if (next == ends.length || Long.compareUnsigned(starts[next], limit) >= 0) {
                return limit;
            }
            return Long.compareUnsigned(starts[next], address) > 0 ? starts[next] : address;
        }

        @Override
        public long end(long address, long limit) {
            int next = firstBehind(address);
            while (next < ends.length && segments[next] != ZEROS) {
                next++;
            }
            return next == ends.length || Long.compareUnsigned(starts[next], limit) >= 0
                    ? limit
                    : Long.compareUnsigned(starts[next], address) > 0 ? starts[next] : address;
        }
    }

    private final class Source implements Window.Source {
        private MemorySegment segment = MemorySegment.NULL;
        private long base;
        private long length;
        private long missing;
        /** Only for a range that lies in two regions; made when the first one is met. */
        private MemorySegment joint = MemorySegment.NULL;

        @Override
        public boolean load(long address, long wanted) {
            checkOpen();
            int region = at(address);
            if (region < 0) {
                missing = address;
                return false;
            }
            if (wanted <= ends[region] - address) {
                segment = segments[region];
                boolean zeros = segment == ZEROS;
                base = zeros ? address : starts[region];
                length = zeros ? Math.min(ends[region] - address, segment.byteSize()) : segment.byteSize();
                return true;
            }
            if (joint.byteSize() == 0) {
                joint = Arena.ofAuto().allocate(Window.MAX_LENGTH);
            }
            // What the window showed may have been the joint; it is overwritten, so it is no longer shown.
            segment = joint;
            base = address;
            length = read(address, joint.asSlice(0, wanted));
            missing = address + length;
            return length == wanted;
        }

        @Override
        public int holds(long local, long address, long bytes) {
            if (joint.byteSize() > 0 && joint.address() <= local && local < joint.address() + joint.byteSize()) {
                return segment == joint ? Window.Source.super.holds(local, address, bytes) : 0;
            }
            int region = at(address);
            if (region >= 0 && segments[region] == ZEROS) {
                long offset = local - ZEROS.address();
                return offset < 0 || offset >= ZEROS.byteSize() ? -1 : bytes <= ends[region] - address ? 1 : 0;
            }
            if (region >= 0 && local - segments[region].address() == address - starts[region]) {
                return bytes <= ends[region] - address ? 1 : 0;
            }
            for (MemorySegment other : segments) {
                if (other.address() <= local && local < other.address() + other.byteSize()) {
                    return 0;
                }
            }
            return -1;
        }

        @Override
        public boolean lasting(long local) {
            return local < joint.address() || local >= joint.address() + joint.byteSize();
        }

        @Override
        public void close() {
            joint = MemorySegment.NULL;
            segment = MemorySegment.NULL;
        }

        @Override
        public MemorySegment segment() {
            return segment;
        }

        @Override
        public long base() {
            return base;
        }

        @Override
        public long length() {
            return length;
        }

        @Override
        public long missing() {
            return missing;
        }
    }
}
