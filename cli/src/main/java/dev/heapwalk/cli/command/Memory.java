// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli.command;

import dev.heapwalk.cli.output.Format;
import dev.heapwalk.cli.output.Problems;
import dev.heapwalk.cli.output.Progress;
import dev.heapwalk.cli.output.Report;
import dev.heapwalk.cli.output.Reports;
import dev.heapwalk.heap.Heap;
import dev.heapwalk.heap.Heaps;
import dev.heapwalk.heap.Setting;
import dev.heapwalk.heap.residency.Holding;
import dev.heapwalk.heap.residency.MemoryOwners;
import dev.heapwalk.heap.residency.OwnedMemory;
import dev.heapwalk.heap.residency.Owner;
import dev.heapwalk.heap.residency.PageUses;
import dev.heapwalk.heap.residency.StackHolding;
import dev.heapwalk.heap.usage.UsageCursor;
import dev.heapwalk.memory.Proportions;
import dev.heapwalk.memory.Residency;
import dev.heapwalk.memory.Target;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code heapwalk memory}: who has the memory of a process. */
@Command(
        name = "memory",
        description = {
            "Show who has the memory of a process: every byte in memory has one owner, and all together are its RSS.",
            "Also what malloc_trim(0) would give back of each arena."
        })
final class Memory extends ReportCommand {
    /** Of so much memory at least it is told by category who shares it, or keeps pages. */
    private static final long WORTH_A_WALK = 1 << 20;

    private static final int MOST_CATEGORIES = 10;

    @Parameters(
            paramLabel = "TARGET",
            arity = "1..*",
            description = {
                TargetCommand.TARGET,
                "Several processes are added up: each page is counted once, however many of them have it."
            })
    private List<String> targets;

    @Option(names = "--human", description = "Write sizes in KiB, MiB and so on: 1 KiB is 1,024 bytes.")
    private boolean human;

    private final Categorizers categorizers = new Categorizers();
    /** Whether several processes are added up. */
    private boolean together;

    @Override
    String target() {
        return targets.getFirst();
    }

    @Override
    List<String> targets() {
        return targets;
    }

    @Override
    boolean readsCopies() {
        return false;
    }

    @Override
    boolean needsHeap() {
        return false;
    }

    @Override
    boolean human() {
        return human;
    }

    @Override
    Optional<HeapCommand.Scope> located() {
        return Optional.of(HeapCommand.Scope.ALL);
    }

    @Override
    Report read(Subject subject, Problems problems, Progress progress) {
        if (!(subject instanceof Subject.Group group)) {
            return super.read(subject, problems, progress);
        }
        together = true;
        progress.close();
        List<MemoryTables.Member> members = new ArrayList<>();
        for (Subject.Pid process : group.processes()) {
            MemoryShares shares = (MemoryShares) super.read(process, problems, new Progress());
            members.add(new MemoryTables.Member(process.pid(), shares.holdings()));
        }
        List<Holding> sums = Holding.together(
                members.stream().flatMap(member -> member.holdings().stream()).toList());
        return new Reports(List.of(
                format() == Format.TABLE ? MemoryTree.ofShares(sums) : new MemoryShares(sums),
                MemoryTables.members(members)));
    }

    @Override
    Report read(Target opened, Problems problems, Progress progress) {
        return looks(opened).at(opened, problems, seen -> look(opened, seen, progress));
    }

    private Report look(Target opened, Problems problems, Progress progress) {
        // Before anything is read, since a read may change it.
        Optional<Residency> residency = opened.memory().residency();
        Optional<Proportions> proportions = together ? opened.memory().proportions() : Optional.empty();
        Heaps heaps = heaps(opened);
        OwnedMemory owned = MemoryOwners.find(heaps, residency.orElse(Residency.NONE), proportions, progress::at);
        List<Holding> holdings = owned.holdings();
        if (residency.isEmpty()) {
            problems.notices(List.of("what is in memory is not known of " + opened.description()));
        }
        if (together) {
            return new MemoryShares(holdings);
        }
        List<Report> answers = new ArrayList<>();
        answers.add(
                format() != Format.TABLE
                        ? MemoryTables.owners(holdings)
                        : residency.isPresent() ? MemoryTree.of(holdings) : MemoryTree.ofMapped(holdings));
        opened.memory().counts().ifPresent(counts -> answers.add(MemoryTables.beside(counts)));
        if (heaps.isEmpty()) {
            problems.notices(List.of("%s has no heap of a known kind".formatted(opened.description())));
        } else {
            problems.notices(heaps.notices());
        }
        if (residency.isPresent()) {
            details(heaps, owned, residency.get(), problems, progress, answers);
        }
        return new Reports(answers);
    }

    /** What is told of a single process beside who has what. */
    private void details(
            Heaps heaps,
            OwnedMemory owned,
            Residency residency,
            Problems problems,
            Progress progress,
            List<Report> answers) {
        List<MemoryArena> arenas = new ArrayList<>();
        List<Setting> settings = new ArrayList<>();
        for (Heap heap : heaps.isEmpty() ? List.<Heap>of() : heaps.list()) {
            List<MemoryArena> parts = MemoryArena.of(heap, owned, heap.reclaimable(residency));
            if (!parts.isEmpty()) {
                answers.add(MemoryTables.arenas(heap.firstRegion(), parts));
                arenas.addAll(parts);
            }
            settings.addAll(heap.settings());
        }
        if (format() != Format.TABLE || isWorthTelling(owned.stacks())) {
            answers.add(MemoryTables.stacks(shown(owned.stacks())));
        }
        if (!settings.isEmpty()) {
            answers.add(MemoryTables.settings(settings));
        }
        long forked = owned.holdings().stream()
                .filter(holding -> holding.owner().kind() == Owner.Kind.HEAP)
                .mapToLong(Holding::ownShared)
                .sum();
        long between = arenas.stream().mapToLong(MemoryArena::between).sum();
        Optional<PageUses> pages = Optional.empty();
        if (Math.max(forked, between) >= WORTH_A_WALK) {
            try (UsageCursor usage = categorizers.over(heaps)) {
                HeapCommand.watch(usage, progress);
                pages = Optional.of(PageUses.of(usage, residency, progress::at));
                problems.notices(usage.notices());
            }
        }
        if (forked >= WORTH_A_WALK) {
            answers.add(MemoryTables.forked(shown(pages.orElseThrow().uses())));
        }
        if (between >= WORTH_A_WALK) {
            answers.add(MemoryTables.pins(shown(pages.orElseThrow().pins())));
        }
        List<MemoryFindings.Finding> findings = MemoryFindings.of(owned.holdings(), arenas, settings, pages);
        if (!findings.isEmpty()) {
            answers.add(format() == Format.TABLE ? MemoryTables.sentences(findings) : MemoryTables.findings(findings));
        }
    }

    /** Whether there are several threads, or a stack is large. */
    private static boolean isWorthTelling(List<StackHolding> stacks) {
        return stacks.size() > 1 || stacks.stream().anyMatch(stack -> stack.depth() >= WORTH_A_WALK);
    }

    /** The first of many rows for people, all for programs. */
    private <T> List<T> shown(List<T> rows) {
        return format() == Format.TABLE && rows.size() > MOST_CATEGORIES ? rows.subList(0, MOST_CATEGORIES) : rows;
    }
}
