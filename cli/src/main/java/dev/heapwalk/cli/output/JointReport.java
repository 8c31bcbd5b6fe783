// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli.output;

import dev.heapwalk.heap.Column;
import dev.heapwalk.heap.RowSink;
import java.util.List;

/** Several answers, one after the other, of which each has columns and rows of its own. */
public interface JointReport extends Report {
    @Override
    List<Report> answers();

    @Override
    default List<Column> columns() {
        throw new IllegalStateException("each part has its own");
    }

    @Override
    default void rows(RowSink sink) {
        throw new IllegalStateException("each part has its own");
    }

    @Override
    default void total(RowSink sink) {
        throw new IllegalStateException("each part has its own");
    }
}
