// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli.command;

import dev.heapwalk.cli.output.Arranged;
import dev.heapwalk.cli.output.Order;
import dev.heapwalk.cli.output.Report;
import dev.heapwalk.cli.output.Reports;
import dev.heapwalk.heap.BlockState;
import dev.heapwalk.heap.BlockView;
import dev.heapwalk.heap.Column;
import dev.heapwalk.memory.Target;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Predicate;
import picocli.CommandLine.Option;

/** A command whose rows can be sorted and cut. */
abstract class RowsCommand extends ReportCommand {
    static final String SORT = "--sort";

    @Option(
            names = SORT,
            paramLabel = "FIELD",
            description = "Sort rows by a field; the columns below say which there are. Amounts come largest first, "
                    + "the rest in ascending order; FIELD:asc and FIELD:desc turn that round.")
    private String sort;

    @Option(
            names = "--top",
            paramLabel = "N",
            description = "Only the first N rows: the largest, or those that --sort puts first. The total is of all.")
    private Integer top;

    @Option(names = "--human", description = "Write sizes in KiB, MiB and so on: 1 KiB is 1,024 bytes.")
    private boolean human;

    /** The columns that rows can be sorted by, as far as they are known before a target is read. */
    abstract List<Column> sortable();

    /** The field that {@code --top} means where nothing is said; empty for the rows' own order. */
    abstract Optional<String> largest();

    @Override
    void check() {
        if (top != null && top < 1) {
            throw wrong("--top must be at least 1, not " + top);
        }
        if (!sortable().isEmpty()) {
            order(sortable());
        }
    }

    /** The order of rows. */
    final Optional<Order> order(List<Column> columns) {
        try {
            if (sort != null) {
                return Optional.of(Order.of(sort, columns));
            }
            return top == null
                    ? Optional.empty()
                    : largest().filter(field -> has(columns, field)).map(field -> Order.of(field, columns));
        } catch (IllegalArgumentException e) {
            throw wrong(e.getMessage());
        }
    }

    private static boolean has(List<Column> columns, String field) {
        return columns.stream().anyMatch(column -> column.field().equals(field));
    }

    /** How many rows are shown. */
    final long most() {
        return top == null ? Long.MAX_VALUE : top;
    }

    /** A listing of blocks, printed meanwhile if rows come as they are found. */
    final Listing listing(Set<BlockState> states, MinSize filter, Target target) {
        boolean[] wanted = new boolean[BlockState.values().length];
        states.forEach(state -> wanted[state.ordinal()] = true);
        return listing(block -> wanted[block.state().ordinal()] && filter.takes(block), BlockRows.PLACES, target);
    }

    /** A listing of wanted blocks, printed meanwhile if rows come as they are found. */
    final Listing listing(Predicate<BlockView> wanted, BlockRows told, Target target) {
        Optional<Order> order = order(sortable());
        Listing listing = new Listing(wanted, told, order, most());
        return order.isEmpty() ? printed(listing, target) : listing;
    }

    @Override
    final boolean human() {
        return human;
    }

    @Override
    final Report arranged(Report report) {
        if (report instanceof Listing) {
            return report;
        }
        // Of several tables with columns of their own, those are sorted that have the field.
        List<Column> all = report.answers().stream()
                .flatMap(answer -> answer.columns().stream())
                .toList();
        Optional<String> field = order(all).map(Order::field);
        return new Reports(report.answers().stream()
                .map(answer -> (Report) new Arranged(
                        answer,
                        field.filter(one -> has(answer.columns(), one)).flatMap(_ -> order(answer.columns())),
                        most()))
                .toList());
    }
}
