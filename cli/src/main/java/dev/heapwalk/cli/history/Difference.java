// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli.history;

import dev.heapwalk.heap.usage.Category;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;

/** How two snapshots differ: a block is the same one where it has the same address. */
public final class Difference {
    /** What became of a block. */
    public enum Change {
        NEW("new"),
        FREED("freed"),
        /** Another size, and perhaps another category too. */
        SIZE("size"),
        /** The same size, and another category. */
        CATEGORY("category"),
        SAME("same");

        private final String label;

        Change(String label) {
            this.label = label;
        }

        @Override
        public String toString() {
            return label;
        }
    }

    /** Counts what was there before and what is there after. */
    public static final class Tally {
        private long newCount;
        private long newBytes;
        private long freedCount;
        private long freedBytes;

        private void add(long size) {
            newCount++;
            newBytes += size;
        }

        private void remove(long size) {
            freedCount++;
            freedBytes += size;
        }

        public long newCount() {
            return newCount;
        }

        public long newBytes() {
            return newBytes;
        }

        public long freedCount() {
            return freedCount;
        }

        public long freedBytes() {
            return freedBytes;
        }

        /** How many bytes more there are. */
        public long grown() {
            return newBytes - freedBytes;
        }
    }

    /**
     * What there is of one kind.
     *
     * @param key the kind
     * @param tally what of it came and went
     */
    public record Part<K>(K key, Tally tally) {}

    /** Is told of blocks. */
    public interface Sink {
        /**
         * A block in one snapshot or in both.
         *
         * @param change what became of it
         * @param before it as it was, where it was there
         * @param after it as it is, where it is there
         */
        void block(Change change, Snapshot.Blocks before, Snapshot.Blocks after);
    }

    private final Snapshot before;
    private final Snapshot after;
    private final Map<Change, Tally> changes = new HashMap<>();
    private final Map<Category, Tally> categories = new HashMap<>();
    private final Map<Long, Tally> sizes = new HashMap<>();

    /**
     * Compares.
     *
     * @param before an earlier state
     * @param after a later one
     */
    public Difference(Snapshot before, Snapshot after) {
        this.before = before;
        this.after = after;
        for (Change change : Change.values()) {
            changes.put(change, new Tally());
        }
        blocks((change, was, is) -> {
            Tally all = changes.get(change);
            if (change != Change.NEW) {
                all.remove(was.size());
            }
            if (change != Change.FREED) {
                all.add(is.size());
            }
            if (change != Change.SAME && change != Change.NEW) {
                categories.computeIfAbsent(was.category(), _ -> new Tally()).remove(was.size());
                sizes.computeIfAbsent(was.size(), _ -> new Tally()).remove(was.size());
            }
            if (change != Change.SAME && change != Change.FREED) {
                categories.computeIfAbsent(is.category(), _ -> new Tally()).add(is.size());
                sizes.computeIfAbsent(is.size(), _ -> new Tally()).add(is.size());
            }
        });
    }

    /** Tells all blocks of both, in the order of their addresses. */
    public void blocks(Sink sink) {
        Snapshot.Blocks was = before.blocks();
        Snapshot.Blocks is = after.blocks();
        boolean old = was.next();
        boolean now = is.next();
        while (old || now) {
            int order = !old ? 1 : !now ? -1 : Long.compareUnsigned(was.address(), is.address());
            Change change = order < 0
                    ? Change.FREED
                    : order > 0
                            ? Change.NEW
                            : was.size() != is.size()
                                    ? Change.SIZE
                                    : was.category().equals(is.category()) ? Change.SAME : Change.CATEGORY;
            sink.block(change, was, is);
            if (order <= 0) {
                old = was.next();
            }
            if (order >= 0) {
                now = is.next();
            }
        }
    }

    /** What became of blocks: those that changed are counted as they were and as they are. */
    public Tally changes(Change change) {
        return changes.get(change);
    }

    /** What came and went of each category that changed: what grew most comes first. */
    public List<Part<Category>> byCategory() {
        return parts(categories, Comparator.comparing(Category::toString));
    }

    /** What came and went of each size that changed: what grew most comes first. */
    public List<Part<Long>> bySize() {
        return parts(sizes, Comparator.<Long>naturalOrder());
    }

    private static <K> List<Part<K>> parts(Map<K, Tally> tallies, Comparator<K> alike) {
        List<Part<K>> parts = new ArrayList<>();
        tallies.forEach((key, tally) -> parts.add(new Part<>(key, tally)));
        Function<Part<K>, Long> grown = part -> part.tally.grown();
        parts.sort(Comparator.comparing(grown).reversed().thenComparing(Part::key, alike));
        return parts;
    }
}
