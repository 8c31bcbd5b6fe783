// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.jemalloc;

import dev.heapwalk.allocator.AnonymousMemory;
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

    /** So many entries of one extent are looked at: a large one could have them all. */
    private static final int MOST_OF_ONE = 4;

    private static final long NONE = -1;

    private final Levels levels;
    private final List<List<TreeShape>> groups;
    private final Reader reader;
    private final AnonymousMemory anonymous;
    /** So many entries of a leaf may be wrong: up to half of them where extents change meanwhile. */
    private final int mostBad;
    /** So many good ones stand up for a bad one. */
    private final int goodForABad;

    private final Sample sample = new Sample();
    /** How many entries stand up for what {@link #leafKey} or {@link #nodeKey} told last. */
    private long votes;

    TreeSearch(Levels levels, Reader reader, AnonymousMemory anonymous, boolean still) {
        this.levels = levels;
        this.reader = reader;
        this.anonymous = anonymous;
        // Where half of all entries may be wrong, a tree would fit more shapes than its own.
        this.groups = still ? TreeShape.GROUPS : TreeShape.GROUPS.subList(0, 1);
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
        List<Candidate> found = new ArrayList<>();
        for (List<TreeShape> group : groups) {
            if (!found.isEmpty()) {
                break;
            }
            for (TreeShape shape : group) {
                for (Range range : variables) {
                    if (range.length() >= shape.rootBytes()) {
                        find(range, shape, found);
                    }
                }
            }
        }
        // A leaf whose only extent is damaged stands for a root beside the one that all others stand for, and a stray
        // pointer to a leaf can look like a root of one word.
        return found.stream()
                .min(Comparator.<Candidate>comparingLong(candidate -> -candidate.votes)
                        .thenComparingInt(candidate -> candidate.tree.badWords())
                        .thenComparingInt(candidate -> -candidate.tree.rootWords()))
                .map(candidate -> candidate.tree);
    }

    /** What may be the tree, and how many entries of leaves say that it is. */
    private static final class Candidate {
        private final PageTree tree;
        private long votes;

        Candidate(PageTree tree) {
            this.tree = tree;
        }
    }

    private void find(Range range, TreeShape shape, List<Candidate> found) {
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
                    && root + shape.rootBytes() <= range.end()) {
                vote(root, shape, found);
            }
        }
    }

    private void vote(long root, TreeShape shape, List<Candidate> found) {
        long said = votes;
        found.stream()
                .filter(candidate -> candidate.tree.root() == root && candidate.tree.shape() == shape)
                .findFirst()
                .or(() -> check(root, shape).map(tree -> {
                    Candidate candidate = new Candidate(tree);
                    found.add(candidate);
                    return candidate;
                }))
                .ifPresent(candidate -> candidate.votes += said);
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
        long agreed = NONE;
        long sum = 0;
        int others = 0;
        for (Word leaf : leaves) {
            long key = leafKey(leaf.value, shape);
            long inNode = (leaf.at - node) / Long.BYTES;
            long ofNode = key >>> shape.nodeBits();
            if (key < 0) {
                continue;
            }
            if ((key & (1L << shape.nodeBits()) - 1) == inNode && (agreed < 0 || agreed == ofNode)) {
                agreed = ofNode;
                sum += votes;
            } else {
                others++;
                if ((key & (1L << shape.nodeBits()) - 1) == inNode && votes > sum) {
                    agreed = ofNode;
                    sum = votes;
                }
            }
            if (sum >= SAMPLES) {
                break;
            }
        }
        votes = sum;
        return sum > goodForABad * others ? agreed : NONE;
    }

    /** What has to stand before the index of an entry to make a page number, if this is a leaf. */
    private long leafKey(long leaf, TreeShape shape) {
        sample.start(shape);
        boolean plausible = PageTree.entriesOf(shape, levels.leaf(), leaf, sample);
        votes = 0;
        return plausible || sample.enough() ? sample.key() : NONE;
    }

    /** The first entries of what may be a leaf. */
    private final class Sample implements PageTree.LeafEntries {
        private final long[] indexes = new long[SAMPLES];
        private final long[] edatas = new long[SAMPLES];
        /** The first page of each one's extent, and how many it has. */
        private final long[] firsts = new long[SAMPLES];

        private final long[] pages = new long[SAMPLES];
        private TreeShape shape = TreeShape.GROUPS.getFirst().getFirst();
        /** Address and size lie at the same place in all versions. */
        private Edata extent = new Edata(JemallocLayout.latest(shape.lgPage()));

        private int count;
        private int bad;
        /** The extent that was wrong last: a large one has many entries, and counts once. */
        private long wrong;

        void start(TreeShape other) {
            if (shape != other) {
                shape = other;
                extent = new Edata(JemallocLayout.latest(other.lgPage()));
            }
            count = 0;
            bad = 0;
            wrong = 0;
        }

        boolean enough() {
            return count + bad >= SAMPLES;
        }

        @Override
        public boolean entry(long index, long word, long more) {
            long edata = PageTree.edata(shape, word);
            if (!PageTree.plausible(shape, word)) {
                bad++;
            } else if (edata != 0 && edata != wrong && !isKnown(edata) && !take(edata, index)) {
                wrong = edata;
                bad++;
            }
            return bad <= mostBad && !enough();
        }

        private boolean isKnown(long edata) {
            return count >= MOST_OF_ONE && edatas[count - 1] == edata && edatas[count - MOST_OF_ONE] == edata;
        }

        private boolean take(long edata, long index) {
            long offset = anonymous.holds(edata, extent.size()) ? reader.find(edata, extent.size()) : -1;
            if (offset < 0) {
                return false;
            }
            extent.wrap(reader.segment(), offset, edata);
            indexes[count] = index;
            edatas[count] = edata;
            firsts[count] = extent.base() / shape.page();
            pages[count] = extent.eSize() / shape.page();
            if (firsts[count] <= 0 || pages[count] <= 0) {
                return false;
            }
            count++;
            return true;
        }

        /** What most entries agree on. Any of them may be the one that is wrong, the first one too. */
        long key() {
            long tried = NONE;
            int wrongOnes = 0;
            for (int i = 0; i < count && wrongOnes <= mostBad; i++) {
                // An extent may begin in the leaf before.
                long mask = (1L << shape.leafBits()) - 1;
                long key = (firsts[i] >>> shape.leafBits()) + ((firsts[i] & mask) > indexes[i] ? 1 : 0);
                if (key != tried && names(i, key)) {
                    if (isAgreedOn(key)) {
                        return key;
                    }
                    tried = key;
                    wrongOnes++;
                }
            }
            return NONE;
        }

        private boolean names(int i, long key) {
            long page = key << shape.leafBits() | indexes[i];
            return page >= firsts[i] && page < firsts[i] + pages[i];
        }

        private boolean isAgreedOn(long key) {
            int good = 0;
            int others = bad;
            long last = 0;
            for (int i = 0; i < count; i++) {
                if (names(i, key)) {
                    good++;
                } else if (edatas[i] != last) {
                    last = edatas[i];
                    others++;
                }
            }
            votes = good;
            return others <= mostBad && good > goodForABad * others;
        }
    }
}
