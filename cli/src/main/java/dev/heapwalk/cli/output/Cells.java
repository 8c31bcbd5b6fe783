// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli.output;

import dev.heapwalk.heap.Column;
import dev.heapwalk.heap.RowSink;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.function.Consumer;

/** Takes rows apart: each is an array of its cells, a {@link Long}, {@link String}, {@link Boolean}, list, or null. */
final class Cells implements RowSink {
    private final Consumer<Object[]> rows;
    private final List<Object> row = new ArrayList<>();

    Cells(Consumer<Object[]> rows) {
        this.rows = rows;
    }

    /** Gives the cells of a row, or of its beginning, without its end. */
    static void give(Object[] row, List<Column> columns, RowSink sink) {
        for (int i = 0; i < row.length; i++) {
            Column.Kind kind = columns.get(i).kind();
            switch (row[i]) {
                case Long number when kind == Column.Kind.ADDRESS -> sink.address(number);
                case Long number -> sink.number(number);
                case String text -> sink.text(text);
                case Boolean flag -> sink.flag(flag);
                case List<?> list ->
                    sink.numbers(list.stream().map(Long.class::cast).toList());
                case null -> sink.none();
                default -> throw new IllegalStateException("no cell: " + row[i]);
            }
        }
    }

    /** The order of one cell; what is not there comes last. */
    static Comparator<Object[]> order(int cell, Column.Kind kind, boolean descending) {
        Comparator<Object> cells = (one, other) -> switch (one) {
            case Long number when kind == Column.Kind.ADDRESS -> Long.compareUnsigned(number, (Long) other);
            case Long number -> Long.compare(number, (Long) other);
            case String text -> text.compareTo((String) other);
            case Boolean flag -> Boolean.compare(flag, (Boolean) other);
            default -> 0;
        };
        return Comparator.comparing(row -> row[cell], Comparator.nullsLast(descending ? cells.reversed() : cells));
    }

    @Override
    public void text(String value) {
        row.add(value);
    }

    @Override
    public void number(long value) {
        row.add(value);
    }

    @Override
    public void address(long value) {
        row.add(value);
    }

    @Override
    public void flag(boolean value) {
        row.add(value);
    }

    @Override
    public void numbers(List<Long> values) {
        row.add(values);
    }

    @Override
    public void none() {
        row.add(null);
    }

    @Override
    public void end() {
        rows.accept(row.toArray());
        row.clear();
    }
}
