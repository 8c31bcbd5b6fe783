// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli.command;

import dev.heapwalk.cli.output.Report;
import dev.heapwalk.heap.Column;
import dev.heapwalk.heap.Evidence;
import dev.heapwalk.heap.RowSink;
import java.util.List;

/** What was found of a runtime, and what each conclusion rests on. */
record EvidenceRows(List<Evidence> evidence) implements Report {
    @Override
    public List<Column> columns() {
        return List.of(
                Column.text("Subject", "subject"),
                Column.text("Found", "conclusion"),
                Column.text("Evidence", "basis"));
    }

    @Override
    public void rows(RowSink sink) {
        for (Evidence each : evidence) {
            sink.text(each.subject());
            sink.text(each.conclusion());
            sink.text(each.basis());
            sink.end();
        }
    }

    @Override
    public boolean totalled() {
        return false;
    }

    @Override
    public void total(RowSink sink) {}
}
