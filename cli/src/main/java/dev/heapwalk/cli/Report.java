// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli;

import java.util.List;

/** The answer to a command, held in local memory so that the target is let go before the first row is printed. */
interface Report extends AutoCloseable {

    List<Column> columns();

    /** Gives all rows. A table asks twice: for the widths, then for the cells. */
    void rows(RowSink sink);

    /** Gives the last row of a table, which follows the word {@code TOTAL}; its first cell is left out. */
    void total(RowSink sink);

    /** Whether a table ends in that row. */
    default boolean totalled() {
        return true;
    }

    /** Frees what the answer holds. */
    @Override
    default void close() {}
}
