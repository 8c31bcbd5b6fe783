// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli.command;

import dev.heapwalk.cli.output.ListReport;
import dev.heapwalk.cli.output.Problems;
import dev.heapwalk.cli.output.Progress;
import dev.heapwalk.cli.output.Report;
import dev.heapwalk.cli.output.Reports;
import dev.heapwalk.graph.EdgeCursor;
import dev.heapwalk.graph.HeapGraph;
import dev.heapwalk.graph.HeapPath;
import dev.heapwalk.graph.MergedPaths;
import dev.heapwalk.heap.Column;
import dev.heapwalk.heap.EdgeKind;
import dev.heapwalk.heap.Heaps;
import dev.heapwalk.heap.RowSink;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.IntStream;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code heapwalk holders}: who refers to a block, and what keeps it alive. */
@Command(
        name = "holders",
        description = {
            "Tell who refers to a chunk or an object, and by which ways roots keep it alive, the shortest first.",
            "Of all chunks of a category the ways are merged: how many of them go through what."
        })
final class Holders extends GraphCommand {
    private static final List<Column> PATHS = List.of(Column.text("Path", "path"));
    private static final List<Column> MERGED = List.of(
            Column.amount("Count", "count"),
            Column.bytes("Bytes", "bytes"),
            Column.amount("Depth", "depth"),
            Column.text("Held by", "holder"));

    static final String ARROW = " \u2190 ";
    private static final String INDENT = "  ";
    /** So many referrers are told unless more are asked for. */
    private static final int MOST_REFERRERS = 20;

    @Parameters(
            index = "1..*",
            arity = "1..*",
            paramLabel = "ADDRESS|CATEGORY",
            description =
                    "An address of the chunk or object, or within it. Or a category as 'summary' shows it: the kind, "
                            + "or domain, kind and detail.")
    private List<String> words;

    @Option(
            names = "--paths",
            paramLabel = "N",
            defaultValue = "3",
            description = "How many ways are told at most, ${DEFAULT-VALUE} unless given.")
    private int paths;

    @Option(
            names = "--depth",
            paramLabel = "N",
            defaultValue = "8",
            description = "Of a category, how many steps from the roots are told, ${DEFAULT-VALUE} unless given.")
    private int depth;

    @Option(
            names = "--min",
            paramLabel = "PERCENT",
            defaultValue = "1",
            description = "Of a category, what holds less than this part of its chunks is left out; "
                    + "${DEFAULT-VALUE} unless given.")
    private double least;

    @Override
    List<Column> sortable() {
        return List.of();
    }

    @Override
    Optional<String> largest() {
        return Optional.empty();
    }

    @Override
    void check() {
        super.check();
        if (paths < 1 || depth < 1) {
            throw wrong("--paths and --depth must be at least 1");
        }
        if (isAddress()) {
            GraphRows.address(words.getFirst(), this);
        }
    }

    private boolean isAddress() {
        return words.size() == 1 && words.getFirst().startsWith("0");
    }

    @Override
    Report answer(Heaps heaps, GraphNodes nodes, Problems problems, Progress progress) {
        return isAddress()
                ? ofBlock(nodes.at(GraphRows.address(words.getFirst(), this), this), nodes, problems)
                : ofCategory(
                        new NodeCategories(nodes.graph().blocks(), heaps, categorizers, problems, progress), nodes);
    }

    private Report ofBlock(int node, GraphNodes nodes, Problems problems) {
        HeapGraph graph = nodes.graph();
        Map<Integer, EdgeKind> kinds = new LinkedHashMap<>();
        EdgeCursor edges = graph.referrers().of(node);
        while (edges.next()) {
            if (edges.node() != graph.root()) {
                kinds.merge(edges.node(), edges.kind(), (one, other) -> one.compareTo(other) <= 0 ? one : other);
            }
        }
        List<GraphRows.Reference> referrers = kinds.entrySet().stream()
                .sorted(Map.Entry.comparingByValue(Comparator.comparing(kind -> kind == EdgeKind.WEAK)))
                .limit(most() == Long.MAX_VALUE ? MOST_REFERRERS : most())
                .map(one -> new GraphRows.Reference(nodes.name(one.getKey(), node), one.getValue(), one.getKey()))
                .toList();
        if (kinds.size() > referrers.size()) {
            problems.notices(List.of("%,d more refer to it: --top %d lists all"
                    .formatted(kinds.size() - referrers.size(), kinds.size())));
        }
        List<String> ways = graph.paths().toRoots(node, paths).stream()
                .map(path -> text(path, nodes))
                .toList();
        List<String> told = ways.isEmpty() ? List.of("no root leads to " + nodes.text(node)) : ways;
        return new Reports(List.of(
                GraphRows.references(referrers, nodes),
                new ListReport<>(PATHS, List.of(), false, told, (way, sink) -> sink.text(way))));
    }

    /** A way in words: what is held, then by which name of which holder, and so on. */
    static String text(HeapPath path, GraphNodes nodes) {
        StringBuilder text = new StringBuilder(nodes.text(path.node(0)));
        for (int i = 1; i < path.length(); i++) {
            String name = nodes.name(path.node(i), path.node(i - 1));
            text.append(ARROW);
            if (!name.isEmpty()) {
                text.append(name).append(nodes.graph().isBlock(path.node(i)) ? " of " : ARROW);
            }
            text.append(nodes.text(path.node(i)));
        }
        return text.toString();
    }

    /** A step of merged ways. */
    private record Step(int count, long bytes, int depth, String text) {}

    private Report ofCategory(NodeCategories categories, GraphNodes nodes) {
        HeapGraph graph = nodes.graph();
        String wanted = String.join(" ", words);
        boolean[] are = new boolean[categories.list().size()];
        for (int i = 0; i < are.length; i++) {
            var category = categories.list().get(i);
            are[i] = category.toString().equals(wanted)
                    || category.kind().equals(wanted)
                    || (category.kind() + " " + category.detail()).strip().equals(wanted);
        }
        int[] members = IntStream.range(0, graph.blocks().count())
                .filter(node -> categories.number(node) >= 0 && are[categories.number(node)])
                .toArray();
        if (members.length == 0) {
            throw wrong(
                    "nothing is used as '%s': 'heapwalk summary %s' lists what there is".formatted(wanted, target()));
        }
        List<Step> steps = new ArrayList<>();
        try (MergedPaths merged = graph.paths().merged(members)) {
            follow(graph.root(), 0, Math.max(1, (int) (members.length * least / 100)), merged, nodes, steps);
            int unheld = members.length - merged.count(graph.root());
            if (unheld > 0) {
                steps.add(new Step(unheld, 0, 0, "no root"));
            }
        }
        return new ListReport<>(MERGED, List.of("depth"), false, steps, Holders::give);
    }

    private void follow(int node, int at, int fewest, MergedPaths merged, GraphNodes nodes, List<Step> steps) {
        steps.add(new Step(merged.count(node), merged.bytes(node), at, nodes.text(node)));
        if (at == depth) {
            return;
        }
        int told = 0;
        for (int next : merged.next(node)) {
            if (merged.count(next) < fewest || ++told > MOST_NEXT) {
                break;
            }
            follow(next, at + 1, fewest, merged, nodes, steps);
        }
    }

    /** So many ways from one node are told. */
    private static final int MOST_NEXT = 10;

    private static void give(Step step, RowSink sink) {
        sink.number(step.count);
        sink.number(step.bytes);
        sink.number(step.depth);
        sink.text(INDENT.repeat(step.depth) + step.text);
    }
}
