// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.musl;

import dev.heapwalk.heap.Column;
import dev.heapwalk.heap.RowSink;
import dev.heapwalk.heap.Table;
import java.util.List;

/**
 * The one context that a heap has.
 *
 * @param number its number among those of all heaps of this kind
 * @param address target address
 * @param groups how many groups it has
 * @param systemBytes all that was taken from the kernel or from the dynamic linker, but for the areas of metas
 * @param overheadBytes what of it is in no slot that may be handed out
 */
record ContextTable(int number, long address, long groups, long systemBytes, long overheadBytes) implements Table {
    private static final List<Column> COLUMNS = List.of(
            Column.id("Context", "arena"),
            Column.address("Address", "address"),
            Column.sum("Groups", "groups"),
            Column.bytes("System bytes", "system_bytes"),
            Column.bytes("Overhead", "overhead_bytes"));

    @Override
    public List<Column> columns() {
        return COLUMNS;
    }

    @Override
    public void rows(RowSink sink) {
        sink.number(number);
        sink.address(address);
        sink.number(groups);
        sink.number(systemBytes);
        sink.number(overheadBytes);
        sink.end();
    }
}
