// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli.output;

import dev.heapwalk.heap.RowSink;
import java.util.List;

/** Passes rows on as they are, and counts their cells. */
class PassedRows implements RowSink {
    private final RowSink sink;
    /** Which cell of the row comes next. */
    int cell;

    PassedRows(RowSink sink) {
        this.sink = sink;
    }

    @Override
    public void text(String value) {
        cell++;
        sink.text(value);
    }

    @Override
    public void number(long value) {
        cell++;
        sink.number(value);
    }

    @Override
    public void address(long value) {
        cell++;
        sink.address(value);
    }

    @Override
    public void flag(boolean value) {
        cell++;
        sink.flag(value);
    }

    @Override
    public void numbers(List<Long> values) {
        cell++;
        sink.numbers(values);
    }

    @Override
    public void none() {
        cell++;
        sink.none();
    }

    @Override
    public void end() {
        cell = 0;
        sink.end();
    }
}
