// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli.output;

import dev.heapwalk.heap.Column;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;

/**
 * How wide the columns of a table are, and which are shown. Where a line has too few characters for all, long names are
 * cut first, then whole columns are left out. A number is never cut.
 */
final class TableLayout {
    /** What is left of a long name. */
    private static final int NAME = 16;

    /** What is left of it where all columns are needed, and there is no room for them yet. */
    private static final int SHORT_NAME = 8;

    private static final Set<Column.Kind> CUTTABLE = Set.of(Column.Kind.TEXT, Column.Kind.IDS);

    private final List<Column> columns;
    private final int[] wanted;
    private final int[] widths;
    private final int[] limits;
    private final boolean[] shown;
    private final List<String> leftOut = new ArrayList<>();

    /**
     * Lays out a table.
     *
     * @param columns what its cells are
     * @param widths how many characters they have
     * @param dispensable fields that may be left out, those that are missed least first
     * @param line how many characters a line has; 0 for as many as it takes
     */
    TableLayout(List<Column> columns, int[] widths, List<String> dispensable, int line) {
        this.columns = columns;
        this.wanted = widths;
        this.widths = widths.clone();
        limits = new int[widths.length];
        Arrays.fill(limits, Integer.MAX_VALUE);
        shown = new boolean[widths.length];
        Arrays.fill(shown, true);
        if (line > 0) {
            cutTo(line, NAME);
            for (String field : dispensable) {
                if (line() <= line) {
                    break;
                }
                leaveOut(field);
            }
            cutTo(line, SHORT_NAME);
            // There may be more room for names now.
            growTo(line);
        }
    }

    private void cutTo(int line, int name) {
        for (int over = line() - line; over > 0; over = line() - line) {
            int widest = -1;
            int second = name;
            for (int i = 0; i < widths.length; i++) {
                if (CUTTABLE.contains(columns.get(i).kind()) && shown[i] && widths[i] > least(i, name)) {
                    if (widest < 0 || widths[i] > widths[widest]) {
                        second = widest < 0 ? name : widths[widest];
                        widest = i;
                    } else {
                        second = Math.max(second, widths[i]);
                    }
                }
            }
            if (widest < 0) {
                return;
            }
            // Down to the next widest, and then all of them together.
            int cut = Math.min(over, Math.max(1, widths[widest] - second));
            widths[widest] = Math.max(least(widest, name), widths[widest] - cut);
            limits[widest] = widths[widest];
        }
    }

    private int least(int column, int name) {
        return Math.max(name, columns.get(column).title().length());
    }

    private void leaveOut(String field) {
        for (int i = 0; i < widths.length; i++) {
            if (columns.get(i).field().equals(field)) {
                shown[i] = false;
                leftOut.add(columns.get(i).title());
            }
        }
    }

    private void growTo(int line) {
        for (int i = 0; i < widths.length; i++) {
            if (shown[i] && limits[i] < Integer.MAX_VALUE && line() < line) {
                int more = Math.min(line - line(), wanted[i] - widths[i]);
                widths[i] += more;
                limits[i] += more;
            }
        }
    }

    private int line() {
        int length = -TableRows.GAP.length();
        for (int i = 0; i < widths.length; i++) {
            length += shown[i] ? widths[i] + TableRows.GAP.length() : 0;
        }
        return length;
    }

    int[] widths() {
        return widths;
    }

    /** How many characters a name in a column may have. */
    int limit(int column) {
        return limits[column];
    }

    boolean shows(int column) {
        return shown[column];
    }

    /** The titles of what is not shown. */
    List<String> leftOut() {
        return leftOut;
    }
}
