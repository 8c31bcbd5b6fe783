// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.tcmalloc;

import dev.heapwalk.allocator.AnonymousMemory;
import dev.heapwalk.allocator.NonzeroWords;
import dev.heapwalk.memory.Range;
import dev.heapwalk.memory.Reader;
import dev.heapwalk.memory.TouchedPages;
import dev.heapwalk.tcmalloc.layout.MapShape;
import dev.heapwalk.tcmalloc.layout.TcmallocLayout;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * Finds the page map among a module's variables, without a symbol. Each word that points into anonymous memory is taken
 * for a word of the root. A leaf proves itself: its entries name spans that say of themselves that they have the page
 * which the entry stands for. The number of that page tells how far from the root's beginning the word lies.
 */
final class PageMapSearch {
    /** So many entries of a leaf are looked at. */
    private static final int SAMPLES = 64;
    /** So many of them may be wrong, since there may be damage. */
    private static final int MOST_BAD = 4;

    /** So many entries may name a span that has other pages: what is inside a span was left there by others. */
    private static final int MOST_STALE = 4 * SAMPLES;

    private static final long NONE = -1;

    private final NonzeroWords words;
    private final Reader reader;
    private final TouchedPages touched;
    private final AnonymousMemory anonymous;
    /** So many entries of a leaf may be wrong: up to half of them where spans change meanwhile. */
    private final int mostBad;
    /** So many good ones stand up for a bad one. */
    private final int goodForABad;

    private final Span span = new Span();

    PageMapSearch(NonzeroWords words, Reader reader, AnonymousMemory anonymous, boolean still) {
        this.words = words;
        this.reader = reader;
        this.touched = reader.memory().touched();
        this.anonymous = anonymous;
        this.mostBad = still ? MOST_BAD : SAMPLES / 2;
        this.goodForABad = still ? MOST_BAD : 1;
    }

    /**
     * Looks through the variables of a module.
     *
     * @param central where the central cache lies, which points to thousands of blocks; empty if that is not known
     * @param known what was found there before; it is only looked at again
     */
    Optional<PageMap> find(List<Range> segments, Variables variables, OptionalLong central, Optional<PageMap> known) {
        Optional<PageMap> again = known.flatMap(map -> check(map.root(), map.shape()));
        if (again.isPresent()) {
            return again;
        }
        List<PageMap> found = new ArrayList<>();
        for (MapShape shape : MapShape.ALL) {
            for (Range range : segments) {
                if (range.length() >= shape.rootBytes()) {
                    find(range, shape, variables, central, found);
                }
            }
            if (found.stream().anyMatch(map -> map.badWords() == 0)) {
                break;
            }
        }
        // A stray pointer to a leaf can look like a root of one word.
        return found.stream()
                .min(Comparator.<PageMap>comparingInt(PageMap::badWords)
                        .thenComparing(
                                Comparator.comparingInt(PageMap::rootWords).reversed()));
    }

    private void find(Range range, MapShape shape, Variables variables, OptionalLong central, List<PageMap> found) {
        for (int i = 0; i < variables.pointers(); i++) {
            long at = variables.at(i);
            boolean inCentral = central.isPresent()
                    && at >= central.getAsLong()
                    && at - central.getAsLong() < (long) CentralFreeList.SIZE * TcmallocLayout.MOST_CLASSES;
            if (inCentral
                    || at < range.start()
                    || at >= range.end()
                    || !PageMap.isLeaf(anonymous, shape, variables.value(i))) {
                continue;
            }
            long index = leafKey(variables.value(i), shape);
            long root = at - Long.BYTES * index;
            if (index >= 0
                    && index < 1L << shape.rootBits()
                    && root >= range.start()
                    && root + shape.rootBytes() <= range.end()
                    && found.stream().noneMatch(map -> map.root() == root && map.shape() == shape)) {
                check(root, shape).ifPresent(found::add);
            }
        }
    }

