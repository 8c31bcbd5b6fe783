// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory.linux;

import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.heapwalk.memory.Mapping;
import dev.heapwalk.memory.Mappings;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SegmentAllocator;
import java.util.Arrays;
import java.util.concurrent.TimeUnit;

/**
 * Which pages of a process can be read without a change to the process, as one reader knows it. To read a page that was
 * never touched makes it resident, and to read one that was swapped out brings it back. So before each read the kernel
 * is asked what is there, by {@code PAGEMAP_SCAN} or by the words of {@code pagemap}, for groups of 64 pages, and the
 * answers are kept.
 *
 * <p>They stay true as long as the process stands still. Of one that runs on, a page that was there is believed to be
 * there for a quarter of a second, since not much is lost if it is not; that a page was not there is believed for two
 * milliseconds at most, and not beyond {@link #forget()}, so nothing is taken for zeros that came since.
 *
 * <p>For one thread. Questions allocate nothing, but for room at the first.
 */
final class Presence {
    /** The kernel has the page at hand, or only a read can tell. */
    static final int READ = 0;
    /** Private memory that was never touched: zeros. */
    static final int ZEROS = 1;
    /** To be read only for who asks for just this: swapped out, to be brought by a server, or maybe not yet made. */
    static final int IF_ASKED = 2;
    /** In a file, on a file system that may not answer. */
    static final int REFUSED = 3;
    /** In a file that the process has mapped for itself alone, and never written. */
    static final int IN_FILE = 4;

    private static final int GROUP_SHIFT = 6;
    private static final int GROUP = 1 << GROUP_SHIFT;
    private static final int ROOM = 1 << 10;
    private static final int MOST_GROUPS = 64;
    private static final int MOST_REGIONS = 512;

    private static final long WORD_SWAPPED = 1L << 62;
    private static final long WORD_PRESENT = 1L << 63;

    private static final long THERE_NANOS = TimeUnit.MILLISECONDS.toNanos(250);
    private static final long NOT_THERE_NANOS = TimeUnit.MILLISECONDS.toNanos(2);

    private final LiveMemory memory;
    private final Watch.Mark mark;
    private final SegmentAllocator room;
    private int pageShift;

    // Groups by their number: what is mapped but not in memory, and what is swapped out.
    private long[] numbers;
    private long[] absent;
    private long[] swapped;
    private long[] asked;
    private long nextGroup;
    private int lastCount;
    private long forgotten;

    private PageScan pages;
    private MemorySegment words;

    // The mapping that absent pages were last found in, and what it makes of them.
    private Mappings among;
    private long mappingStart;
    private long mappingEnd;
    private int kindOfAbsent;

    private long end;
    private boolean swappedOut;
    private boolean notThere;

    /**
     * Makes one that knows nothing yet.
     *
     * @param mark the caller's own
     * @param room where room for the kernel's answers comes from
     */
    Presence(LiveMemory memory, Watch.Mark mark, SegmentAllocator room) {
        this.memory = memory;
        this.mark = mark;
        this.room = room;
    }

    /**
     * What is to be done about an address.
     *
     * @param address target address in user space
     * @param limit how far the caller wants to read
     * @return one of the constants; for all addresses up to {@link #end()}
     */
    int kind(long address, long limit) {
        if (numbers == null) {
            makeRoom();
        }
        long number = address >>> pageShift + GROUP_SHIFT;
        int slot = (int) number & ROOM - 1;
        boolean still = memory.stopped();
        // What stands still needs no clock.
        long now = still ? 0 : System.nanoTime();
        if (numbers[slot] != number
                || (still ? asked[slot] - memory.stoppedSince() < 0 : now - asked[slot] > THERE_NANOS)) {
            ask(number, limit);
        }
        int page = (int) (address >>> pageShift) & GROUP - 1;
        if (((absent[slot] | swapped[slot]) >>> page & 1) != 0 && !good(slot, still)) {
            ask(number, limit);
        }
        long notSwapped = ~swapped[slot] >>> page;
        long notAbsent = ~absent[slot] >>> page;
        int run;
        int kind;
        swappedOut = (notSwapped & 1) == 0;
        notThere = swappedOut || (notAbsent & 1) == 0;
        if (swappedOut) {
            run = Long.numberOfTrailingZeros(notSwapped);
            kind = IF_ASKED;
        } else if ((notAbsent & 1) == 0) {
            run = Long.numberOfTrailingZeros(notAbsent);
            kind = ofAbsent(address);
        } else {
            run = Long.numberOfTrailingZeros(~(notSwapped & notAbsent));
            kind = READ;
        }
        // What was shifted in is behind the group.
        run = Math.min(run, GROUP - page);
        end = ((address >>> pageShift) + run) << pageShift;
        if (!swappedOut && (notAbsent & 1) == 0) {
            end = Math.min(end, mappingEnd);
        }
        return kind;
    }

    /** Where the run ends that {@link #kind} has told of. */
    long end() {
        return end;
    }

