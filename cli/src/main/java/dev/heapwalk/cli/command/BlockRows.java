// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli.command;

import dev.heapwalk.heap.BlockView;
import dev.heapwalk.heap.Column;
import dev.heapwalk.heap.RowSink;
import dev.heapwalk.heap.usage.Category;
import java.util.List;

/** What a {@link Listing} tells of each block. */
interface BlockRows extends AutoCloseable {
    /** Where it is, its size and state, and what it is used for. */
    BlockRows PLACES = new BlockRows() {
        @Override
        public List<Column> columns() {
            return Listing.COLUMNS;
        }

        @Override
        public List<String> dispensable() {
            return List.of("mmapped", "arena", "domain", "state", "kind");
        }

        @Override
        public void row(ListedBlock block, String state, Category use, RowSink sink) {
            sink.address(block.address);
            sink.number(block.size);
            sink.text(state);
            sink.flag(block.ownMapping);
            sink.number(block.region);
            use(use, sink);
        }

        @Override
        public void total(long bytes, String count, RowSink sink) {
            sink.number(bytes);
            sink.text(count);
        }
    };

    List<Column> columns();

    /** The fields that a narrow terminal does without, those that are missed least first. */
    List<String> dispensable();

    /** Whether rows have the end and the first bytes of blocks. */
    default boolean contents() {
        return false;
    }

    /** Adds to a row what is not known of every block; called at once, while the target can be read. */
    default void look(BlockView block, ListedBlock row) {}

    /**
     * Gives the cells of a row.
     *
     * @param block the row
     * @param state the heap's own name for the block's state
     * @param use what it is used for, {@link Category#NONE} if it is not used
     * @param sink takes the cells
     */
    void row(ListedBlock block, String state, Category use, RowSink sink);

    /** Gives the cells of the total behind the first one. */
    void total(long bytes, String count, RowSink sink);

    /** Ends all looks. */
    @Override
    default void close() {}

    /** Gives the three cells of a use. */
    static void use(Category use, RowSink sink) {
        if (use == Category.NONE) {
            sink.none();
            sink.none();
            sink.none();
        } else {
            sink.text(use.domain().label());
            sink.text(use.kind());
            sink.text(use.detail());
        }
    }
}
