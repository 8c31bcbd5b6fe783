// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.heap.usage;

import java.util.Comparator;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;

/** How many used blocks there are of each category, and how large they are together. */
public final class UsageTotals {
    /** What is only met in runtimes is behind all that is met in allocators. */
    private static final long RUNTIMES = 1L << 48;

    private static final int MOST_OBJECTS = 1 << 14;

    private final Map<Category, Sum> sums = new HashMap<>();
    /** The same sums, found without a look at the texts of a category. */
    private final Map<Category, Sum> bySameObject = new IdentityHashMap<>();

    private Category last;
    private Sum lastSum;
    private long met;

    /**
     * What there is of one category, or, as a difference, how much more than before.
     *
     * @param category what it is used for
     * @param count blocks
     * @param bytes their sizes together, with what the allocator needs itself
     */
    public record Total(Category category, long count, long bytes) {}

    private static final class Sum {
        private long count;
        private long bytes;
        private long order = Long.MAX_VALUE;
    }

    /** Begins with nothing. */
    public UsageTotals() {}

    /**
     * Counts all that a cursor comes by.
     *
     * @param usage a new cursor, at its end afterwards
     * @return the totals
     */
    public static UsageTotals of(UsageCursor usage) {
        UsageTotals totals = new UsageTotals();
        while (usage.next()) {
            totals.add(usage);
        }
        return totals;
    }

    /**
     * Counts what a cursor is at, if it has a category: blocks that are used, and those that their heap has a word for.
     *
     * @param usage a cursor after {@link UsageCursor#next()} returned true
     */
    public void add(UsageCursor usage) {
        Category category = usage.category();
        if (category == Category.NONE) {
            return;
        }
        // Neighbours are often alike, and the same object then.
        if (category != last) {
            last = category;
            lastSum = sum(category);
            long order = usage.inRuntime() ? RUNTIMES + met : met;
            if (order < lastSum.order) {
                lastSum.order = order;
            }
            met++;
        }
        lastSum.count++;
        lastSum.bytes += usage.size();
    }

    private Sum sum(Category category) {
        Sum known = bySameObject.get(category);
        if (known == null) {
            known = sums.computeIfAbsent(category, added -> new Sum());
            if (bySameObject.size() < MOST_OBJECTS) {
                bySameObject.put(category, known);
            }
        }
        return known;
    }

    /**
     * The total of each category that there is.
     *
     * @return a new list, most bytes first, and of as many those first that were met first, in allocators before
     *     runtimes
     */
    public List<Total> list() {
        return sums.entrySet().stream()
                .sorted(Comparator.comparingLong(entry -> entry.getValue().order))
                .map(entry -> new Total(entry.getKey(), entry.getValue().count, entry.getValue().bytes))
                .sorted(Comparator.comparingLong(Total::bytes).reversed())
                .toList();
    }

    /**
     * The total of one category.
     *
     * @param category which
     * @return its total, of zeros if there is nothing of it
     */
    public Total total(Category category) {
        Sum sum = sums.get(category);
        return new Total(category, sum == null ? 0 : sum.count, sum == null ? 0 : sum.bytes);
    }

    /**
     * What has grown in bytes.
     *
     * @param before totals of the same process at an earlier time
     * @return how much more there is of each such category, most bytes first
     */
    public List<Total> grownSince(UsageTotals before) {
        return list().stream()
                .map(now -> {
                    Total then = before.total(now.category());
                    return new Total(now.category(), now.count() - then.count(), now.bytes() - then.bytes());
                })
                .filter(more -> more.bytes() > 0)
                .sorted(Comparator.comparingLong(Total::bytes).reversed())
                .toList();
    }
}
