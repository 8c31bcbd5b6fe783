// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli.command;

import dev.heapwalk.cli.history.State;
import dev.heapwalk.cli.output.Report;
import dev.heapwalk.heap.Column;
import dev.heapwalk.heap.RowSink;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.List;

/** States that are kept. */
class StateList implements Report {
    static final List<Column> COLUMNS = List.of(
            Column.text("Label", "label"),
            Column.text("Time", "time"),
            Column.text("Target", "target"),
            Column.amount("Blocks", "blocks"),
            Column.size("Bytes", "bytes"),
            Column.bytes("In file", "file_bytes"));

    private final List<State> states;

    StateList(List<State> states) {
        this.states = states;
    }

    @Override
    public List<Column> columns() {
        return COLUMNS;
    }

    @Override
    public void rows(RowSink sink) {
        for (State state : states) {
            sink.text(state.name());
            sink.text(Instant.ofEpochMilli(state.millis())
                    .truncatedTo(ChronoUnit.SECONDS)
                    .toString());
            sink.text(state.target());
            sink.number(state.count());
            sink.number(state.bytes());
            sink.number(state.length());
            sink.end();
        }
    }

    @Override
    public boolean totalled() {
        return false;
    }

    @Override
    public void total(RowSink sink) {
        throw new IllegalStateException("there is none");
    }

    @Override
    public List<String> dispensable() {
        return List.of("file_bytes", "target");
    }
}
