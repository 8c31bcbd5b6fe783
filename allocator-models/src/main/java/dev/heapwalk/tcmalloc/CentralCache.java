// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.tcmalloc;

import dev.heapwalk.heap.Column;
import dev.heapwalk.heap.DamageList;
import dev.heapwalk.heap.RowSink;
import dev.heapwalk.heap.Table;
import dev.heapwalk.memory.Reader;
import java.util.List;
import java.util.OptionalLong;

/**
 * What the central cache has of each size class.
 *
 * @param address target address of the first structure, empty if it was not found
 * @param spans how many spans of each class there are
 * @param counted how many the central cache counts, -1 where that can't be read
 * @param free how many free objects it counts in them
 * @param transfer how many free objects the transfer cache has
 */
record CentralCache(
        SizeClasses classes,
        int firstRegion,
        OptionalLong address,
        int[] spans,
        long[] counted,
        long[] free,
        int[] transfer)
        implements Table {
    private static final List<Column> COLUMNS = List.of(
            Column.id("Page heap", "arena"),
            Column.id("Class", "index"),
            Column.size("Object size", "object_size"),
            Column.sum("Spans", "spans"),
            Column.sum("Chunks", "chunks"),
            Column.bytes("Bytes", "bytes"),
            Column.sum("In transfer", "transfer_chunks"),
            Column.bytes("Transfer bytes", "transfer_bytes"));

    /** Counts spans, and reads what the central cache counts. */
    static CentralCache of(
            SpanTable table,
            SizeClasses classes,
            int firstRegion,
            OptionalLong address,
            Reader reader,
            int[] transfer) {
        int[] spans = new int[classes.count()];
        for (int i = 0; i < table.count(); i++) {
            if (table.kinds[i] == SpanTable.Kind.SMALL) {
                spans[table.classes[i]]++;
            }
        }
        long[] counted = new long[classes.count()];
        long[] free = new long[classes.count()];
        CentralFreeList view = new CentralFreeList();
        for (int i = 1; i < classes.count(); i++) {
            counted[i] = -1;
            if (address.isPresent()) {
                long at = address.getAsLong() + (long) CentralFreeList.SIZE * i;
                long offset = reader.find(at, CentralFreeList.SIZE);
                if (offset >= 0) {
                    view.wrap(reader.segment(), offset, at);
                    counted[i] = view.numSpans();
                    free[i] = view.counter();
                }
            }
        }
        return new CentralCache(classes, firstRegion, address, spans, counted, free, transfer);
    }

    /** Tells where it counts other spans than the page map leads to. */
    void contradictions(DamageList damages) {
        for (int i = 1; i < spans.length; i++) {
            if (counted[i] >= 0 && counted[i] != spans[i]) {
                damages.add(
                        address.orElseThrow() + (long) CentralFreeList.SIZE * i,
                        0,
                        "the central cache counts %d spans with objects of %d bytes, but the page map leads to %d"
                                .formatted(counted[i], classes.size(i), spans[i]));
            }
        }
    }

    @Override
    public List<Column> columns() {
        return COLUMNS;
    }

    @Override
    public void rows(RowSink sink) {
        for (int i = 1; i < spans.length; i++) {
            if (free[i] > 0 || transfer[i] > 0) {
                sink.number(firstRegion);
                sink.number(i);
                sink.number(classes.size(i));
                sink.number(spans[i]);
                sink.number(free[i]);
                sink.number(free[i] * classes.size(i));
                sink.number(transfer[i]);
                sink.number((long) transfer[i] * classes.size(i));
                sink.end();
            }
        }
    }
}
