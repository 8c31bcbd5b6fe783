// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli.command;

import dev.heapwalk.cli.output.Report;
import dev.heapwalk.cli.output.TableReport;
import dev.heapwalk.heap.Column;
import dev.heapwalk.heap.RowSink;
import dev.heapwalk.heap.residency.Holding;
import java.util.List;

/**
 * A row for each owner of memory, with what falls to it where several processes have a page.
 *
 * @param holdings what each owner has in one process, or in several together
 */
record MemoryShares(List<Holding> holdings) implements Report {

    @Override
    public List<Column> columns() {
        return List.of(
                Column.text("Owner", "owner"),
                Column.text("Name", "name"),
                Column.text("Part", "part"),
                Column.bytes("PSS", "pss_bytes"),
                Column.bytes("RSS", "rss_bytes"),
                Column.bytes("Swapped", "swapped_bytes"));
    }

    @Override
    public void rows(RowSink sink) {
        for (Holding holding : holdings) {
            MemoryTables.owner(holding.owner(), sink);
            sink.number(holding.proportional());
            sink.number(holding.resident());
            sink.number(holding.swapped());
            sink.end();
        }
    }

    @Override
    public void total(RowSink sink) {
        new TableReport(this, dispensable()).total(sink);
    }
}
