// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli.command;

import dev.heapwalk.heap.usage.Category;
import dev.heapwalk.heap.usage.UsageTotals;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** What was seen of a process in all looks so far. Any thread may ask. */
final class Watched {
    /** When looks were taken, in minutes since the first one. */
    private final List<Double> times = new ArrayList<>();

    private final Map<Category, Amount> categories = new LinkedHashMap<>();
    private final Map<Long, Amount> sizes = new LinkedHashMap<>();
    private final Amount resident = new Amount();
    private final Amount used = new Amount();

    /** Blocks of one kind. */
    static final class Amount {
        private final Trend bytes = new Trend();
        private long count = -1;

        Trend bytes() {
            return bytes;
        }

        /** How many blocks, -1 where that is no question. */
        long count() {
            return count;
        }
    }

    /**
     * Takes one look.
     *
     * @param minutes when it was, since the first one
     * @param residentBytes what was in memory
     * @param totals used blocks by category
     * @param tally used blocks by size
     */
    synchronized void add(double minutes, long residentBytes, UsageTotals totals, SizeTally tally) {
        Map<Category, UsageTotals.Total> now = new LinkedHashMap<>();
        totals.list().forEach(total -> now.put(total.category(), total));
        now.keySet().forEach(category -> categories.computeIfAbsent(category, _ -> known()));
        categories.forEach((category, amount) -> {
            UsageTotals.Total total = now.getOrDefault(category, new UsageTotals.Total(category, 0, 0));
            add(amount, minutes, total.count(), total.bytes());
        });
        for (long size : tally.byBytes()) {
            sizes.computeIfAbsent(size, _ -> known());
        }
        sizes.forEach((size, amount) -> add(amount, minutes, tally.count(size), size * tally.count(size)));
        resident.bytes.add(minutes, residentBytes);
        add(
                used,
                minutes,
                now.values().stream().mapToLong(UsageTotals.Total::count).sum(),
                now.values().stream().mapToLong(UsageTotals.Total::bytes).sum());
        times.add(minutes);
    }

    /** Blocks that there were none of before. */
    private Amount known() {
        Amount amount = new Amount();
        times.forEach(minutes -> amount.bytes.add(minutes, 0));
        return amount;
    }

    private static void add(Amount to, double minutes, long count, long bytes) {
        to.count = count;
        to.bytes.add(minutes, bytes);
    }

    synchronized int looks() {
        return times.size();
    }

    /** When the last look was, in minutes since the first one. */
    synchronized double minutes() {
        return times.isEmpty() ? 0 : times.getLast();
    }

    /** What is in memory. */
    Amount resident() {
        return resident;
    }

    /** All used blocks. */
    Amount used() {
        return used;
    }

    /** Categories that have changed since the start or the last look: what grows first, and most of it first. */
    synchronized List<Map.Entry<Category, Amount>> categories() {
        return changed(categories);
    }

    /** Sizes that have changed likewise. */
    synchronized List<Map.Entry<Long, Amount>> sizes() {
        return changed(sizes);
    }

    private static <K> List<Map.Entry<K, Amount>> changed(Map<K, Amount> all) {
        return all.entrySet().stream()
                .filter(entry -> entry.getValue().bytes.sinceStart() != 0
                        || entry.getValue().bytes.sinceLast() != 0)
                .sorted(Comparator.comparing((Map.Entry<K, Amount> entry) -> !grows(entry.getValue()))
                        .thenComparing(entry -> -(grows(entry.getValue())
                                ? entry.getValue().bytes.perMinute()
                                : Math.abs((double) entry.getValue().bytes.sinceStart()))))
                .toList();
    }

    /** Whether there are more and more of some blocks. */
    static boolean grows(Amount amount) {
        return amount.bytes.direction() == Trend.Direction.GROWS;
    }
}
