// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli.output;

import dev.heapwalk.heap.RowSink;
import dev.heapwalk.heap.Table;
import java.util.List;

/** The answer to a command, held in local memory so that the target is let go before the first row is printed. */
public interface Report extends Table, AutoCloseable {

    /** Gives the last row of a table, which follows the word {@code TOTAL}; its first cell is left out. */
    void total(RowSink sink);

    /** Whether a table ends in that row. */
    default boolean totalled() {
        return true;
    }

    /** The reports that this one is made of, each with columns of its own. */
    default List<Report> answers() {
        return List.of(this);
    }

    /** Frees what the answer holds. */
    @Override
    default void close() {}
}
