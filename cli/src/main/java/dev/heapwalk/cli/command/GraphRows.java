// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli.command;

import dev.heapwalk.cli.output.ListReport;
import dev.heapwalk.cli.output.Report;
import dev.heapwalk.heap.Column;
import dev.heapwalk.heap.EdgeKind;
import dev.heapwalk.heap.RowSink;
import java.util.List;
import java.util.Locale;

/** Rows about nodes of a graph. */
final class GraphRows {
    /** A reference from one node to another. */
    static final List<Column> REFERENCES = List.of(
            Column.text("Name", "name"),
            Column.text("Kind", "kind"),
            Column.address("Address", "address"),
            Column.size("Size", "size"),
            Column.text("What", "what"));

    private static final List<String> DISPENSABLE = List.of("kind", "size");

    private GraphRows() {}

    /**
     * A reference, seen from one end.
     *
     * @param name the name of the field
     * @param kind in what way
     * @param node the node at the other end
     */
    record Reference(String name, EdgeKind kind, int node) {}

    private record Row(Reference reference, long address, long size, String what) {}

    /** A row for each reference, with what is known of its other end. */
    static Report references(List<Reference> references, GraphNodes nodes) {
        List<Row> rows = references.stream()
                .map(one -> new Row(
                        one,
                        nodes.graph().isBlock(one.node) ? nodes.graph().blocks().address(one.node) : 0,
                        nodes.graph().size(one.node),
                        nodes.text(one.node)))
                .toList();
        return new ListReport<>(REFERENCES, DISPENSABLE, false, rows, GraphRows::give);
    }

    private static void give(Row row, RowSink sink) {
        sink.text(row.reference.name);
        sink.text(row.reference.kind.name().toLowerCase(Locale.ROOT).replace('_', ' '));
        if (row.address == 0) {
            sink.none();
            sink.none();
        } else {
            sink.address(row.address);
            sink.number(row.size);
        }
        sink.text(row.what);
    }

    /** An address that was typed. */
    static long address(String word, AnyCommand command) {
        try {
            return Long.parseUnsignedLong(word.startsWith("0x") || word.startsWith("0X") ? word.substring(2) : "", 16);
        } catch (NumberFormatException e) {
            throw command.wrong("ADDRESS must be an address such as 0x7f0012345678, not '" + word + "'");
        }
    }
}
