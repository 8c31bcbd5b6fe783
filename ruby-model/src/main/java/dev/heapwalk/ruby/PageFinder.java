// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby;

import dev.heapwalk.memory.AddressSpace;
import dev.heapwalk.memory.LongTable;
import dev.heapwalk.memory.Mapping;
import dev.heapwalk.memory.TouchedPages;
import dev.heapwalk.memory.raw.Words;
import dev.heapwalk.ruby.layout.PageLayout;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/**
 * Finds heap pages, either in the list that the object space keeps or, without any pointer to begin with, by what a
 * page looks like: the aligned body begins with a pointer to the descriptor, whose {@code start} points back into the
 * body.
 */
final class PageFinder {
    private static final int BATCH = 1024;
    /** The first slot lies near the beginning of the body; in every page seen it did within this many bytes. */
    private static final int FIRST_SLOT = 0x400;

    private static final int[] SLOT_SIZES = {40, 80, 160, 320, 640};

    private final AddressSpace memory;
    private final PageLayout layout;
    private final MemorySegment words;
    private final MemorySegment headers;
    private final long[] addresses = new long[BATCH];
    private final long[] lengths = new long[BATCH];
    private final long[] read = new long[BATCH];
    private final long[] candidates = new long[BATCH];
    private final long[] bodiesOf = new long[BATCH];
    private final boolean[] good = new boolean[BATCH];

    private final LongTable taken = new LongTable();
    private int count;
    private long[] descriptors = new long[BATCH];
    private long[] starts = new long[BATCH];
    private int[] slotSizes = new int[BATCH];
    private int[] slotCounts = new int[BATCH];
    private boolean[] unswept = new boolean[BATCH];
    private int otherSlotSize;
    private int empty;

    PageFinder(AddressSpace memory, PageLayout layout) {
        this.memory = memory;
        this.layout = layout;
        this.words = MemorySegment.ofArray(new long[BATCH]);
        this.headers = MemorySegment.ofArray(new long[BATCH * (layout.headerSize() + 7) / 8]);
    }

    /**
     * Takes the pages that a list names. While Ruby changes the list, entries are of pages not yet made or already
     * freed, or the same page stands there twice, and as many pages stand behind the end; these are taken too. Those of
     * a list before are forgotten.
     *
     * @return whether most entries are of pages, so that it is the list
     */
    boolean takeList(long list, long length) {
        count = 0;
        empty = 0;
        otherSlotSize = 0;
        taken.reuse();
        takeWords(list, length);
        long end = length;
        long missing = length - count - empty;
        while (missing > 0 && takeWords(list + 8 * end, missing)) {
            end += missing;
            missing = length - count - empty;
        }
        return count > 0 && missing <= length / 2;
    }

    /**
     * Takes the pages that words point to. Returns whether there is one, and gives up where none is among the first.
     */
    private boolean takeWords(long list, long length) {
        int before = count;
        for (long index = 0; index < length && (index == 0 || count > before); index += BATCH) {
            int batch = (int) Math.min(BATCH, length - index);
            if (memory.read(list + 8 * index, words.asSlice(0, 8L * batch)) < 8L * batch) {
                break;
            }
            for (int i = 0; i < batch; i++) {
                candidates[i] = words.get(Words.LONG, 8L * i);
            }
            takeDescriptors(batch, null);
        }
        return count > before;
    }

    /** Looks at every aligned address of memory that no file lies behind, where something may be. */
    void scan() {
        TouchedPages touched = memory.touched();
        long[] bodies = new long[BATCH];
        int batch = 0;
        for (Mapping mapping : memory.mappings()) {
            if (!mapping.writable() || !mapping.readable() || !mapping.anonymous()) {
                continue;
            }
            long body = aligned(touched.next(aligned(mapping.start()), mapping.end()));
            for (;
                    body > 0 && mapping.end() - body >= FIRST_SLOT;
                    body = aligned(touched.next(body + layout.bodySize(), mapping.end()))) {
                bodies[batch++] = body;
                if (batch == BATCH) {
                    takeBodies(bodies, batch);
                    batch = 0;
                }
            }
        }
        takeBodies(bodies, batch);
    }

    /** Where the first body may begin from an address on. */
    private long aligned(long address) {
        return address + layout.bodySize() - 1 & -(long) layout.bodySize();
    }

