// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli.command;

import dev.heapwalk.cli.output.Progress;
import dev.heapwalk.heap.BlockState;
import dev.heapwalk.heap.HeapLayer;
import dev.heapwalk.heap.Heaps;
import dev.heapwalk.heap.usage.Category;
import dev.heapwalk.heap.usage.UsageCursor;
import dev.heapwalk.memory.Mapping;
import dev.heapwalk.memory.Mappings;
import dev.heapwalk.memory.Range;
import dev.heapwalk.memory.Target;
import dev.heapwalk.memory.core.CoreWriter;
import dev.heapwalk.memory.core.MemoryText;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;

/**
 * Writes zeros over text in a core, and leaves what tells how heaps are made. An allocator's own bookkeeping looks like
 * anything, so only that is touched of which it is known that it is none: what programs have in their blocks, what lies
 * in free blocks beyond the links of their lists, and stacks. Other memory of its own is touched only where nothing but
 * glibc's malloc, whose bookkeeping is known, may have any there.
 */
final class CoreRedaction implements CoreWriter.Redaction {
    /** What allocators keep at the beginning of a free block: links, of large blocks four, and a key. */
    private static final int LINKS = 48;
    /** What malloc keeps at its end: the size, for the block behind it. */
    private static final int FOOT = 16;

    private static final byte TEXT = 0;
    private static final byte ALL = 1;

    private final MemoryText text;
    private long[] starts = new long[1 << 10];
    private long[] ends = new long[1 << 10];
    private byte[] kinds = new byte[1 << 10];
    private int count;
    private boolean leftOthers;

    private CoreRedaction(Mappings mappings) {
        text = new MemoryText(mappings);
    }

    /**
     * Looks at a target.
     *
     * @param target a target that stands still, or runs on
     * @param heaps its heaps
     * @param categorizers what tells uses
     * @param progress is told how far the walk is
     */
    static CoreRedaction of(Target target, Heaps heaps, Categorizers categorizers, Progress progress) {
        CoreRedaction redaction = new CoreRedaction(target.memory().mappings());
        if (!heaps.isEmpty()) {
            redaction.addBlocks(heaps, categorizers, progress);
        }
        redaction.sort();
        redaction.addRest(target, heaps);
        redaction.sort();
        return redaction;
    }

    /** Whether there is memory of its own that was left, since an allocator may have its bookkeeping there. */
    boolean leftOthers() {
        return leftOthers;
    }

    private void addBlocks(Heaps heaps, Categorizers categorizers, Progress progress) {
        UsageCursor usage = categorizers.over(heaps);
        HeapCommand.watch(usage, progress);
        HeapCommand.walk(usage, progress, one -> {
            long end = one.address() + one.usableSize();
            if (one.state() != BlockState.USED) {
                add(one.address() + LINKS, end - FOOT, ALL);
            } else {
                boolean whole = usage.heap().layer() == HeapLayer.ALLOCATOR && isText(one.category());
                add(one.address(), end, whole ? ALL : TEXT);
            }
        });
        usage.close();
    }

    private static boolean isText(Category category) {
        return category.kind().equals("string data")
                || category.kind().equals("stdio") && category.detail().endsWith("buffer");
    }

    /** Adds stacks, the arguments and the environment, and memory that no heap has. */
    private void addRest(Target target, Heaps heaps) {
        List<Range> more = new ArrayList<>();
        target.threads().forEach(thread -> thread.stack().ifPresent(more::add));
        boolean onlyMalloc = heaps.list().stream()
                .filter(heap -> heap.layer() == HeapLayer.ALLOCATOR)
                .allMatch(heap -> heap.name().startsWith("glibc's malloc"));
        for (Mapping mapping : target.memory().mappings()) {
            boolean stack = mapping.path().equals("[stack]");
            boolean own = mapping.anonymous() && !mapping.shared() && mapping.readable() && mapping.start() >= 0;
            if (stack) {
                more.removeIf(range -> mapping.contains(range.start()));
                more.add(new Range(mapping.start(), mapping.end()));
            } else if (own && !mapping.path().startsWith("[v") && !hasBlocks(mapping)) {
                if (onlyMalloc) {
                    more.removeIf(range -> mapping.contains(range.start()));
                    more.add(new Range(mapping.start(), mapping.end()));
                } else {
                    leftOthers = true;
                }
            }
        }
        text.strings(target).ifPresent(range -> add(range.start(), range.end(), ALL));
        more.sort(Comparator.comparingLong(Range::start));
        Optional<Range> strings = text.strings(target);
        for (Range range : more) {
            if (strings.isPresent()
                    && range.start() < strings.get().start()
                    && strings.get().end() <= range.end()) {
                add(range.start(), strings.get().start(), TEXT);
                add(strings.get().end(), range.end(), TEXT);
            } else {
                add(range.start(), range.end(), TEXT);
            }
        }
    }

    private boolean hasBlocks(Mapping mapping) {
        int next = behind(mapping.start());
        return next < count && starts[next] < mapping.end();
    }

    private void add(long start, long end, byte kind) {
        if (start >= end || start < 0) {
            return;
        }
        if (count > 0 && ends[count - 1] == start && kinds[count - 1] == kind) {
            ends[count - 1] = end;
            return;
        }
        if (count == starts.length) {
            starts = Arrays.copyOf(starts, 2 * count);
            ends = Arrays.copyOf(ends, 2 * count);
            kinds = Arrays.copyOf(kinds, 2 * count);
        }
        starts[count] = start;
        ends[count] = end;
        kinds[count++] = kind;
    }

    /** Puts them in address order; runs of blocks are in it already. */
    private void sort() {
        boolean sorted = true;
        for (int i = 1; i < count && sorted; i++) {
            sorted = starts[i - 1] <= starts[i];
        }
        if (sorted) {
            return;
        }
        Integer[] order = new Integer[count];
        Arrays.setAll(order, i -> i);
        Arrays.sort(order, Comparator.comparingLong(i -> starts[i]));
        long[] fromStarts = starts;
        long[] fromEnds = ends;
        byte[] fromKinds = kinds;
        starts = new long[Math.max(1, count)];
        ends = new long[Math.max(1, count)];
        kinds = new byte[Math.max(1, count)];
        for (int i = 0; i < count; i++) {
            starts[i] = fromStarts[order[i]];
            ends[i] = fromEnds[order[i]];
            kinds[i] = fromKinds[order[i]];
        }
    }

    /** The first range that ends behind an address. */
    private int behind(long address) {
        int low = 0;
        int high = count;
        while (low < high) {
            int middle = (low + high) >>> 1;
            if (ends[middle] <= address) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        return low;
    }

    @Override
    public void apply(long address, MemorySegment bytes) {
        long end = address + bytes.byteSize();
        for (int i = behind(address); i < count && starts[i] < end; i++) {
            long from = Math.max(address, starts[i]);
            long to = Math.min(end, ends[i]);
            if (from >= to) {
                continue;
            }
            if (kinds[i] == ALL) {
                bytes.asSlice(from - address, to - from).fill((byte) 0);
            } else {
                text.clear(address, bytes, from, to);
            }
        }
    }
}
