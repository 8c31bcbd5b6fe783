// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory.linux;

import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.heapwalk.memory.Mapping;
import dev.heapwalk.memory.Ranges;
import dev.heapwalk.memory.Residency;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Optional;
import java.util.Set;

/**
 * Reads the whole page map of a process. {@code PAGEMAP_SCAN} tells what is there, in runs; only the words of {@code
 * pagemap} tell whether others have a page mapped too, so these are read of what is present. Kernels before 6.7 have
 * the words alone, which do not tell the page of zeros and huge pages.
 */
final class ResidencyReader {
    /** Words read at once: those of 64 MiB. */
    private static final int MOST_WORDS = 1 << 14;

    private static final int MOST_REGIONS = 1024;
    private static final long THERE = PageScan.PRESENT | PageScan.SWAPPED;
    private static final long ALL = THERE | PageScan.FILE | PageScan.ZERO | PageScan.HUGE;

    private static final long WORD_EXCLUSIVE = 1L << 56;
    /** Of a page that must not be touched: the kernel keeps that where it keeps the place of one that is swapped out. */
    private static final long WORD_GUARD = 1L << 58;

    private static final long WORD_FILE = 1L << 61;
    private static final long WORD_SWAPPED = 1L << 62;
    private static final long WORD_PRESENT = 1L << 63;

    private final LiveMemory memory;
    private final Watch.Mark mark;
    private final int pageSize;
    private final Residency.Builder found;
    private final MemorySegment words;

    ResidencyReader(LiveMemory memory, Arena arena) {
        this.memory = memory;
        this.mark = memory.mark();
        this.pageSize = memory.pageSize();
        this.found = new Residency.Builder(pageSize);
        this.words = arena.allocate(JAVA_LONG, MOST_WORDS);
    }

    /** Reads it; empty if the kernel does not tell. */
    static Optional<Residency> read(LiveMemory memory, Ranges locked, Ranges hugetlb) {
        try (Arena arena = Arena.ofConfined()) {
            ResidencyReader runs = new ResidencyReader(memory, arena);
            if (runs.scan()) {
                return Optional.of(runs.found.build(locked, hugetlb));
            }
            ResidencyReader words = new ResidencyReader(memory, arena);
            return words.readMappings() ? Optional.of(words.found.build(locked, hugetlb)) : Optional.empty();
        }
    }

    private boolean scan() {
        PageScan scan = new PageScan(memory, mark, MOST_REGIONS, Arena.ofAuto());
        long end = memory.endOfMappings();
        long at = 0;
        while (at < end) {
            long count = scan.ask(at, end, 0, THERE, ALL);
            if (count < 0 || scan.walked() <= at) {
                return false;
            }
            for (long i = 0; i < count; i++) {
                region(scan.start(i), scan.end(i), scan.categories(i));
            }
            // Linux 6.18 at times tells of regions that lie behind the end which it gives.
            at = count == 0 ? scan.walked() : Math.max(scan.walked(), scan.end(count - 1));
        }
        return true;
    }

    private void region(long start, long end, long categories) {
        int kind = ((categories & PageScan.FILE) != 0 ? Residency.FILE : 0)
                | ((categories & PageScan.ZERO) != 0 ? Residency.ZERO : 0)
                | ((categories & PageScan.HUGE) != 0 ? Residency.HUGE : 0);
        long at = start;
        while (at < end) {
            long count = memory.readPageMap(mark, at / pageSize, words, Math.min(MOST_WORDS, (end - at) / pageSize));
            if (count == 0) {
                found.add(
                        at, end, kind | ((categories & PageScan.PRESENT) != 0 ? Residency.PRESENT : Residency.SWAPPED));
                return;
            }
            for (long i = 0; i < count; i++) {
                word(at + i * pageSize, words.getAtIndex(JAVA_LONG, i), kind);
            }
            at += count * pageSize;
        }
    }

    private boolean readMappings() {
        Set<Long> empty = memory.mappingsThatHoldNothing();
        boolean told = false;
        for (Mapping mapping : memory.mappings().list()) {
            if (mapping.start() < 0 || empty.contains(mapping.start())) {
                continue;
            }
            for (long at = mapping.start(); at < mapping.end(); ) {
                long wanted = Math.min(MOST_WORDS, (mapping.end() - at) / pageSize);
                long count = memory.readPageMap(mark, at / pageSize, words, wanted);
                if (count == 0) {
                    break;
                }
                told = true;
                for (long i = 0; i < count; i++) {
                    word(at + i * pageSize, words.getAtIndex(JAVA_LONG, i), 0);
                }
                at += count * pageSize;
            }
        }
        return told;
    }

    private void word(long page, long word, int known) {
        int kind = known | ((word & WORD_FILE) != 0 ? Residency.FILE : 0);
        if ((word & WORD_PRESENT) != 0) {
            kind |= Residency.PRESENT | ((word & WORD_EXCLUSIVE) != 0 ? Residency.EXCLUSIVE : 0);
        } else if ((word & WORD_SWAPPED) != 0 && (word & WORD_GUARD) == 0) {
            kind |= Residency.SWAPPED;
        } else {
            return;
        }
        found.add(page, page + pageSize, kind);
    }
}
