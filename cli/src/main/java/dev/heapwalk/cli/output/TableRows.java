// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli.output;

import dev.heapwalk.heap.Column;
import dev.heapwalk.heap.RowSink;
import dev.heapwalk.text.SafeText;
import java.util.List;

/** Writes rows as a table whose widths are known. */
final class TableRows implements RowSink {
    private static final String TOTAL = "TOTAL";
    private static final String NONE = "-";
    private static final String GAP = "  ";

    private final List<Column> columns;
    private final int[] widths;
    private final Output out;
    private int cell;
    private int pending;

    TableRows(List<Column> columns, Widths widths, Output out) {
        this.columns = columns;
        this.widths = widths.widths;
        this.out = out;
    }

    void head() {
        for (Column column : columns) {
            pad(column.title().length(), column.kind().right());
            out.ascii(column.title());
            fill(column.title().length(), column.kind().right());
        }
        end();
        for (int width : widths) {
            pad(width, false);
            for (int i = 0; i < width; i++) {
                out.put('-');
            }
            fill(width, false);
        }
        end();
    }

    void totalFollows() {
        plain(TOTAL, false);
    }

    /** What stands before a cell. Spaces behind a cell wait until another follows, so that no line ends in spaces. */
    private void pad(int length, boolean right) {
        out.spaces(pending);
        pending = 0;
        if (cell > 0) {
            out.ascii(GAP);
        }
        if (right) {
            out.spaces(widths[cell] - length);
        }
    }

    private void fill(int length, boolean right) {
        if (!right) {
            pending = widths[cell] - length;
        }
        cell++;
    }

    private void plain(String safe, boolean right) {
        if (safe.isEmpty()) {
            pending += (cell > 0 ? GAP.length() : 0) + widths[cell++];
            return;
        }
        int length = safe.codePointCount(0, safe.length());
        pad(length, right);
        out.utf8(safe);
        fill(length, right);
    }

    @Override
    public void text(String value) {
        plain(SafeText.of(value), false);
    }

    @Override
    public void number(long value) {
        if (columns.get(cell).kind().grouped()) {
            pad(Output.groupedWidth(value), true);
            out.grouped(value);
            fill(0, true);
        } else if (value < 0) {
            none();
        } else {
            pad(Output.decimalWidth(value), true);
            out.decimal(value);
            fill(0, true);
        }
    }

    @Override
    public void address(long value) {
        pad(Output.hexDigits(value) + 2, true);
        out.address(value);
        fill(0, true);
    }

    @Override
    public void flag(boolean value) {
        plain(value ? "yes" : "no", false);
    }

    @Override
    public void numbers(List<Long> values) {
        plain(list(values), false);
    }

    private static String list(List<Long> values) {
        if (values.isEmpty()) {
            return NONE;
        }
        StringBuilder text = new StringBuilder();
        for (long value : values) {
            text.append(text.isEmpty() ? "" : ",").append(value);
        }
        return text.toString();
    }

    @Override
    public void none() {
        boolean right = columns.get(cell).kind().right();
        plain(NONE, right);
    }

    @Override
    public void end() {
        pending = 0;
        cell = 0;
        out.put('\n');
    }

    /** Finds out how wide each column must be. */
    static final class Widths implements RowSink {
        private final List<Column> columns;
        private final int[] widths;
        private int cell;

        Widths(List<Column> columns) {
            this.columns = columns;
            widths =
                    columns.stream().mapToInt(column -> column.title().length()).toArray();
        }

        void totalFollows() {
            cell(TOTAL.length());
        }

        private void cell(int width) {
            if (width > widths[cell]) {
                widths[cell] = width;
            }
            cell++;
        }

        @Override
        public void text(String value) {
            String safe = SafeText.of(value);
            cell(safe.codePointCount(0, safe.length()));
        }

        @Override
        public void number(long value) {
            cell(columns.get(cell).kind().grouped() ? Output.groupedWidth(value) : Output.decimalWidth(value));
        }

        @Override
        public void address(long value) {
            cell(Output.hexDigits(value) + 2);
        }

        @Override
        public void flag(boolean value) {
            cell(3);
        }

        @Override
        public void numbers(List<Long> values) {
            cell(list(values).length());
        }

        @Override
        public void none() {
            cell(1);
        }

        @Override
        public void end() {
            cell = 0;
        }
    }
}
