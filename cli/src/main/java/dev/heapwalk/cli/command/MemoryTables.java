// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli.command;

import dev.heapwalk.cli.output.ListReport;
import dev.heapwalk.cli.output.Report;
import dev.heapwalk.heap.Column;
import dev.heapwalk.heap.RowSink;
import dev.heapwalk.heap.Setting;
import dev.heapwalk.heap.residency.Holding;
import dev.heapwalk.heap.residency.Owner;
import dev.heapwalk.heap.residency.PageUses;
import dev.heapwalk.heap.residency.StackHolding;
import dev.heapwalk.heap.usage.Category;
import dev.heapwalk.memory.MemoryCounts;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** The tables of {@code heapwalk memory}. */
final class MemoryTables {
    private static final int WHOLE = 1_000;
    private static final int LONGEST_LINE = 112;

    private MemoryTables() {}

    /**
     * A process of a group.
     *
     * @param pid its id
     * @param holdings what each owner has
     */
    record Member(long pid, List<Holding> holdings) {}

    /** A row for each owner, as programs want it. */
    static Report owners(List<Holding> holdings) {
        return new ListReport<>(
                List.of(
                        Column.text("Owner", "owner"),
                        Column.text("Name", "name"),
                        Column.text("Part", "part"),
                        Column.bytes("In memory", "resident_bytes"),
                        Column.bytes("Own", "own_bytes"),
                        Column.bytes("Shared", "shared_bytes"),
                        Column.bytes("Swapped", "swapped_bytes"),
                        Column.bytes("Mapped", "mapped_bytes"),
                        Column.bytes("Own, shared", "own_shared_bytes"),
                        Column.bytes("Of hugetlbfs", "hugetlb_bytes")),
                List.of(),
                true,
                holdings,
                (holding, sink) -> {
                    owner(holding.owner(), sink);
                    sink.number(holding.resident());
                    sink.number(holding.own());
                    sink.number(holding.shared());
                    sink.number(holding.swapped());
                    sink.number(holding.mapped());
                    sink.number(holding.ownShared());
                    sink.number(holding.hugetlb());
                });
    }

    static void owner(Owner owner, RowSink sink) {
        sink.text(owner.kind().label());
        sink.text(owner.name());
        sink.text(owner.part().label());
    }

    /** A row for each process of a group. */
    static Report members(List<Member> members) {
        return new ListReport<>(
                List.of(
                        Column.id("Pid", "pid"),
                        Column.bytes("PSS", "pss_bytes"),
                        Column.bytes("RSS", "rss_bytes"),
                        Column.bytes("For itself", "uss_bytes"),
                        Column.bytes("Still shared since a fork", "own_shared_bytes"),
                        Column.bytes("Swapped", "swapped_bytes")),
                List.of("swapped_bytes"),
                true,
                members,
                (member, sink) -> {
                    long resident = 0;
                    long shared = 0;
                    long ownShared = 0;
                    long swapped = 0;
                    long proportional = 0;
                    for (Holding holding : member.holdings()) {
                        resident += holding.resident();
                        shared += holding.shared();
                        ownShared += holding.ownShared();
                        swapped += holding.swapped();
                        proportional += holding.proportional();
                    }
                    sink.number(member.pid());
                    sink.number(proportional);
                    sink.number(resident);
                    sink.number(resident - shared);
                    sink.number(ownShared);
                    sink.number(swapped);
                });
    }

    /** What the kernel counts that no mapping shows, and its own count of what is in memory. */
    static Report beside(MemoryCounts counts) {
        return new ListReport<>(
                List.of(Column.text("Beside that", "count"), Column.bytes("Size", "bytes")),
                List.of(),
                false,
                List.of(
                        Map.entry("page tables", counts.pageTables()),
                        Map.entry("pages of hugetlbfs", counts.hugePages()),
                        Map.entry("VmRSS, as the kernel counts it", counts.resident())),
                (count, sink) -> {
                    sink.text(count.getKey());
                    sink.number(count.getValue());
                });
    }

    /** A row for each arena. */
    static Report arenas(int first, List<MemoryArena> arenas) {
        return new ListReport<>(
                List.of(
                        Column.id("Arena", "arena"),
                        Column.bytes("Given back by a trim", "trim_bytes"),
                        Column.bytes("Of this shared", "shared_bytes"),
                        Column.bytes("In huge pages", "huge_bytes"),
                        Column.bytes("Of swap", "swapped_bytes"),
                        Column.bytes("Of hugetlbfs", "hugetlb_bytes"),
                        Column.bytes("Kept in top", "top_bytes"),
                        Column.bytes("In caches", "cached_bytes"),
                        Column.bytes("Between used", "between_bytes"),
                        Column.bytes("In use", "used_bytes"),
                        Column.share("Fragmented", "fragmentation")),
                List.of("hugetlb_bytes", "swapped_bytes", "shared_bytes", "huge_bytes", "used_bytes", "cached_bytes"),
                true,
                arenas,
                (arena, sink) -> {
                    sink.number(first + arena.index());
                    sink.number(arena.back().resident());
                    sink.number(arena.back().shared());
                    sink.number(arena.back().huge());
                    sink.number(arena.back().swapped());
                    sink.number(arena.back().hugetlb());
                    sink.number(arena.back().kept());
                    sink.number(arena.cached());
                    sink.number(arena.between());
                    sink.number(arena.used());
                    sink.number(Math.round(arena.fragmentation() * WHOLE));
                });
    }

