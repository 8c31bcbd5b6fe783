// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli.output;

import dev.heapwalk.heap.Column;
import dev.heapwalk.heap.RowSink;
import dev.heapwalk.text.SafeText;
import java.util.List;

/** Writes rows as a table. A column becomes wider where a cell needs it, from that row on. */
final class TableRows implements RowSink {
    static final String GAP = "  ";
    private static final String TOTAL = "TOTAL";
    private static final String NONE = "-";
    private static final String CUT = "…";

    private final List<Column> columns;
    private final TableLayout layout;
    private final int[] widths;
    private final Output out;
    private int cell;
    /** Whether a cell stands before the next one. */
    private boolean begun;

    private int pending;

    /** Whether the row is a total that does not say so yet. */
    private boolean unlabelled;

    TableRows(List<Column> columns, TableLayout layout, Output out) {
        this.columns = columns;
        this.layout = layout;
        this.widths = layout.widths();
        this.out = out;
    }

    void head() {
        for (Column column : columns) {
            if (begins(column.title().length(), column.kind().right())) {
                out.ascii(column.title());
                fill(column.title().length(), column.kind().right());
            }
        }
        end();
        for (int width : widths) {
            if (begins(width, false)) {
                for (int i = 0; i < width; i++) {
                    out.put('-');
                }
                fill(width, false);
            }
        }
        end();
    }

    void totalFollows() {
        // At the left, whatever the column holds; if it is not shown, in the next one that has room.
        if (layout.shows(cell)) {
            label();
        } else {
            cell++;
            unlabelled = true;
        }
    }

    private void label() {
        begins(TOTAL.length(), false);
        out.ascii(TOTAL);
        fill(TOTAL.length(), false);
        unlabelled = false;
    }

    /**
     * Writes what stands before a cell. Spaces behind a cell wait until another follows, so that no line ends in
     * spaces. Returns whether the cell is shown at all.
     */
    private boolean begins(int length, boolean right) {
        if (!layout.shows(cell)) {
            cell++;
            return false;
        }
        out.spaces(pending);
        pending = 0;
        if (begun) {
            out.ascii(GAP);
        }
        begun = true;
        widths[cell] = Math.max(widths[cell], length);
        if (right) {
            out.spaces(widths[cell] - length);
        }
        return true;
    }

    private void fill(int length, boolean right) {
        if (!right) {
            pending = widths[cell] - length;
        }
        cell++;
    }

    private void plain(String safe) {
        if (safe.isEmpty()) {
            if (layout.shows(cell)) {
                if (unlabelled) {
                    label();
                    return;
                }
                pending += (begun ? GAP.length() : 0) + widths[cell];
                begun = true;
            }
            cell++;
            return;
        }
        String shown = safe;
        int length = safe.codePointCount(0, safe.length());
        if (length > layout.limit(cell)) {
            shown = columns.get(cell).kind() == Column.Kind.IDS
                    ? someOf(safe, layout.limit(cell))
                    : middleOut(safe, length, layout.limit(cell));
            length = shown.codePointCount(0, shown.length());
        }
        boolean right = columns.get(cell).kind().right();
        if (begins(length, right)) {
            out.utf8(shown);
            fill(length, right);
        }
    }

    /** A text without its middle. */
    private static String middleOut(String text, int length, int most) {
        int before = most / 2;
        int behind = most - before - 1;
        return text.substring(0, text.offsetByCodePoints(0, before))
                + CUT
                + text.substring(text.offsetByCodePoints(0, length - behind));
    }

    /** As many numbers of a list as fit, each of them whole. */
    private static String someOf(String list, int most) {
        int end = list.lastIndexOf(',', most - CUT.length() - 1);
        return (end < 0 ? list.substring(0, list.indexOf(',')) : list.substring(0, end)) + "," + CUT;
    }

    @Override
    public void text(String value) {
        plain(SafeText.of(value));
    }

    @Override
    public void number(long value) {
        Column.Kind kind = columns.get(cell).kind();
        if (kind == Column.Kind.SHARE) {
            plain(percent(value));
        } else if (!kind.grouped() && value < 0) {
            none();
        } else if (begins(kind.grouped() ? Output.groupedWidth(value) : Output.decimalWidth(value), true)) {
            if (kind.grouped()) {
                out.grouped(value);
            } else {
                out.decimal(value);
            }
            fill(0, true);
        }
    }

    private static String percent(long thousandths) {
        return thousandths / 10 + "." + thousandths % 10 + " %";
    }

    @Override
    public void address(long value) {
        if (begins(Output.hexDigits(value) + 2, true)) {
            out.address(value);
            fill(0, true);
        }
    }

    @Override
    public void flag(boolean value) {
        plain(value ? "yes" : "no");
    }

    @Override
    public void numbers(List<Long> values) {
        plain(list(values));
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
        plain(NONE);
    }

    @Override
    public void end() {
        pending = 0;
        cell = 0;
        begun = false;
        unlabelled = false;
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

        /** Makes room for an amount of bytes that may yet come. */
        void expect(long bytes) {
            for (int i = 0; i < widths.length; i++) {
                if (columns.get(i).kind().bytes()) {
                    widths[i] = Math.max(widths[i], Output.groupedWidth(bytes));
                }
            }
        }

        int[] found() {
            return widths.clone();
        }

        @Override
        public void number(long value) {
            Column.Kind kind = columns.get(cell).kind();
            cell(
                    kind == Column.Kind.SHARE
                            ? percent(value).length()
                            : kind.grouped() ? Output.groupedWidth(value) : Output.decimalWidth(value));
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
