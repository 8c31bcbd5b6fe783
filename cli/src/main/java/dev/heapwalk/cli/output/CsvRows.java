// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli.output;

import dev.heapwalk.heap.Column;
import dev.heapwalk.text.SafeText;
import java.util.List;

/**
 * Writes rows as RFC 4180 has them. Text that could drive a terminal is escaped as in tables: CSV has no escape of its
 * own.
 */
final class CsvRows implements RowWriter {
    private final List<Column> columns;
    private final Look look;
    private final Output out;
    private int cell;

    CsvRows(List<Column> columns, Look look, Output out) {
        this.columns = columns;
        this.look = look;
        this.out = out;
    }

    void head() {
        for (Column column : columns) {
            text(column.field());
        }
        end();
    }

    private void separate() {
        if (cell++ > 0) {
            out.put(',');
        }
    }

    @Override
    public void text(String value) {
        separate();
        String safe = SafeText.of(value);
        if (safe.indexOf('"') < 0 && safe.indexOf(',') < 0) {
            out.utf8(safe);
        } else {
            out.put('"');
            out.utf8(safe.replace("\"", "\"\""));
            out.put('"');
        }
    }

    @Override
    public void number(long value) {
        Column.Kind kind = columns.get(cell).kind();
        if (kind.bytes() && look.human()) {
            text(Bytes.text(value));
            return;
        }
        separate();
        if (kind == Column.Kind.SHARE) {
            out.decimal(value / 10);
            out.put('.');
            out.decimal(value % 10);
        } else {
            out.decimal(value);
        }
    }

    @Override
    public void address(long value) {
        separate();
        out.address(value);
    }

    @Override
    public void flag(boolean value) {
        separate();
        out.ascii(value ? "true" : "false");
    }

    @Override
    public void numbers(List<Long> values) {
        separate();
        boolean more = false;
        for (long value : values) {
            if (more) {
                out.put(' ');
            }
            out.decimal(value);
            more = true;
        }
    }

    @Override
    public void none() {
        separate();
    }

    @Override
    public void end() {
        out.ascii("\r\n");
        cell = 0;
    }

    @Override
    public void flush() {
        out.flush();
    }

    @Override
    public void settle() {}

    @Override
    public void finish() {
        out.flush();
    }
}
