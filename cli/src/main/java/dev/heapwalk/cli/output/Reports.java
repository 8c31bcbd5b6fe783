// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli.output;

import dev.heapwalk.heap.Column;
import dev.heapwalk.heap.RowSink;
import java.util.List;

/** Several answers, one after the other. */
public record Reports(List<Report> answers) implements Report {

    @Override
    public List<Column> columns() {
        throw new IllegalStateException("each part has its own");
    }

    @Override
    public void rows(RowSink sink) {
        throw new IllegalStateException("each part has its own");
    }

    @Override
    public void total(RowSink sink) {
        throw new IllegalStateException("each part has its own");
    }

    @Override
    public void close() {
        answers.forEach(Report::close);
    }
}