    /** A row for each thread. */
    static Report stacks(List<StackHolding> stacks) {
        return new ListReport<>(
                List.of(
                        Column.id("Thread", "tid"),
                        Column.text("Name", "thread_name"),
                        Column.bytes("Stack in use", "stack_used_bytes"),
                        Column.bytes("Deepest", "stack_depth_bytes"),
                        Column.bytes("In memory", "stack_resident_bytes"),
                        Column.bytes("Swapped", "stack_swapped_bytes"),
                        Column.bytes("Limit", "stack_limit_bytes")),
                List.of("stack_swapped_bytes", "stack_limit_bytes"),
                false,
                stacks,
                (stack, sink) -> {
                    sink.number(stack.thread().tid());
                    sink.text(stack.thread().name());
                    sink.number(stack.used());
                    sink.number(stack.depth());
                    sink.number(stack.resident());
                    sink.number(stack.swapped());
                    sink.number(stack.reserved());
                });
    }

    /** What allocators are set to. */
    static Report settings(List<Setting> settings) {
        return new ListReport<>(
                List.of(
                        Column.text("Setting", "setting"),
                        Column.amount("Value", "value"),
                        Column.flag("Dynamic", "dynamic"),
                        Column.text("Meaning", "meaning")),
                List.of(),
                false,
                settings,
                (setting, sink) -> {
                    sink.text(setting.name());
                    sink.number(setting.value());
                    sink.flag(setting.dynamic());
                    sink.text(setting.meaning());
                });
    }

    /** What a process shares with its parent or its children, by category. */
    static Report forked(List<PageUses.Use> uses) {
        return new ListReport<>(
                List.of(
                        Column.text("Domain", "domain"),
                        Column.text("Kind", "kind"),
                        Column.text("Detail", "detail"),
                        Column.amount("Count", "count"),
                        Column.bytes("Still shared since a fork", "forked_bytes"),
                        Column.bytes("For itself", "kept_bytes")),
                List.of("domain", "count"),
                true,
                uses,
                (use, sink) -> {
                    category(use.category(), sink);
                    sink.number(use.count());
                    sink.number(use.forked());
                    sink.number(use.kept());
                });
    }

    /** The blocks on pages that are mostly free, by category. */
    static Report pins(List<PageUses.Pin> pins) {
        return new ListReport<>(
                List.of(
                        Column.text("Domain", "domain"),
                        Column.text("Kind", "kind"),
                        Column.text("Detail", "detail"),
                        Column.amount("Blocks", "blocks"),
                        Column.bytes("Their size", "block_bytes"),
                        Column.size("Smallest", "smallest"),
                        Column.size("Largest", "largest"),
                        Column.bytes("Free beside them", "pinned_bytes")),
                List.of("domain", "smallest", "largest", "block_bytes"),
                true,
                pins,
                (pin, sink) -> {
                    category(pin.category(), sink);
                    sink.number(pin.count());
                    sink.number(pin.bytes());
                    sink.number(pin.smallest());
                    sink.number(pin.largest());
                    sink.number(pin.free());
                });
    }

    private static void category(Category category, RowSink sink) {
        sink.text(category.domain().label());
        sink.text(category.kind());
        sink.text(category.detail());
    }

    /** What the numbers mean, for people. */
    static Report sentences(List<MemoryFindings.Finding> findings) {
        return new ListReport<>(
                List.of(Column.text("What this means", "text")),
                List.of(),
                false,
                findings.stream()
                        .flatMap(finding -> lines(finding.text()).stream())
                        .toList(),
                (line, sink) -> sink.text(line));
    }

    /** Lines of a text, of which all but the first are indented. */
    private static List<String> lines(String text) {
        List<String> lines = new ArrayList<>();
        StringBuilder line = new StringBuilder();
        for (String word : text.split(" ")) {
            if (line.length() + word.length() >= LONGEST_LINE) {
                lines.add(line.toString());
                line.setLength(0);
                line.append(' ');
            }
            line.append(line.isEmpty() ? "" : " ").append(word);
        }
        lines.add(line.toString());
        return lines;
    }

    /** What the numbers mean, for programs. */
    static Report findings(List<MemoryFindings.Finding> findings) {
        return new ListReport<>(
                List.of(
                        Column.text("Finding", "finding"),
                        Column.size("Size", "bytes"),
                        Column.amount("Percent", "percent"),
                        Column.text("Text", "text")),
                List.of(),
                false,
                findings,
                (finding, sink) -> {
                    sink.text(finding.name());
                    sink.number(finding.bytes());
                    sink.number(finding.percent());
                    sink.text(finding.text());
                });
    }
}
