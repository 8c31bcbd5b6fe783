// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.examples;

import dev.heapwalk.heap.Heaps;
import dev.heapwalk.heap.usage.Category;
import dev.heapwalk.heap.usage.UsageCursor;
import dev.heapwalk.heap.usage.UsageTotals;
import dev.heapwalk.memory.NoSuchProcessException;
import dev.heapwalk.memory.Target;

/** Shows which uses of a process's heap grow, and which sizes of chunks where the use is not known, as a live table. */
final class GrowthProfiler {
    private static final int ROWS = 12;

    private GrowthProfiler() {}

    public static void main(String[] arguments) throws InterruptedException {
        long pid = Long.parseLong(arguments[0]);
        double rate = arguments.length > 1 ? 1e3 / Double.parseDouble(arguments[1]) : 1;
        double length = arguments.length > 2 ? Double.parseDouble(arguments[2]) : Double.POSITIVE_INFINITY;
        try (Target target = Target.observe(pid);
                UsageCursor usage = UsageCursor.over(Heaps.of(target))) {
            // The first look takes a while, in which the process goes on.
            usage.refresh();
            UsageTotals first = UsageTotals.of(usage);
            Pace pace = new Pace(rate, length);
            long torn = 0;
            while (pace.next()) {
                usage.refresh();
                UsageTotals now = UsageTotals.of(usage);
                long lacks = usage.leftOutBytes();
                torn += lacks > 0 ? 1 : 0;
                System.out.print(System.console() == null ? "" : "\033[H\033[J");
                System.out.printf("%s after %.1f s: %d of %d samples taken, %d torn; this one lacks %,d of %,d bytes%n", target.description(),
                        pace.seconds(), pace.taken(), pace.due(), torn, lacks, usage.totalBytes());
                System.out.printf("%-36s %10s %14s %14s %12s%n", "Use", "Count", "More", "Bytes more", "Bytes/s");
                now.grownSince(first).stream().limit(ROWS).forEach(more -> System.out.printf("%-36s %,10d %+,14d %+,14d %,12.0f%n",
                        name(more.category()), now.total(more.category()).count(), more.count(), more.bytes(), more.bytes() / pace.seconds()));
                System.out.println();
            }
        } catch (NoSuchProcessException e) {
            System.out.println(e.getMessage());
        }
    }

    private static String name(Category category) {
        return category.toString();
    }
}
