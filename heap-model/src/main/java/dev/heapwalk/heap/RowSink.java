// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.heap;

import java.util.List;

/** Takes rows, cell by cell in the order of the columns. */
public interface RowSink {
    /**
     * Takes a cell of text.
     *
     * @param value the text, possibly from the target and not made harmless yet
     */
    void text(String value);

    /**
     * Takes a cell with a number.
     *
     * @param value an amount, an id or thousandths; a negative id is none
     */
    void number(long value);

    /**
     * Takes a cell with an address.
     *
     * @param value a target address
     */
    void address(long value);

    /**
     * Takes a cell with yes or no.
     *
     * @param value which
     */
    void flag(boolean value);

    /**
     * Takes a cell with a list.
     *
     * @param values ids
     */
    void numbers(List<Long> values);

    /** Takes a cell without a value. */
    void none();

    /** Ends the row. */
    void end();
}
