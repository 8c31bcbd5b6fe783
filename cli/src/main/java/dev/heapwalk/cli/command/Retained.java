// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli.command;

import dev.heapwalk.cli.output.Bytes;
import dev.heapwalk.cli.output.ListReport;
import dev.heapwalk.cli.output.Problems;
import dev.heapwalk.cli.output.Progress;
import dev.heapwalk.cli.output.Report;
import dev.heapwalk.cli.output.Reports;
import dev.heapwalk.graph.Dominators;
import dev.heapwalk.graph.HeapGraph;
import dev.heapwalk.heap.Column;
import dev.heapwalk.heap.Heaps;
import dev.heapwalk.heap.RowSink;
import dev.heapwalk.heap.usage.Category;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.function.IntUnaryOperator;
import java.util.stream.IntStream;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code heapwalk retained}: what would be freed with what. */
@Command(
        name = "retained",
        description = {
            "Show what would be freed by clearing what: each holder with what it alone keeps alive, from the roots down.",
            "Also who holds so much that it is worth a look."
        })
final class Retained extends GraphCommand {
    private static final List<Column> TREE = List.of(
            Column.bytes("Retained", "retained_bytes"),
            Column.share("Share", "share"),
            Column.size("Own size", "size"),
            Column.amount("Depth", "depth"),
            Column.address("Address", "address"),
            Column.text("Holder", "holder"));
    private static final List<Column> KINDS = List.of(
            Column.text("Domain", "domain"),
            Column.text("Kind", "kind"),
            Column.text("Detail", "detail"),
            Column.amount("Count", "count"),
            Column.bytes("Own size", "bytes"),
            Column.bytes("Retained", "retained_bytes"));
    private static final List<Column> GROUPS = List.of(
            Column.text("Root", "root"), Column.amount("Holds", "count"), Column.bytes("Retained", "retained_bytes"));
    private static final List<Column> GROWN = List.of(
            Column.bytes("Grown", "grown_bytes"), TREE.get(0), TREE.get(2), TREE.get(3), TREE.get(4), TREE.get(5));
    private static final List<Column> GROWTH = List.of(Column.text("Growth", "growth"));
    private static final List<Column> SUSPECTS = List.of(Column.text("Suspect", "suspect"));

    private static final int THOUSAND = 1000;
    private static final String INDENT = "  ";
    /** So many holders below one are told. */
    private static final int MOST_CHILDREN = 10;

    /** So many ways are looked at for one that is certain. */
    private static final int MOST_WAYS = 3;

    /** What a row stands for. */
    enum By {
        /** A holder: the tree from the top. */
        HOLDER,
        /** All blocks of a category. */
        CATEGORY,
        /** All blocks of a kind, whatever their detail is. */
        CLASS,
        /** A kind of roots. */
        ROOT;

        @Override
        public String toString() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    @Option(
            names = "--by",
            paramLabel = "holder|category|class|root",
            description =
                    "What a row stands for: a holder (the default), all chunks of a category, all of a class, or a "
                            + "kind of roots.")
    private By by = By.HOLDER;

    @Option(
            names = "--depth",
            paramLabel = "N",
            defaultValue = "4",
            description = "How many levels of holders are told, ${DEFAULT-VALUE} unless given.")
    private int depth;

    @Option(
            names = "--min",
            paramLabel = "PERCENT",
            defaultValue = "1",
            description = "Holders of less than this part of all are left out, ${DEFAULT-VALUE} unless given.")
    private double least;

    @Option(
            names = "--since",
            paramLabel = "CORE",
            description =
                    "Tell what has grown since an earlier core of the same process, such as 'heapwalk core' writes, "
                            + "and what holds it.")
    private Path since;

    private Optional<RetainedBefore> before = Optional.empty();

    @Override
    List<Column> sortable() {
        return switch (by) {
            case HOLDER -> List.of();
            case CATEGORY, CLASS -> KINDS;
            case ROOT -> GROUPS;
        };
    }

    @Override
    Optional<String> largest() {
        return by == By.HOLDER ? Optional.empty() : Optional.of("retained_bytes");
    }

