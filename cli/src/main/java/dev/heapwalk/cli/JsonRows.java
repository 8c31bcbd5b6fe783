// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli;

import dev.heapwalk.text.Column;
import dev.heapwalk.text.RowSink;
import dev.heapwalk.text.SafeText;
import java.nio.charset.StandardCharsets;
import java.util.List;

/** Writes each row as a JSON object on a line of its own. */
final class JsonRows implements RowSink {
    private final byte[][] names;
    private final Output out;
    private int cell;

    JsonRows(List<Column> columns, Output out) {
        this.out = out;
        names = new byte[columns.size()][];
        for (int i = 0; i < names.length; i++) {
            String name = (i == 0 ? "{\"" : ",\"") + columns.get(i).field() + "\":";
            names[i] = name.getBytes(StandardCharsets.US_ASCII);
        }
    }

    private void name() {
        for (byte b : names[cell++]) {
            out.put(b);
        }
    }

    @Override
    public void text(String value) {
        name();
        out.put('"');
        for (int i = 0; i < value.length(); ) {
            int codePoint = value.codePointAt(i);
            i += Character.charCount(codePoint);
            if (codePoint == '"' || codePoint == '\\') {
                out.put('\\');
                out.put(codePoint);
            } else if (SafeText.plain(codePoint)) {
                out.character(codePoint);
            } else if (codePoint < 0x10000) {
                escape(codePoint);
            } else {
                escape(Character.highSurrogate(codePoint));
                escape(Character.lowSurrogate(codePoint));
            }
        }
        out.put('"');
    }

    private void escape(int unit) {
        out.put('\\');
        out.put('u');
        for (int shift = 12; shift >= 0; shift -= 4) {
            out.put(Character.forDigit(unit >> shift & 15, 16));
        }
    }

    @Override
    public void number(long value) {
        name();
        out.decimal(value);
    }

    @Override
    public void address(long value) {
        name();
        out.put('"');
        out.address(value);
        out.put('"');
    }

    @Override
    public void flag(boolean value) {
        name();
        out.ascii(value ? "true" : "false");
    }

    @Override
    public void numbers(List<Long> values) {
        name();
        char before = '[';
        for (long value : values) {
            out.put(before);
            out.decimal(value);
            before = ',';
        }
        out.ascii(values.isEmpty() ? "[]" : "]");
    }

    @Override
    public void none() {
        name();
        out.ascii("null");
    }

    @Override
    public void end() {
        out.ascii("}\n");
        cell = 0;
    }
}
