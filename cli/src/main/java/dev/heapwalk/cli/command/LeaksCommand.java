// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli.command;

import dev.heapwalk.cli.history.History;
import dev.heapwalk.cli.history.Snapshot;
import dev.heapwalk.cli.history.State;
import dev.heapwalk.cli.output.Bytes;
import dev.heapwalk.cli.output.Failure;
import dev.heapwalk.cli.output.ListReport;
import dev.heapwalk.cli.output.Problems;
import dev.heapwalk.cli.output.Progress;
import dev.heapwalk.cli.output.Report;
import dev.heapwalk.cli.output.Reports;
import dev.heapwalk.graph.BlockIndex;
import dev.heapwalk.graph.HeapGraph;
import dev.heapwalk.graph.Held;
import dev.heapwalk.graph.Leaks;
import dev.heapwalk.heap.Column;
import dev.heapwalk.heap.HeapLayer;
import dev.heapwalk.heap.Heaps;
import dev.heapwalk.heap.RowSink;
import dev.heapwalk.heap.usage.Category;
import dev.heapwalk.python.usage.PythonHeap;
import dev.heapwalk.ruby.usage.RubyHeap;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code heapwalk leaks}: blocks that nothing leads to. */
@Command(
        name = "leaks",
        description = {
            "List the used chunks that no root leads to, by what they are: nobody can free them any more.",
            "A chunk that hangs below another lost one is counted with that."
        })
final class LeaksCommand extends GraphCommand {
    private static final List<Column> COLUMNS = List.of(
            Column.text("Held", "held"),
            Column.text("Domain", "domain"),
            Column.text("Kind", "kind"),
            Column.text("Detail", "detail"),
            Column.size("Chunk size", "size"),
            Column.sum("Count", "count"),
            Column.bytes("Bytes", "bytes"),
            Column.bytes("Below them", "below_bytes"),
            Column.address("Example", "example"),
            Column.text("Begins with", "begin"));

    private static final List<String> DISPENSABLE = List.of("domain", "detail", "begin");

    @Option(
            names = "--fail-over",
            paramLabel = "BYTES",
            description = "End with status 5 if more than that is lost for certain, such as 64K.")
    private String most;

    @Option(
            names = "--since",
            paramLabel = "NAME",
            description =
                    "Only chunks that were not there, at that address and of that size, in a state that 'heapwalk "
                            + "label' has kept.")
    private String since;

    @Mixin
    private HistoryFile history;

    private Optional<Snapshot> before = Optional.empty();
    private long lost;

    @Override
    List<Column> sortable() {
        return COLUMNS;
    }

    @Override
    Optional<String> largest() {
        return Optional.of("bytes");
    }

    @Override
    void check() {
        super.check();
        allowed();
    }

    private long allowed() {
        if (most == null) {
            return Long.MAX_VALUE;
        }
        OptionalLong bytes = Bytes.parse(most);
        return bytes.orElseThrow(() -> wrong("--fail-over must be a size such as 64K, not '" + most + "'"));
    }

    @Override
    Optional<Report> beforehand(Subject subject, Problems problems) {
        before = Optional.empty();
        if (since != null) {
            try (History states = History.read(history.path(subject))
                    .orElseThrow(() -> wrong(
                            "there is no labelled state: 'heapwalk label %s NAME' makes one".formatted(target())))) {
                State state =
                        states.state(since).orElseThrow(() -> Log.unknown(this, since, states.path(), states.states()));
                before = Optional.of(states.blocks(state));
            }
        }
        return Optional.empty();
    }

    /** Blocks that are alike. */
    private record Group(Held held, Category category, long size) {}

    private static final class Sum {
        private long count;
        private long bytes;
        private long below;
        private long example;
        private String begin = "";
    }

    private record Row(Group group, Sum sum) {}

