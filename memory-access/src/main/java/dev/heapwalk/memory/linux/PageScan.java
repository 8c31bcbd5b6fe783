// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory.linux;

import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.SegmentAllocator;

/**
 * The call {@code PAGEMAP_SCAN} of {@code /proc/PID/pagemap}, which tells of runs of pages; kernels before 6.7 don't
 * have it. Keeps the room for its answers. C names {@code struct pm_scan_arg} and {@code struct page_region}. For one
 * thread.
 */
final class PageScan {
    /** {@code PAGE_IS_FILE}: of a file or of shared memory. */
    static final long FILE = 1 << 2;
    /** {@code PAGE_IS_PRESENT}. */
    static final long PRESENT = 1 << 3;
    /** {@code PAGE_IS_SWAPPED}. */
    static final long SWAPPED = 1 << 4;
    /** {@code PAGE_IS_PFNZERO}. */
    static final long ZERO = 1 << 5;
    /** {@code PAGE_IS_HUGE}. */
    static final long HUGE = 1 << 6;

    private static final int ARGUMENT = 12;
    private static final int REGION = 3;

    private final LiveMemory memory;
    private final Watch.Mark mark;
    private final int most;
    private final MemorySegment argument;
    private final MemorySegment regions;

    /**
     * Makes room.
     *
     * @param mark the caller's own
     * @param most how many runs are told at once
     * @param from where the room comes from
     */
    PageScan(LiveMemory memory, Watch.Mark mark, int most, SegmentAllocator from) {
        this.memory = memory;
        this.mark = mark;
        this.most = most;
        this.argument = from.allocate(JAVA_LONG, ARGUMENT);
        this.regions = from.allocate(JAVA_LONG, (long) REGION * most);
    }

    /**
     * Asks for runs.
     *
     * @param from target address of the first page
     * @param to where the last one ends
     * @param mostPages how many pages it may go over that are told, 0 for all
     * @param anyOf only pages in one of these categories, 0 for all
     * @param told which categories are told
     * @return how many runs there are, or a negative error number
     */
    long ask(long from, long to, long mostPages, long anyOf, long told) {
        argument.setAtIndex(JAVA_LONG, 0, argument.byteSize());
        argument.setAtIndex(JAVA_LONG, 2, from);
        argument.setAtIndex(JAVA_LONG, 3, to);
        argument.setAtIndex(JAVA_LONG, 4, 0);
        argument.setAtIndex(JAVA_LONG, 5, regions.address());
        argument.setAtIndex(JAVA_LONG, 6, most);
        argument.setAtIndex(JAVA_LONG, 7, mostPages);
        argument.setAtIndex(JAVA_LONG, 10, anyOf);
        argument.setAtIndex(JAVA_LONG, 11, told);
        return memory.scanPageMap(mark, argument);
    }

    /** Up to where the answer is complete. */
    long walked() {
        return argument.getAtIndex(JAVA_LONG, 4);
    }

    /** Where a run begins. */
    long start(long run) {
        return regions.getAtIndex(JAVA_LONG, REGION * run);
    }

    /** Where a run ends. */
    long end(long run) {
        return regions.getAtIndex(JAVA_LONG, REGION * run + 1);
    }

    /** The categories of a run. */
    long categories(long run) {
        return regions.getAtIndex(JAVA_LONG, REGION * run + 2);
    }
}
