// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.heap;

import java.util.List;

/** Rows with named columns, held in local memory: they can be given after the target was closed. */
public interface Table {
    /** A table of nothing. */
    Table EMPTY = new Table() {
        @Override
        public List<Column> columns() {
            return List.of();
        }

        @Override
        public void rows(RowSink sink) {
            // There are none.
        }
    };

    /**
     * What the cells of a row are.
     *
     * @return an unmodifiable list
     */
    List<Column> columns();

    /**
     * Gives all rows. May be called again, and gives the same then.
     *
     * @param sink takes the cells of each row in the order of the columns, then {@link RowSink#end()}
     */
    void rows(RowSink sink);
}