    @Override
    Report answer(Heaps heaps, GraphNodes nodes, Problems problems, Progress progress) {
        HeapGraph graph = nodes.graph();
        BlockIndex blocks = graph.blocks();
        Leaks leaks = graph.leaks();
        Old old = new Old(before);
        Map<Group, Sum> groups = new HashMap<>();
        lost = 0;
        long garbage = 0;
        long garbageBytes = 0;
        for (int i = 0; i < leaks.leaderCount(); i++) {
            int node = leaks.leader(i);
            if (blocks.heap(node).layer() == HeapLayer.RUNTIME) {
                garbage++;
                garbageBytes += graph.size(node) + leaks.bytesBelow(i);
            } else if (!isOwnedByObject(nodes.use(node)) && !old.has(blocks.address(node), graph.size(node))) {
                add(groups, Held.NOT, node, leaks.bytesBelow(i), nodes);
                lost += graph.size(node) + leaks.bytesBelow(i);
            }
        }
        Old oldToo = new Old(before);
        for (int node = 0; node < blocks.count(); node++) {
            Held held = leaks.held(node);
            if ((held == Held.BY_INTERIOR || held == Held.BY_END)
                    && blocks.heap(node).layer() == HeapLayer.ALLOCATOR
                    && !isOwnedByObject(nodes.use(node))
                    && !oldToo.has(blocks.address(node), graph.size(node))) {
                add(groups, held, node, 0, nodes);
            }
        }
        if (garbage > 0) {
            problems.notices(List.of(
                    "%,d objects of a runtime are garbage that its collector has yet to free, with all below them %s"
                            .formatted(garbage, Bytes.text(garbageBytes))));
        }
        List<Row> rows = new ArrayList<>();
        groups.forEach((group, sum) -> rows.add(new Row(group, sum)));
        rows.sort(Comparator.comparing((Row row) -> row.group.held == Held.NOT ? 0 : 1)
                .thenComparing(Comparator.comparingLong((Row row) -> row.sum.bytes + row.sum.below)
                        .reversed()));
        return new Reports(List.of(new ListReport<>(COLUMNS, DISPENSABLE, true, rows, LeaksCommand::give)));
    }

    /** Whether a runtime knows it as a part of an object, also where it does not tell that as a reference. */
    private static boolean isOwnedByObject(Category use) {
        return use.domain().equals(RubyHeap.DOMAIN) || use.domain().equals(PythonHeap.DOMAIN);
    }

    private static void add(Map<Group, Sum> groups, Held held, int node, long below, GraphNodes nodes) {
        HeapGraph graph = nodes.graph();
        Sum sum = groups.computeIfAbsent(new Group(held, nodes.use(node), graph.size(node)), _ -> new Sum());
        if (sum.count == 0) {
            sum.example = graph.blocks().address(node);
            sum.begin = nodes.begin(node);
        }
        sum.count++;
        sum.bytes += graph.size(node);
        sum.below += below;
    }

    private static void give(Row row, RowSink sink) {
        sink.text(
                switch (row.group.held) {
                    case NOT -> "no";
                    case BY_INTERIOR -> "perhaps, by its middle";
                    case BY_END -> "perhaps, by its end";
                    case SURELY -> throw new IllegalStateException("it is held");
                });
        BlockRows.use(row.group.category, sink);
        sink.number(row.group.size);
        sink.number(row.sum.count);
        sink.number(row.sum.bytes);
        sink.number(row.sum.below);
        sink.address(row.sum.example);
        sink.text(row.sum.begin);
    }

    @Override
    int verdict() {
        return lost > allowed() ? Failure.LOST : Failure.FINE;
    }

    @Override
    Report concluded(Report report) {
        before.ifPresent(Snapshot::close);
        return report;
    }

    /** Tells in ascending order of addresses whether a block was there before. */
    private static final class Old {
        private final Optional<Snapshot.Blocks> blocks;
        private boolean more;

        Old(Optional<Snapshot> state) {
            blocks = state.map(Snapshot::blocks);
            more = blocks.isPresent() && blocks.get().next();
        }

        boolean has(long address, long size) {
            while (more && Long.compareUnsigned(blocks.orElseThrow().address(), address) < 0) {
                more = blocks.orElseThrow().next();
            }
            return more
                    && blocks.orElseThrow().address() == address
                    && blocks.orElseThrow().size() == size;
        }
    }
}
