// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli.output;

import dev.heapwalk.heap.Column;
import dev.heapwalk.text.JsonLines;
import java.util.List;

/** Writes each row as a JSON object on a line of its own. */
final class JsonRows implements RowWriter {
    private static final byte[] TRUE = JsonLines.ascii("true");
    private static final byte[] FALSE = JsonLines.ascii("false");
    private static final byte[] NULL = JsonLines.ascii("null");

    private final List<Column> columns;
    private final Look look;
    private final byte[][] names;
    private final JsonLines json;
    private int cell;

    JsonRows(List<Column> columns, Look look, JsonLines json) {
        this.columns = columns;
        this.look = look;
        this.json = json;
        names = new byte[columns.size()][];
        for (int i = 0; i < names.length; i++) {
            names[i] = JsonLines.ascii((i == 0 ? "{\"" : ",\"") + columns.get(i).field() + "\":");
        }
    }

    private void name() {
        json.raw(names[cell++]);
    }

    @Override
    public void text(String value) {
        name();
        json.harmless(value);
    }

    @Override
    public void number(long value) {
        Column.Kind kind = columns.get(cell).kind();
        if (kind.bytes() && look.human()) {
            text(Bytes.text(value));
            return;
        }
        name();
        if (kind == Column.Kind.SHARE) {
            json.decimal(value / 10);
            json.raw('.');
            json.decimal(value % 10);
        } else {
            json.decimal(value);
        }
    }

    @Override
    public void address(long value) {
        name();
        json.address(value);
    }

    @Override
    public void flag(boolean value) {
        name();
        json.raw(value ? TRUE : FALSE);
    }

    @Override
    public void numbers(List<Long> values) {
        name();
        json.raw('[');
        boolean more = false;
        for (long value : values) {
            if (more) {
                json.raw(',');
            }
            json.decimal(value);
            more = true;
        }
        json.raw(']');
    }

    @Override
    public void none() {
        name();
        json.raw(NULL);
    }

    @Override
    public void end() {
        json.raw('}');
        json.newline();
        cell = 0;
    }

    @Override
    public void flush() {
        json.flush();
    }

    @Override
    public void settle() {}

    @Override
    public void finish() {
        json.flush();
    }
}