    @Override
    void check() {
        super.check();
        if (depth < 1) {
            throw wrong("--depth must be at least 1, not " + depth);
        }
        if (since != null && by != By.HOLDER) {
            throw wrong("--since tells of holders, so it does not go with --by");
        }
    }

    @Override
    Optional<Report> beforehand(Subject subject, Problems problems) {
        before = Optional.ofNullable(since).map(file -> RetainedBefore.of(file, problems));
        return Optional.empty();
    }

    @Override
    Report answer(Heaps heaps, GraphNodes nodes, Problems problems, Progress progress) {
        return switch (by) {
            case HOLDER -> before.isPresent() ? grown(before.get(), nodes) : tree(heaps, nodes, problems, progress);
            case CATEGORY, CLASS ->
                kinds(
                        new NodeCategories(nodes.graph().blocks(), heaps, categorizers, problems, progress),
                        nodes.graph());
            case ROOT -> groups(nodes.graph());
        };
    }

    private record Holder(int node, long retained, long thousandths, long size, int depth, long address, String text) {}

    private Report tree(Heaps heaps, GraphNodes nodes, Problems problems, Progress progress) {
        HeapGraph graph = nodes.graph();
        Dominators dominators = graph.dominators();
        long all = dominators.retained(graph.root());
        List<Holder> holders = new ArrayList<>();
        below(graph.root(), 1, (long) (all * least / 100), all, nodes, holders);
        BitSet tops = Suspects.tops(graph);
        NodeCategories categories =
                new NodeCategories(graph.blocks(), heaps, categorizers, problems, progress, tops::get);
        List<String> suspects = new Suspects(nodes, categories).find();
        List<Report> answers = new ArrayList<>();
        answers.add(new ListReport<>(TREE, List.of("size", "depth"), false, holders, Retained::give));
        if (!suspects.isEmpty()) {
            answers.add(new ListReport<>(SUSPECTS, List.of(), false, suspects, (text, sink) -> sink.text(text)));
        }
        return new Reports(answers);
    }

    private void below(int node, int at, long fewest, long all, GraphNodes nodes, List<Holder> holders) {
        HeapGraph graph = nodes.graph();
        Dominators dominators = graph.dominators();
        for (int child : dominators.largestChildren(node, MOST_CHILDREN)) {
            long retained = dominators.retained(child);
            if (retained < Math.max(1, fewest)) {
                return;
            }
            holders.add(new Holder(
                    child,
                    retained,
                    all == 0 ? 0 : THOUSAND * retained / all,
                    graph.size(child),
                    at,
                    graph.isBlock(child) ? graph.blocks().address(child) : 0,
                    named(node, child, nodes)));
            if (at < depth) {
                below(child, at + 1, fewest, all, nodes, holders);
            }
        }
    }

    private record Grown(int node, long grown, long retained, long size, int depth, long address, String text) {}

    private Report grown(RetainedBefore then, GraphNodes nodes) {
        HeapGraph graph = nodes.graph();
        Growth growth = new Growth(then, graph);
        long fewest = Math.max(1, (long) (growth.ofAll() * least / 100));
        List<Grown> rows = new ArrayList<>();
        grownBelow(graph.root(), 1, fewest, growth, nodes, rows);
        List<String> told = growth.points(fewest).stream()
                .map(node -> "%s has grown by %s, to %s: %s"
                        .formatted(
                                nodes.text(node),
                                Bytes.text(growth.of(node)),
                                Bytes.text(graph.dominators().retained(node)),
                                way(node, nodes)))
                .toList();
        return new Reports(List.of(
                new ListReport<>(GROWN, List.of("size", "depth"), false, rows, Retained::give),
                new ListReport<>(
                        GROWTH,
                        List.of(),
                        false,
                        told.isEmpty() ? List.of("no holder has grown") : told,
                        (text, sink) -> sink.text(text))));
    }

    /** The shortest way to roots that are such for certain, where there is one. */
    private static String way(int node, GraphNodes nodes) {
        return nodes.graph().paths().toRoots(node, MOST_WAYS).stream()
                .min(Comparator.comparing(path -> nodes.isGuess(path.node(path.length() - 1))))
                .map(path -> Holders.text(path, nodes))
                .orElse("no root leads to it");
    }

