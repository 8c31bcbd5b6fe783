// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli.output;

import dev.heapwalk.heap.RowSink;
import dev.heapwalk.heap.Table;
import java.util.List;
import java.util.Optional;

/** The answer to a command, held in local memory so that the target never waits for who reads it. */
public interface Report extends Table, AutoCloseable {

    /** Gives the last row of a table, which follows the word {@code TOTAL}; its first cell is left out. */
    void total(RowSink sink);

    /** Whether a table ends in that row. */
    default boolean totalled() {
        return true;
    }

    /** The fields of columns that a narrow terminal does without, those that are missed least first. */
    default List<String> dispensable() {
        return List.of();
    }

    /** Whether a table may be cut to the width of a terminal at all. */
    default boolean fits() {
        return true;
    }

    /** Whether it is said which columns a narrow terminal does without. */
    default boolean tellsWhatIsLeftOut() {
        return true;
    }

    /** The field whose part of the whole is worth telling; none if that is empty. */
    default Optional<String> shared() {
        return Optional.empty();
    }

    /** No amount of bytes in a row is larger, as far as that is known before the rows are; else 0. */
    default long mostBytes() {
        return 0;
    }

    /** The reports that this one is made of, each with columns of its own. */
    default List<Report> answers() {
        return List.of(this);
    }

    /** Frees what the answer holds. */
    @Override
    default void close() {}
}