    /** Whether that run is swapped out. */
    boolean swappedOut() {
        return swappedOut;
    }

    /** Whether that run is not in memory, as far as the kernel tells. */
    boolean absent() {
        return notThere;
    }

    /** Whether an address can be read without a change to the process. */
    boolean atHand(long address) {
        return kind(address, address + 1) == READ;
    }

    /** What is at an address is asked anew next time, as it was read, or is about to be. */
    void askAgain(long address) {
        numbers[(int) (address >>> pageShift + GROUP_SHIFT) & ROOM - 1] = -1;
    }

    /** What was not there may be there now. */
    void forget() {
        forgotten = System.nanoTime();
    }

    /**
     * Whether that a page is not there can still be believed; that it is swapped out holds for as long as nobody reads.
     */
    private boolean good(int slot, boolean still) {
        if (still && swapped[slot] == 0) {
            return true;
        }
        return asked[slot] - forgotten > 0 && System.nanoTime() - asked[slot] <= NOT_THERE_NANOS;
    }

    private void makeRoom() {
        pageShift = Integer.numberOfTrailingZeros(memory.pageSize());
        numbers = new long[ROOM];
        absent = new long[ROOM];
        swapped = new long[ROOM];
        asked = new long[ROOM];
        // No group has this number.
        Arrays.fill(numbers, -1);
    }

    private int ofAbsent(long address) {
        Mappings now = memory.mappings();
        if (now != among || address < mappingStart || address >= mappingEnd) {
            among = now;
            Mapping mapping = now.at(address).orElse(null);
            if (mapping == null) {
                mappingStart = address & -(1L << pageShift);
                mappingEnd = mappingStart + (1L << pageShift);
                kindOfAbsent = READ;
            } else {
                mappingStart = mapping.start();
                mappingEnd = mapping.end();
                kindOfAbsent = memory.kindOfAbsent(mapping);
            }
        }
        return kindOfAbsent;
    }

    /** Asks of a group, of those behind it up to a limit, and of more for who goes on where the last question ended. */
    private void ask(long number, long limit) {
        long wanted = (limit - 1 >>> pageShift + GROUP_SHIFT) - number + 1;
        long count = number == nextGroup ? Math.max(wanted, 2L * lastCount) : wanted;
        lastCount = Math.clamp(count, 1, MOST_GROUPS);
        nextGroup = number + lastCount;
        long from = number << pageShift + GROUP_SHIFT;
        long to = Math.min(nextGroup << pageShift + GROUP_SHIFT, memory.endOfMappings());
        long now = System.nanoTime();
        for (int i = 0; i < lastCount; i++) {
            int slot = (int) (number + i) & ROOM - 1;
            numbers[slot] = number + i;
            absent[slot] = 0;
            swapped[slot] = 0;
            asked[slot] = now;
        }
        if (to <= from) {
            return;
        }
        long known = memory.scansPageMap() ? scan(from, to) : readWords(from, to);
        if (known < to) {
            // At least the first group is known, as far as anything is.
            long whole = Math.max(number + 1, known >>> pageShift + GROUP_SHIFT);
            for (long more = whole; more < nextGroup; more++) {
                numbers[(int) more & ROOM - 1] = -1;
            }
            nextGroup = whole;
        }
    }

    /** Returns up to where the answer is complete. */
    private long scan(long from, long to) {
        if (pages == null) {
            pages = new PageScan(memory, mark, MOST_REGIONS, room);
        }
        // All that is mapped, so what is not mapped is in no region.
        long found = pages.ask(from, to, 0, 0, PageScan.PRESENT | PageScan.SWAPPED);
        if (found < 0) {
            memory.dontScanPageMap();
            return readWords(from, to);
        }
        for (long i = 0; i < found; i++) {
            long categories = pages.categories(i);
            if ((categories & PageScan.PRESENT) == 0) {
                note(
                        (categories & PageScan.SWAPPED) != 0 ? swapped : absent,
                        pages.start(i) >>> pageShift,
                        pages.end(i) >>> pageShift);
            }
        }
        return Math.min(to, pages.walked());
    }

    private long readWords(long from, long to) {
        if (words == null) {
            words = room.allocate(JAVA_LONG, MOST_GROUPS * GROUP);
        }
        long page = from >>> pageShift;
        long count = memory.readPageMap(mark, page, words, (to - from) >>> pageShift);
        for (int i = 0; i < count; i++) {
            long word = words.getAtIndex(JAVA_LONG, i);
            if ((word & WORD_PRESENT) == 0) {
                note((word & WORD_SWAPPED) != 0 ? swapped : absent, page + i, page + i + 1);
            }
        }
        return from + (count << pageShift);
    }

    private void note(long[] bits, long fromPage, long toPage) {
        long page = fromPage;
        while (page < toPage) {
            int first = (int) page & GROUP - 1;
            int pages = (int) Math.min(GROUP - first, toPage - page);
            bits[(int) (page >>> GROUP_SHIFT) & ROOM - 1] |= -1L >>> GROUP - pages << first;
            page += pages;
        }
    }
}