    private void grownBelow(int node, int at, long fewest, Growth growth, GraphNodes nodes, List<Grown> rows) {
        HeapGraph graph = nodes.graph();
        for (int child : growth.largestChildren(node, MOST_CHILDREN)) {
            if (growth.of(child) < fewest) {
                return;
            }
            rows.add(new Grown(
                    child,
                    growth.of(child),
                    graph.dominators().retained(child),
                    graph.size(child),
                    at,
                    graph.isBlock(child) ? graph.blocks().address(child) : 0,
                    named(node, child, nodes)));
            if (at < depth) {
                grownBelow(child, at + 1, fewest, growth, nodes, rows);
            }
        }
    }

    private static void give(Grown row, RowSink sink) {
        sink.number(row.grown);
        sink.number(row.retained);
        sink.number(row.size);
        sink.number(row.depth);
        place(row.address, row.depth, row.text, sink);
    }

    /** Where a holder is, and what it is. */
    private static void place(long address, int depth, String text, RowSink sink) {
        if (address == 0) {
            sink.none();
        } else {
            sink.address(address);
        }
        sink.text(INDENT.repeat(depth - 1) + text);
    }

    /** What a node is, with the name by which the one that dominates it refers to it, or with all that hold it. */
    private static String named(int above, int node, GraphNodes nodes) {
        HeapGraph graph = nodes.graph();
        String name = above == graph.root() ? "" : nodes.name(above, node);
        if (!name.isEmpty()) {
            return name + ": " + nodes.text(node);
        }
        // Several hold it, so none of them does alone.
        return graph.isBlock(node) ? nodes.text(node) + Holders.ARROW + nodes.heldBy(node) : nodes.text(node);
    }

    private static void give(Holder holder, RowSink sink) {
        sink.number(holder.retained);
        sink.number(holder.thousandths);
        sink.number(holder.size);
        sink.number(holder.depth);
        place(holder.address, holder.depth, holder.text, sink);
    }

    private record Kind(Category category, long count, long bytes, long retained) {}

    private Report kinds(NodeCategories categories, HeapGraph graph) {
        List<Category> list = new ArrayList<>();
        int[] rows = new int[categories.list().size()];
        Map<Category, Integer> known = new HashMap<>();
        for (int i = 0; i < rows.length; i++) {
            Category one = categories.list().get(i);
            Category row = by == By.CLASS ? new Category(one.domain(), one.kind(), "") : one;
            rows[i] = known.computeIfAbsent(row, added -> {
                list.add(added);
                return list.size() - 1;
            });
        }
        IntUnaryOperator rowOf = node -> categories.number(node) < 0 ? -1 : rows[categories.number(node)];
        long[] retained = graph.dominators().retainedBy(rowOf, list.size());
        long[] counts = new long[list.size()];
        long[] bytes = new long[list.size()];
        for (int node = 0; node < graph.blocks().count(); node++) {
            int row = rowOf.applyAsInt(node);
            if (row >= 0) {
                counts[row]++;
                bytes[row] += graph.size(node);
            }
        }
        List<Kind> kinds = IntStream.range(0, list.size())
                .mapToObj(row -> new Kind(list.get(row), counts[row], bytes[row], retained[row]))
                .sorted(Comparator.comparingLong(Kind::retained).reversed())
                .toList();
        return new ListReport<>(KINDS, List.of("domain", "count"), false, kinds, (kind, sink) -> {
            BlockRows.use(kind.category, sink);
            sink.number(kind.count);
            sink.number(kind.bytes);
            sink.number(kind.retained);
        });
    }

    private record Group(String label, long count, long retained) {}

    private static Report groups(HeapGraph graph) {
        List<Group> groups = IntStream.range(0, graph.groups().size())
                .mapToObj(i -> {
                    int node = graph.blocks().count() + i;
                    return new Group(
                            graph.group(node).label(),
                            graph.references().of(node).left(),
                            graph.dominators().retained(node));
                })
                .filter(group -> group.count > 0)
                .sorted(Comparator.comparingLong(Group::retained).reversed())
                .toList();
        return new ListReport<>(GROUPS, List.of(), false, groups, (group, sink) -> {
            sink.text(group.label);
            sink.number(group.count);
            sink.number(group.retained);
        });
    }
}
