// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli;

import java.util.List;

/** Takes rows, cell by cell in the order of the columns. */
interface RowSink {
    void text(String value);

    void number(long value);

    void address(long value);

    void flag(boolean value);

    void numbers(List<Long> values);

    /** A cell without a value. */
    void none();

    /** Ends the row. */
    void end();
}
