// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli.command;

import dev.heapwalk.heap.Column;
import dev.heapwalk.heap.RowSink;
import dev.heapwalk.heap.Table;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** The rows of several tables with the same columns, so that they are added up together. */
record JoinedTable(List<Column> columns, List<Table> tables) implements Table {

    /** One table for all that have the same columns, in the order of the first of each. */
    static List<Table> join(List<Table> tables) {
        Map<List<Column>, List<Table>> alike = new LinkedHashMap<>();
        tables.forEach(table ->
                alike.computeIfAbsent(table.columns(), _ -> new ArrayList<>()).add(table));
        return alike.entrySet().stream()
                .map(entry -> entry.getValue().size() == 1
                        ? entry.getValue().getFirst()
                        : new JoinedTable(entry.getKey(), entry.getValue()))
                .toList();
    }

    @Override
    public void rows(RowSink sink) {
        tables.forEach(table -> table.rows(sink));
    }
}