    /** Whether the words of a root lead to what may be leaves. */
    private Optional<PageMap> check(long root, MapShape shape) {
        int[] count = new int[2];
        words.each(root, root + shape.rootBytes(), (_, word) -> {
            count[PageMap.isLeaf(anonymous, shape, word) ? 0 : 1]++;
            return count[1] <= count[0] + MOST_BAD;
        });
        return count[0] > 0 && count[1] <= count[0]
                ? Optional.of(new PageMap(root, shape, count[0], count[1]))
                : Optional.empty();
    }

    /** What has to stand before the index of an entry to make a page number, if this is a leaf. */
    private long leafKey(long leaf, MapShape shape) {
        Sample sample = new Sample(leaf, shape);
        long end = leaf + shape.leafBytes();
        long at = leaf;
        // By the line of a reader, since most of what is looked at is no leaf, as the first words tell.
        while (sample.goesOn() && (at = touched.next(at, end) & -Long.BYTES) < end) {
            long stop = touched.end(at, end);
            for (; at < stop && sample.goesOn(); at += Long.BYTES) {
                long word = reader.readLong(at, 0);
                if (word != 0) {
                    sample.entry((at - leaf) / Long.BYTES, word);
                }
            }
        }
        return sample.key();
    }

    /** The first entries of what may be a leaf. */
    private final class Sample {
        private final long leaf;
        private final MapShape shape;
        /** What each good entry says that has to stand before its index. */
        private final long[] keys = new long[SAMPLES];

        private int good;
        private int bad;
        private int stale;
        /** The span that was wrong last: it may have many entries, and counts once. */
        private long wrong;
        /** The index behind the last span. */
        private long behind;

        Sample(long leaf, MapShape shape) {
            this.leaf = leaf;
            this.shape = shape;
        }

        boolean goesOn() {
            return bad <= mostBad && stale <= MOST_STALE && good + bad < SAMPLES;
        }

        void entry(long index, long address) {
            if (index < behind || address == wrong) {
                return;
            }
            long key = key(index, address);
            if (key >= 0) {
                keys[good++] = key;
            } else {
                wrong = address;
                if (mayBeSpan(address)) {
                    stale++;
                } else {
                    bad++;
                }
            }
        }

        /** What most of them say, if these are enough. */
        long key() {
            Arrays.sort(keys, 0, good);
            int most = 0;
            long best = NONE;
            for (int from = 0; from < good; ) {
                int to = from;
                while (to < good && keys[to] == keys[from]) {
                    to++;
                }
                if (to - from > most) {
                    most = to - from;
                    best = keys[from];
                }
                from = to;
            }
            int others = bad + good - most;
            return others <= mostBad && most > goodForABad * others && MOST_BAD * most > stale ? best : NONE;
        }

        private boolean mayBeSpan(long address) {
            return (address & 7) == 0 && anonymous.holds(address, Span.SIZE);
        }

        private long key(long index, long address) {
            long offset = mayBeSpan(address) ? reader.find(address, Span.SIZE) : -1;
            if (offset < 0) {
                return NONE;
            }
            span.wrap(reader.segment(), offset, address);
            long start = span.start();
            long length = span.length();
            if (start <= 0
                    || start >>> shape.leafBits() + shape.rootBits() != 0
                    || length <= 0
                    || length >>> shape.leafBits() + shape.rootBits() != 0
                    || !anonymous.holds(start << shape.pageShift(), shape.pageSize())) {
                return NONE;
            }
            // A span may begin in the leaf before, and end in the one behind.
            long inLeaf = start & (1L << shape.leafBits()) - 1;
            long key = (start >>> shape.leafBits()) + (inLeaf > index ? 1 : 0);
            long last = start + length - 1 - (key << shape.leafBits());
            if (last < index
                    || last < 1L << shape.leafBits() && reader.readLong(leaf + Long.BYTES * last, 0) != address) {
                return NONE;
            }
            behind = last + 1;
            return key;
        }
    }
}
