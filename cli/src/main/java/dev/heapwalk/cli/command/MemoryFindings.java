// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli.command;

import dev.heapwalk.cli.output.Bytes;
import dev.heapwalk.heap.Setting;
import dev.heapwalk.heap.residency.Holding;
import dev.heapwalk.heap.residency.Owner;
import dev.heapwalk.heap.residency.PageUses;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
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

    private static final int MANY_ARENAS = 2;

    /** What the thresholds are where nobody sets them. */
    private static final long USUAL_THRESHOLD = 128 << 10;
    /** What free() leaves of the end of an arena then, with what is kept for the next blocks. */
    private static final long LEFT_BY_USUAL_THRESHOLD = 2 * USUAL_THRESHOLD;

    private final List<Holding> holdings;
    private final List<MemoryArena> arenas;
    private final List<Setting> settings;
    /** What is told of single pages, where that was worth a walk. */
    private final Optional<PageUses> pages;

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

    private MemoryFindings(
            List<Holding> holdings, List<MemoryArena> arenas, List<Setting> settings, Optional<PageUses> pages) {
        this.holdings = holdings;
        this.arenas = arenas;
        this.settings = settings;
        this.pages = pages;
        this.resident = holdings.stream().mapToLong(Holding::resident).sum();
    }

    static List<Finding> of(
            List<Holding> holdings, List<MemoryArena> arenas, List<Setting> settings, Optional<PageUses> pages) {
        MemoryFindings findings = new MemoryFindings(holdings, arenas, settings, pages);
        if (findings.resident >= LEAST) {
            findings.find();
        }
        return List.copyOf(findings.found);
    }

    private void find() {
        givenBack();
        tops();
        between();
        thresholds();
        long cached = heaps(part -> part == Owner.Part.CACHED);
        if (percent(cached) >= SOME) {
            add("cached", cached, "is free, but kept aside in caches, such as those of threads.");
        }
        long used = heaps(part -> part == Owner.Part.USED || part == Owner.Part.MAPPED);
        if (percent(used) >= MOSTLY) {
            add(
                    "in_use",
                    used,
                    "is in blocks that the program has: 'heapwalk summary' tells what for, and 'heapwalk watch' what of"
                            + " it grows.");
        }
        forked();
        elsewhere();
    }

    private void givenBack() {
        long back = sum(arena -> arena.back().resident());
        if (percent(back) >= MUCH) {
            add(
                    "given_back_by_trim",
                    back,
                    "is free, and malloc_trim(0) would give it back: that is no leak." + after());
        }
    }

    private void tops() {
        long tops = sum(arena -> arena.back().kept());
        if (percent(tops) < SOME) {
            return;
        }
        List<MemoryArena> with =
                arenas.stream().filter(arena -> arena.back().kept() > 0).toList();
        long trim = dynamic("trim_threshold");
        long less = with.stream()
                .mapToLong(arena -> Math.max(0, arena.back().kept() - LEFT_BY_USUAL_THRESHOLD))
                .sum();
        String raised = trim > USUAL_THRESHOLD && percent(less) >= SOME
                ? " free() would give back each that were larger than %s; the program's own large blocks have raised that"
                                .formatted(Bytes.text(trim))
                        + " threshold. MALLOC_TRIM_THRESHOLD_=131072 in the environment of the program keeps it at"
                        + " 128.0 KiB: about %s less.".formatted(Bytes.text(less))
                : "";
        String many = with.size() > MANY_ARENAS
                ? " With MALLOC_ARENA_MAX=2 there would be two such ends%s."
                        .formatted(trim > 0 ? ", of up to %s each".formatted(Bytes.text(trim)) : "")
                : "";
        add(
                "kept_in_tops",
                tops,
                "is free at the ends of %,d arenas, where malloc_trim leaves it.%s%s"
                        .formatted(with.size(), raised, many));
    }

    private void between() {
        long between = sum(MemoryArena::between);
        if (percent(between) < SOME) {
            return;
        }
        long stays = between + sum(MemoryArena::used) + sum(MemoryArena::cached);
        add(
                "free_between_used",
                between,
                "is free, but lies on pages that blocks in use are on too, so that no call gives it back: of what would"
                        + " stay of the heap after a trim %d %% is free.".formatted(Math.round(100.0 * between / stays))
                        + pages.flatMap(MemoryFindings::pinned).orElse("")
                        + manyArenas());
    }

    /** What keeps most pages that are mostly free. */
    private static Optional<String> pinned(PageUses pages) {
        return pages.pins().stream()
                .findFirst()
                .map(most -> " %,d pages are mostly free; what keeps most of them: %s, %,d blocks."
                        .formatted(pages.sparsePages(), most.category(), most.count()));
    }

    /** What there is of arenas that threads have. */
    private String manyArenas() {
        long others = arenas.stream()
                .filter(arena -> arena.index() > 0)
                .mapToLong(MemoryArena::between)
                .sum();
        long count = arenas.stream().filter(arena -> arena.between() > 0).count();
        return count > MANY_ARENAS && 2 * others > sum(MemoryArena::between)
                ? " It lies in %,d arenas: with fewer, such as by MALLOC_ARENA_MAX=2, free blocks of one thread can serve"
                                .formatted(count)
                        + " another."
                : "";
    }

    /** What malloc's thresholds have grown to, where that keeps much. */
    private void thresholds() {
        long end = sum(arena -> arena.back().end());
        long trim = dynamic("trim_threshold");
        if (percent(end) >= SOME && trim > USUAL_THRESHOLD) {
            add(
                    "top_below_threshold",
                    end,
                    "is free at the end of the main arena, which free() would give back by itself if it were larger than"
                            + " %s; the program's own large blocks have raised that threshold."
                                    .formatted(Bytes.text(trim))
                            + " MALLOC_TRIM_THRESHOLD_=131072 in the environment of the program keeps it at 128.0 KiB.");
        }
        long large = sum(arena -> arena.held().large());
        long mmap = dynamic("mmap_threshold");
        if (percent(large) >= SOME && mmap > USUAL_THRESHOLD) {
            add(
                    "large_in_arenas",
                    large,
                    "is in blocks of 128 KiB and more that lie in arenas, since only blocks of %s and more are mapped"
                                    .formatted(Bytes.text(mmap))
                            + " on their own by now. With MALLOC_MMAP_THRESHOLD_=131072 in the environment of the program"
                            + " each of them would leave memory when it is freed.");
        }
    }

    /** What a threshold that the allocator changes itself is now; 0 where it is fixed. */
    private long dynamic(String name) {
        return settings.stream()
                .filter(setting -> setting.name().equals(name) && setting.dynamic())
                .mapToLong(Setting::value)
                .max()
                .orElse(0);
    }

    private void forked() {
        long shared = holdings.stream().mapToLong(Holding::ownShared).sum();
        if (percent(shared) >= SOME) {
            add(
                    "shared_since_fork",
                    shared,
                    "is as it was when the process, or a child of it, was forked, and is in memory once for all of them:"
                            + " 'heapwalk memory PID PID...' adds such processes up.");
        }
    }

    private String after() {
        long shared = sum(arena -> arena.back().shared());
        long huge = sum(arena -> arena.back().huge());
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

    private long sum(ToLongFunction<MemoryArena> amount) {
        return arenas.stream().mapToLong(amount).sum();
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
