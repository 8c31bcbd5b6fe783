// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.malloc;

import dev.heapwalk.malloc.layout.MallocLayout;
import dev.heapwalk.memory.AddressSpace;
import dev.heapwalk.memory.Range;
import dev.heapwalk.memory.Reader;
import java.util.Collection;
import java.util.List;
import java.util.Optional;

/** Finds {@code mp_} by what it looks like: counts that fit each other, a known {@code sbrk_base}, usual parameters. */
final class ParFinder {
    private static final int PAR_BYTES = 144;
    private static final long LARGE = 1L << 47;
    /** A structure that shows less than this is not taken for {@code mp_}. */
    private static final int ENOUGH = 5;
    /** What the right {@code sbrk_base} is worth. */
    private static final int BASE = 4;

    private final AddressSpace memory;
    private final Reader reader;

    ParFinder(AddressSpace memory, Reader reader) {
        this.memory = memory;
        this.reader = reader;
    }

    /**
     * A structure that was recognised.
     *
     * @param address target address
     * @param par its layout
     * @param score how many of its fields are as expected
     * @param baseAgrees whether {@code sbrk_base} is what top and {@code system_mem} say
     */
    record Found(long address, MallocLayout.Par par, int score, boolean baseAgrees) {}

    /**
     * The best candidate in some ranges.
     *
     * @param ranges where to look
     * @param layouts the layouts that are possible
     * @param expectedBase what {@code sbrk_base} must be, or -1 if that is not known
     * @return the one that shows most
     */
    Optional<Found> scan(List<Range> ranges, Collection<MallocLayout.Par> layouts, long expectedBase) {
        Found best = null;
        for (Range range : ranges) {
            WordScan words = new WordScan(memory, range, PAR_BYTES);
            while (words.next()) {
                long[] word = words.words();
                for (int i = 0; i < words.count(); i++) {
                    // trim_threshold, top_pad and mmap_threshold: sizes, and not all of them 0.
                    if (i + 3 > words.readable()
                            || (word[i] | word[i + 1] | word[i + 2]) == 0
                            || word[i + 2] < 0
                            || word[i + 2] >= LARGE
                            || word[i + 1] < 0
                            || word[i + 1] >= LARGE) {
                        continue;
                    }
                    for (MallocLayout.Par layout : layouts) {
                        Found found = at(words.address(i), layout, expectedBase);
                        if (found != null
                                && found.score() >= ENOUGH
                                && (best == null || found.score() > best.score())) {
                            best = found;
                        }
                    }
                }
            }
        }
        return Optional.ofNullable(best);
    }

    /** The layout that fits best at an address that a symbol names. */
    Optional<Found> at(long address, Collection<MallocLayout.Par> layouts, long expectedBase) {
        Found best = null;
        for (MallocLayout.Par layout : layouts) {
            Found found = at(address, layout, expectedBase);
            if (found != null && (best == null || found.score() > best.score())) {
                best = found;
            }
        }
        return Optional.ofNullable(best);
    }

    private Found at(long address, MallocLayout.Par layout, long expectedBase) {
        if (reader.find(address, layout.size()) < 0) {
            return null;
        }
        MallocPar view = Structures.parameters(reader, address, layout);
        int count = view.nMmaps();
        int countMax = view.nMmapsMax();
        int countMost = view.maxNMmaps();
        int dynamic = view.noDynThreshold();
        long bytes = view.mmappedMem();
        long bytesMost = view.maxMmappedMem();
        long base = view.sbrkBase();
        long topPad = view.topPad();
        long threshold = view.mmapThreshold();
        if (count < 0 || count > countMost || countMax < 0 || dynamic < 0 || dynamic > 1) {
            return null;
        }
        // 2.43 counts 16 bytes too many for each mremap, so bytes may be left over.
        if (bytes < 0
                || bytes > bytesMost
                || (bytes & 15) != 0
                || bytesMost >= LARGE
                || count > 0 && bytes < 4096L * count) {
            return null;
        }
        if (topPad < 0 || topPad >= LARGE || threshold < 0 || threshold >= LARGE || base < 0 || base >= LARGE * 512) {
            return null;
        }
        int score = (topPad == 128 * 1024 ? 1 : 0)
                + (countMax == 65536 ? 1 : 0)
                + (threshold >= 128 * 1024 && threshold <= 32 << 20 && (threshold & 4095) == 0 ? 1 : 0);
        boolean agrees = expectedBase >= 0 && base == expectedBase;
        score += agrees ? BASE : 0;
        if (layout.tcacheBins() >= 0) {
            long bins = view.tcacheBins();
            long maxBytes = view.tcacheMaxBytes();
            long inEach = view.tcacheCount();
            if (bins < 0 || bins > 76 || maxBytes < 0 || maxBytes > 8 << 20 || inEach < 0 || inEach > 65535) {
                return null;
            }
            score += (bins == 64 ? 1 : 0)
                    + (maxBytes == 1032 || maxBytes == 1041 ? 1 : 0)
                    + (inEach == 7 || inEach == 16 ? 1 : 0);
        }
        if (layout.nMmaps() >= 40) {
            long test = reader.readLong(address + 24, -1);
            long max = reader.readLong(address + 32, -1);
            if (test < 0 || test > 1 << 24 || max < 0 || max > LARGE) {
                return null;
            }
            score += (test == 8 ? 1 : 0) + (max == 0 ? 1 : 0);
        }
        return new Found(address, layout, score, agrees);
    }
}
