// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli.command;

import dev.heapwalk.cli.output.Bytes;
import dev.heapwalk.heap.residency.Holding;
import dev.heapwalk.heap.residency.Owner;
import dev.heapwalk.heap.residency.Reclaimable;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Predicate;
import java.util.function.ToLongFunction;
import java.util.stream.Collectors;

/** What the numbers of {@code heapwalk memory} mean, as far as they carry it, in plain sentences. */
final class MemoryFindings {
    /** Of a smaller process there is nothing to say. */
    private static final long LEAST = 16 << 20;
    /** What a sentence is about is this part of what is in memory at least, in percent. */
    private static final int MOSTLY = 50;

    private static final int MUCH = 30;
    private static final int SOME = 10;

    private static final Set<Owner.Part> NOT_USED = Set.of(Owner.Part.FREE, Owner.Part.RESERVED, Owner.Part.BETWEEN);

    private final List<Holding> holdings;
    /** What allocators would give back, by the names of their heaps. */
    private final Map<String, List<Reclaimable>> reclaimable;

    private final long resident;
    private final List<Finding> found = new ArrayList<>();

    /**
     * A sentence, and what it rests on.
     *
     * @param name what is found, one word for machines
     * @param bytes how much of what is in memory
     * @param percent the same in percent
     * @param text the sentence
     */
    record Finding(String name, long bytes, long percent, String text) {}

    private MemoryFindings(List<Holding> holdings, Map<String, List<Reclaimable>> reclaimable) {
        this.holdings = holdings;
        this.reclaimable = reclaimable;
        this.resident = holdings.stream().mapToLong(Holding::resident).sum();
    }

    static List<Finding> of(List<Holding> holdings, Map<String, List<Reclaimable>> reclaimable) {
        MemoryFindings findings = new MemoryFindings(holdings, reclaimable);
        if (findings.resident >= LEAST) {
            findings.find();
        }
        return List.copyOf(findings.found);
    }

    private void find() {
        long used = heaps(part -> part == Owner.Part.USED || part == Owner.Part.MAPPED);
        long cached = heaps(part -> part == Owner.Part.CACHED);
        long back = sum(Reclaimable::resident);
        long tops = sum(Reclaimable::kept);
        long known = holdings.stream()
                .filter(holding -> reclaimable.containsKey(holding.owner().name())
                        && NOT_USED.contains(holding.owner().part()))
                .mapToLong(Holding::resident)
                .sum();
        long scattered = known - back - tops;
        if (percent(back) >= MUCH) {
            add(
                    "given_back_by_trim",
                    back,
                    "is free, and malloc_trim(0) would give it back: that is no leak." + after());
        }
        if (percent(tops) >= SOME) {
            add(
                    "kept_in_tops",
                    tops,
                    "is free at the ends of arenas, where malloc_trim leaves it. With fewer arenas there is less of it:"
                            + " MALLOC_ARENA_MAX=2 in the environment of the program.");
        }
        if (percent(scattered) >= SOME) {
            add(
                    "free_between_used",
                    scattered,
                    "is free, but lies on pages that blocks in use are on too, so that no call gives it back.");
        }
        if (percent(cached) >= SOME) {
            add("cached", cached, "is free, but kept aside in caches, such as those of threads.");
        }
        if (percent(used) >= MOSTLY) {
            add(
                    "in_use",
                    used,
                    "is in blocks that the program has: 'heapwalk summary' tells what for. Look again later: what has"
                            + " grown by then may be a leak.");
        }
        elsewhere();
    }

    private String after() {
        long shared = sum(Reclaimable::shared);
        long huge = sum(Reclaimable::huge);
        return (shared > 0
                        ? " Other processes, such as forked ones, keep %s of it in memory."
                                .formatted(Bytes.text(shared))
                        : "")
                + (huge > 0
                        ? " %s of it is in huge pages, of which the kernel frees a part only when it needs memory."
                                .formatted(Bytes.text(huge))
                        : "");
    }

    private void elsewhere() {
        Map<Owner.Kind, Long> others = holdings.stream()
                .filter(holding -> holding.owner().kind() != Owner.Kind.HEAP)
                .collect(Collectors.groupingBy(
                        holding -> holding.owner().kind(), Collectors.summingLong(Holding::resident)));
        long all = others.values().stream().mapToLong(Long::longValue).sum();
        if (percent(all) >= MOSTLY) {
            Owner.Kind most = others.entrySet().stream()
                    .max(Comparator.comparingLong(Map.Entry::getValue))
                    .orElseThrow()
                    .getKey();
            add(
                    "elsewhere",
                    all,
                    "is in no heap that is known. Most of that: %s, %s."
                            .formatted(most.label(), Bytes.text(others.get(most))));
        }
    }

    private long heaps(Predicate<Owner.Part> part) {
        return holdings.stream()
                .filter(holding -> holding.owner().kind() == Owner.Kind.HEAP
                        && part.test(holding.owner().part()))
                .mapToLong(Holding::resident)
                .sum();
    }

    private long sum(ToLongFunction<Reclaimable> amount) {
        return reclaimable.values().stream()
                .flatMap(List::stream)
                .mapToLong(amount)
                .sum();
    }

    private long percent(long bytes) {
        return Math.round(100.0 * bytes / resident);
    }

    private void add(String name, long bytes, String text) {
        found.add(new Finding(
                name,
                bytes,
                percent(bytes),
                "%s, %d %% of what is in memory, %s".formatted(Bytes.text(bytes), percent(bytes), text)));
    }
}