    private void takeBodies(long[] bodies, int batch) {
        long[] expected = new long[batch];
        readEach(bodies, batch, 8, words);
        int kept = 0;
        for (int i = 0; i < batch; i++) {
            long descriptor = read[i] == 8 ? words.get(Words.LONG, 8L * i) : 0;
            if (descriptor != 0
                    && (descriptor & 7) == 0
                    && memory.mappings().writable(descriptor, layout.headerSize())) {
                candidates[kept] = descriptor;
                expected[kept++] = bodies[i];
            }
        }
        takeDescriptors(kept, expected);
    }

    /** Reads a structure of the same length at each address. */
    private void readEach(long[] at, int batch, int length, MemorySegment into) {
        System.arraycopy(at, 0, addresses, 0, batch);
        Arrays.fill(lengths, 0, batch, length);
        memory.readRanges(addresses, lengths, batch, into, read);
    }

    /**
     * Takes those of the candidates that describe a page. {@code bodies} are where they were found, or null for those
     * of a list.
     */
    private void takeDescriptors(int batch, long[] bodies) {
        int size = layout.headerSize();
        readEach(candidates, batch, size, headers);
        for (int i = 0; i < batch; i++) {
            good[i] = read[i] == size;
            bodiesOf[i] =
                    good[i] ? headers.get(Words.LONG, (long) i * size + layout.start()) & -(long) layout.bodySize() : 0;
            if (good[i]
                    && layout.slotSize() >= 0
                    && headers.get(Words.SHORT, (long) i * size + layout.slotSize()) == 0
                    && headers.get(Words.SHORT, (long) i * size + layout.totalSlots()) == 0) {
                // An empty page, kept for later.
                good[i] = false;
                empty++;
            }
        }
        if (bodies == null) {
            readEach(bodiesOf, batch, 8, words);
        }
        for (int i = 0; i < batch; i++) {
            if (good[i]
                    && (bodies == null
                            ? read[i] == 8 && words.get(Words.LONG, 8L * i) == candidates[i]
                            : bodiesOf[i] == bodies[i])) {
                takePage(candidates[i], (long) i * size);
            }
        }
    }

    private void takePage(long descriptor, long offset) {
        long start = headers.get(Words.LONG, offset + layout.start());
        long within = start & layout.bodySize() - 1;
        int slots = headers.get(Words.SHORT, offset + layout.totalSlots());
        int slotSize = layout.slotSize() < 0
                ? PageLayout.BASE_SLOT_SIZE
                : headers.get(Words.SHORT, offset + layout.slotSize());
        if (within < 8 || within > FIRST_SLOT + slotSize || (start & 7) != 0 || slots <= 0 || slotSize <= 0) {
            return;
        }
        long room = layout.bodySize() - within;
        if (!fills(slots, slotSize, room) || Arrays.binarySearch(SLOT_SIZES, slotSize) < 0) {
            // A page in all but the size of its slots: where that is not told, by how many there are.
            int other = layout.slotSize() < 0 ? (int) (room / slots) & -8 : slotSize;
            if (other != slotSize || fills(slots, slotSize, room)) {
                otherSlotSize = other;
            }
            return;
        }
        // A list that names a page twice would have its slots counted twice, and might go on without end.
        if (taken.get(descriptor, 0) != 0) {
            return;
        }
        taken.put(descriptor, 1);
        if (count == starts.length) {
            int larger = count * 2;
            descriptors = Arrays.copyOf(descriptors, larger);
            starts = Arrays.copyOf(starts, larger);
            slotSizes = Arrays.copyOf(slotSizes, larger);
            slotCounts = Arrays.copyOf(slotCounts, larger);
            unswept = Arrays.copyOf(unswept, larger);
        }
        descriptors[count] = descriptor;
        starts[count] = start;
        slotSizes[count] = slotSize;
        slotCounts[count] = slots;
        unswept[count++] = (headers.get(Words.INT, offset + layout.flags()) & 1) != 0;
    }

    private static boolean fills(int slots, int slotSize, long room) {
        long most = room / slotSize;
        return slots <= most && slots >= most - 3;
    }

    int count() {
        return count;
    }

    /**
     * The size of the slots of what would be a page if they had a size of CRuby's, 0 if nothing of the kind was met.
     */
    int otherSlotSize() {
        return otherSlotSize;
    }

    /**
     * What was found.
     *
     * @param before the pages of an earlier look, or null; they are returned if nothing has changed
     */
    HeapPages pages(HeapPages before) {
        if (before != null && before.same(count, descriptors, starts, slotSizes, slotCounts, unswept)) {
            return before;
        }
        return new HeapPages(layout, count, descriptors, starts, slotSizes, slotCounts, unswept);
    }
}
