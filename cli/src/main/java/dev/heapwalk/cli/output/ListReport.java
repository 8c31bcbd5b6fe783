// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli.output;

import dev.heapwalk.heap.Column;
import dev.heapwalk.heap.RowSink;
import java.util.List;
import java.util.function.BiConsumer;

/**
 * A row for each of a list.
 *
 * @param columns what the cells of a row are
 * @param dispensable fields that a narrow terminal does without, those that are missed least first
 * @param totalled whether columns of sums are added up in the end
 * @param list what there is a row for
 * @param row gives the cells of a row
 */
public record ListReport<T>(
        List<Column> columns, List<String> dispensable, boolean totalled, List<T> list, BiConsumer<T, RowSink> row)
        implements Report {

    @Override
    public boolean fits() {
        // What has no total has sentences, which are not cut.
        return totalled;
    }

    @Override
    public void rows(RowSink sink) {
        for (T one : list) {
            row.accept(one, sink);
            sink.end();
        }
    }

    @Override
    public void total(RowSink sink) {
        new TableReport(this, dispensable).total(sink);
    }
}
