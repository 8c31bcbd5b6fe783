// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli.output;

import dev.heapwalk.heap.Column;
import java.util.List;

/**
 * By which field rows are sorted, and in which direction.
 *
 * @param field a column's name in JSON and CSV
 * @param descending whether the largest comes first
 */
public record Order(String field, boolean descending) {
    private static final String UP = ":asc";
    private static final String DOWN = ":desc";

    /**
     * Reads what {@code --sort} says: a field, and {@code :asc} or {@code :desc} where it is not what is meant anyway:
     * amounts come with the largest first, anything else in ascending order.
     *
     * @param text what was typed
     * @param columns those that there are
     * @throws IllegalArgumentException if there is no such field; the message names those that there are
     */
    public static Order of(String text, List<Column> columns) {
        String field = text.endsWith(UP)
                ? text.substring(0, text.length() - UP.length())
                : text.endsWith(DOWN) ? text.substring(0, text.length() - DOWN.length()) : text;
        int cell = cell(columns, field);
        if (cell < 0 || columns.get(cell).kind() == Column.Kind.IDS) {
            throw new IllegalArgumentException(
                    "--sort takes one of %s, with :asc or :desc behind it if you like, not '%s'"
                            .formatted(String.join(", ", fields(columns)), text));
        }
        boolean descending = field.equals(text) ? columns.get(cell).kind().grouped() : text.endsWith(DOWN);
        return new Order(field, descending);
    }

    /** The fields that rows can be sorted by. */
    public static List<String> fields(List<Column> columns) {
        return columns.stream()
                .filter(column -> column.kind() != Column.Kind.IDS && column.kind() != Column.Kind.SHARE)
                .map(Column::field)
                .toList();
    }

    /** The number of the column that has a field, -1 if there is none. */
    static int cell(List<Column> columns, String field) {
        return columns.stream().map(Column::field).toList().indexOf(field);
    }
}
