// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.examples;

import dev.heapwalk.malloc.ChunkCursor;
import dev.heapwalk.malloc.ChunkState;
import dev.heapwalk.malloc.MallocHeap;
import dev.heapwalk.malloc.usage.Category;
import dev.heapwalk.malloc.usage.UsageCursor;
import dev.heapwalk.memory.NoSuchProcessException;
import dev.heapwalk.memory.Target;
import java.util.Comparator;
import java.util.HashMap;
import java.util.Map;

/** Shows which uses of a process's heap grow, and which sizes of chunks where the use is not known, as a live table. */
final class GrowthProfiler {
    private static final int ROWS = 12;

    /** What one use has: at the first sample and at the last. */
    private static final class Use {
        long firstCount;
        long firstBytes;
        long count;
        long bytes;

        long growth() {
            return bytes - firstBytes;
        }
    }

    private final Map<Category, Use> uses = new HashMap<>();

    private GrowthProfiler() {}

    public static void main(String[] arguments) throws InterruptedException {
        long pid = Long.parseLong(arguments[0]);
        double rate = arguments.length > 1 ? 1e3 / Double.parseDouble(arguments[1]) : 1;
        double length = arguments.length > 2 ? Double.parseDouble(arguments[2]) : Double.POSITIVE_INFINITY;
        GrowthProfiler profiler = new GrowthProfiler();
        try (Target target = Target.observe(pid)) {
            // The first look takes a while, in which the process goes on.
            UsageCursor usage = UsageCursor.over(MallocHeap.locate(target)).relocate();
            profiler.sample(usage, true);
            Pace pace = new Pace(rate, length);
            long torn = 0;
            while (pace.next()) {
                usage = usage.relocate();
                profiler.sample(usage, false);
                torn += usage.chunk().leftOutBytes() > 0 ? 1 : 0;
                profiler.print(target, pace, torn, usage.chunk());
            }
        } catch (NoSuchProcessException e) {
            System.out.println(e.getMessage());
        }
    }

    private void sample(UsageCursor usage, boolean first) {
        for (Use use : uses.values()) {
            use.count = 0;
            use.bytes = 0;
        }
        while (usage.next()) {
            if (usage.state() == ChunkState.USED) {
                Use use = uses.computeIfAbsent(usage.category(), category -> new Use());
                use.count++;
                use.bytes += usage.size();
                if (first) {
                    use.firstCount++;
                    use.firstBytes += usage.size();
                }
            }
        }
    }

    private void print(Target target, Pace pace, long torn, ChunkCursor walk) {
        StringBuilder text = new StringBuilder(System.console() == null ? "" : "\033[H\033[J");
        text.append("%s after %.1f s: %d of %d samples taken, %d torn; this one lacks %,d of %,d bytes%n".formatted(
                target.description(), pace.seconds(), pace.taken(), pace.due(), torn, walk.leftOutBytes(), walk.totalBytes()));
        text.append("%-36s %10s %14s %14s %12s%n".formatted("Use", "Count", "More", "Bytes more", "Bytes/s"));
        uses.entrySet().stream()
                .filter(entry -> entry.getValue().growth() > 0)
                .sorted(Comparator.comparingLong(entry -> -entry.getValue().growth()))
                .limit(ROWS)
                .forEach(entry -> row(text, entry.getKey(), entry.getValue(), pace.seconds()));
        System.out.println(text);
    }

    private static void row(StringBuilder text, Category category, Use use, double seconds) {
        String name = category.domain().label() + " " + category.kind() + " " + category.detail();
        text.append("%-36s %,10d %,+14d %,+14d %,12.0f%n".formatted(
                name.replace("  ", " "), use.count, use.count - use.firstCount, use.growth(), use.growth() / seconds));
    }
}
