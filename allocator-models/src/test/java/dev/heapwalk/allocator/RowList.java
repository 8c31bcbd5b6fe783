// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.allocator;

import dev.heapwalk.heap.RowSink;
import dev.heapwalk.heap.Table;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Takes the rows of a table, each by the names of its fields. */
public final class RowList implements RowSink {
    private final Table table;
    private final List<Map<String, String>> rows = new ArrayList<>();
    private final List<String> row = new ArrayList<>();

    private RowList(Table table) {
        this.table = table;
    }

    /** All rows; what has no value is an empty text. */
    public static List<Map<String, String>> of(Table table) {
        RowList list = new RowList(table);
        table.rows(list);
        return list.rows;
    }

    @Override
    public void text(String value) {
        row.add(value);
    }

    @Override
    public void number(long value) {
        row.add(Long.toString(value));
    }

    @Override
    public void address(long value) {
        row.add("0x" + Long.toHexString(value));
    }

    @Override
    public void flag(boolean value) {
        row.add(Boolean.toString(value));
    }

    @Override
    public void numbers(List<Long> values) {
        row.add(values.toString());
    }

    @Override
    public void none() {
        row.add("");
    }

    @Override
    public void end() {
        Map<String, String> named = new HashMap<>();
        for (int i = 0; i < row.size(); i++) {
            named.put(table.columns().get(i).field(), row.get(i));
        }
        rows.add(named);
        row.clear();
    }
}
