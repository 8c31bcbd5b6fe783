// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.jemalloc;

import dev.heapwalk.jemalloc.layout.JemallocLayout;
import dev.heapwalk.jemalloc.layout.TreeShape;
import dev.heapwalk.memory.Range;
import dev.heapwalk.memory.Reader;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;

/**
 * Finds the root of the tree among a module's variables, without a symbol. Each word that points into anonymous memory
 * is taken for a word of the root. What it leads to proves itself: the entries of a leaf name extents that say of
 * themselves that they have the page which the entry stands for. The number of that page tells how far from the root's
 * beginning the word lies.
 */
final class TreeSearch {
    /** So many entries of a leaf are looked at. */
    private static final int SAMPLES = 64;
    /** So many of them may be wrong, since there may be damage. */
    private static final int MOST_BAD = 4;

    private static final long NONE = -1;

    private final Levels levels;
    private final Reader reader;
    private final AnonymousMemory anonymous;
    /** So many entries of a leaf may be wrong: up to half of them where extents change meanwhile. */
    private final int mostBad;
    /** So many good ones stand up for a bad one. */
    private final int goodForABad;
    /** Address and size lie at the same place in all versions. */
    private final Edata extent = new Edata(JemallocLayout.ALL.getLast());

    TreeSearch(Levels levels, Reader reader, AnonymousMemory anonymous, boolean still) {
        this.levels = levels;
        this.reader = reader;
        this.anonymous = anonymous;
        this.mostBad = still ? MOST_BAD : SAMPLES / 2;
        this.goodForABad = still ? MOST_BAD : 1;
    }

    private record Word(long at, long value) {}

    /**
     * Looks through the variables of a module.
     *
     * @param known what was found there before; it is only looked at again
     */
    Optional<PageTree> find(List<Range> variables, Optional<PageTree> known) {
        Optional<PageTree> again = known.flatMap(tree -> check(tree.root(), tree.shape()));
        if (again.isPresent()) {
            return again;
        }
        List<PageTree> found = new ArrayList<>();
        for (Range range : variables) {
            for (TreeShape shape : TreeShape.ALL) {
                if (range.length() >= shape.rootBytes()) {
                    find(range, shape, found);
                }
            }
        }
        // A stray pointer to a leaf can look like a root of one word.
        return found.stream()
                .min(Comparator.<PageTree>comparingInt(PageTree::badWords)
                        .thenComparing(
                                Comparator.comparingInt(PageTree::rootWords).reversed()));
    }

    private void find(Range range, TreeShape shape, List<PageTree> found) {
        List<Word> words = new ArrayList<>();
        levels.root().each(range.start(), range.end(), (at, value) -> {
            if ((value & 63) == 0 && anonymous.holds(value, shape.childBytes())) {
                words.add(new Word(at, value));
            }
            return true;
        });
        for (Word word : words) {
            long index = shape.nodeBits() == 0 ? leafKey(word.value, shape) : nodeKey(word.value, shape);
            long root = word.at - Long.BYTES * index;
            if (index >= 0
                    && index < 1L << shape.rootBits()
                    && root >= range.start()
                    && root + shape.rootBytes() <= range.end()
                    && found.stream().noneMatch(tree -> tree.root() == root && tree.shape() == shape)) {
                check(root, shape).ifPresent(found::add);
            }
        }
    }

    /** Whether the words of a root lead to what may be nodes or leaves. */
    private Optional<PageTree> check(long root, TreeShape shape) {
        int[] count = new int[2];
        levels.root().each(root, root + shape.rootBytes(), (at, word) -> {
            boolean good = (word & 63) == 0 && anonymous.holds(word, shape.childBytes());
            count[good ? 0 : 1]++;
            return count[1] <= count[0] + MOST_BAD;
        });
        return count[1] <= count[0] ? Optional.of(new PageTree(root, shape, count[0], count[1])) : Optional.empty();
    }

    /** Which word of the root a node belongs to, by the leaves that it has. */
    private long nodeKey(long node, TreeShape shape) {
        List<Word> leaves = new ArrayList<>();
        boolean plausible = levels.node().each(node, node + shape.nodeBytes(), (at, leaf) -> {
            leaves.add(new Word(at, leaf));
            return (leaf & 63) == 0 && anonymous.holds(leaf, shape.leafBytes());
        });
        if (!plausible) {
            return NONE;
        }
        for (Word leaf : leaves) {
            long key = leafKey(leaf.value, shape);
            if (key >= 0) {
                long inNode = (leaf.at - node) / Long.BYTES;
                return (key & (1L << shape.nodeBits()) - 1) == inNode ? key >>> shape.nodeBits() : NONE;
            }
        }
        return NONE;
    }

    /** What has to stand before the index of an entry to make a page number, if this is a leaf. */
    private long leafKey(long leaf, TreeShape shape) {
        Sample sample = new Sample(shape);
        boolean plausible = PageTree.entriesOf(shape, levels.leaf(), leaf, sample);
        return (plausible || sample.enough()) && sample.good > goodForABad * sample.bad ? sample.key : NONE;
    }

    /** The first entries of what may be a leaf. */
    private final class Sample implements PageTree.LeafEntries {
        private final TreeShape shape;
        private long key = NONE;
        private int good;
        private int bad;
        /** The extent that was wrong last: a large one has many entries, and counts once. */
        private long wrong;

        Sample(TreeShape shape) {
            this.shape = shape;
        }

        boolean enough() {
            return good + bad >= SAMPLES;
        }

        @Override
        public boolean entry(long index, long word, long more) {
            long edata = PageTree.edata(shape, word);
            if (!PageTree.plausible(shape, word)) {
                bad++;
            } else if (edata != 0) {
                if (edata != wrong && names(edata, index)) {
                    good++;
                } else if (edata != wrong) {
                    wrong = edata;
                    bad++;
                }
            }
            return bad <= mostBad && !enough();
        }

        private boolean names(long edata, long index) {
            long offset = anonymous.holds(edata, Edata.SIZE) ? reader.find(edata, Edata.SIZE) : -1;
            if (offset < 0) {
                return false;
            }
            extent.wrap(reader.segment(), offset, edata);
            long pages = extent.eSize() / SizeClasses.PAGE;
            long first = extent.base() / SizeClasses.PAGE;
            if (first <= 0 || pages <= 0) {
                return false;
            }
            // An extent may begin in the leaf before.
            long before = key >= 0 ? key : (first >>> shape.leafBits()) + ((first & mask()) > index ? 1 : 0);
            long page = before << shape.leafBits() | index;
            if (page < first || page >= first + pages) {
                return false;
            }
            key = before;
            return true;
        }

        private long mask() {
            return (1L << shape.leafBits()) - 1;
        }
    }
}
