// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli.command;

import dev.heapwalk.cli.output.Problems;
import dev.heapwalk.cli.output.Progress;
import dev.heapwalk.cli.output.Report;
import dev.heapwalk.cli.query.Attribute;
import dev.heapwalk.cli.query.Condition;
import dev.heapwalk.cli.query.Facts;
import dev.heapwalk.cli.query.Query;
import dev.heapwalk.cli.query.QueryException;
import dev.heapwalk.heap.BlockState;
import dev.heapwalk.heap.BlockView;
import dev.heapwalk.heap.Column;
import dev.heapwalk.heap.Heaps;
import dev.heapwalk.heap.RowSink;
import dev.heapwalk.heap.usage.Category;
import dev.heapwalk.heap.usage.UsageCursor;
import dev.heapwalk.memory.Residency;
import dev.heapwalk.memory.Target;
import dev.heapwalk.memory.UnsupportedTargetException;
import dev.heapwalk.memory.Window;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.Optional;
import java.util.function.Predicate;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

/** {@code heapwalk select}: the blocks of which an expression is true. */
@Command(
        name = "select",
        description =
                "List the chunks that an expression is true of, with what they are used for and their first bytes.")
final class Select extends HeapCommand {
    private static final List<Column> COLUMNS = List.of(
            Column.address("Start", "start"),
            Column.address("End", "end"),
            Column.text("Domain", "domain"),
            Column.text("Kind", "kind"),
            Column.text("Detail", "detail"),
            Column.text("Hexdump", "hexdump"));

    private static final List<Column> SORTABLE = List.of(
            COLUMNS.get(0),
            COLUMNS.get(1),
            Column.size("Size", "size"),
            COLUMNS.get(2),
            COLUMNS.get(3),
            COLUMNS.get(4));

    @Parameters(
            index = "1..*",
            arity = "0..*",
            paramLabel = "EXPRESSION",
            description = {
                "Which chunks, such as 'size > 1K and kind = \"string data\"'; all used ones if there is none. "
                        + "Several words are one expression."
            })
    private List<String> words = List.of();

    private Query query;

    @Override
    List<Column> sortable() {
        return SORTABLE;
    }

    @Override
    Optional<String> largest() {
        return Optional.of("size");
    }

    @Override
    Scope scope() {
        return Scope.ALL;
    }

    @Override
    boolean readsCopies() {
        return !query.asks().contains(Attribute.RESIDENT);
    }

    @Override
    void check() {
        super.check();
        try {
            query = Query.of(String.join(" ", words));
        } catch (QueryException e) {
            throw new WrongQueryException(spec().commandLine(), e);
        }
    }

    @Override
    boolean printsMeanwhile() {
        return order(SORTABLE).isEmpty();
    }

    @Override
    Report read(Heaps heaps, Problems problems, Progress progress) {
        Target target = heaps.target();
        Residency residency = query.asks().contains(Attribute.RESIDENT)
                ? target.memory()
                        .residency()
                        .orElseThrow(() -> new UnsupportedTargetException(
                                "what is in memory is not known of %s, so 'resident' can't be asked for"
                                        .formatted(target.description())))
                : Residency.NONE;
        UsageCursor usage = categorizers.over(heaps);
        Window contents = target.memory().residentWindow();
        Listing listing = listing(wanted(usage, residency), new Rows(contents), target);
        return listing.add(usage, problems, progress);
    }

    /** Tells which blocks of a walk are selected: of all states only where the state is asked for. */
    private Predicate<BlockView> wanted(UsageCursor usage, Residency residency) {
        Facts facts = new Facts(usage, residency);
        Condition condition = query.condition();
        return query.asks().contains(Attribute.STATE)
                ? _ -> condition.holds(facts)
                : block -> block.state() == BlockState.USED && condition.holds(facts);
    }

    /** Tells the place of a block, what it is used for, and its first bytes. */
    private static final class Rows implements BlockRows {
        private static final int MOST_BYTES = 16;

        private final Window contents;
        private final HexLine line = new HexLine();

        Rows(Window contents) {
            this.contents = contents;
        }

        @Override
        public List<Column> columns() {
            return COLUMNS;
        }

        @Override
        public List<String> dispensable() {
            return List.of("end", "domain", "hexdump", "kind");
        }

        @Override
        public boolean contents() {
            return true;
        }

        @Override
        public void look(BlockView block, ListedBlock row) {
            row.usable = block.usableSize();
            int length = Math.clamp(row.usable, 0, MOST_BYTES);
            long at = contents.find(block.address(), length);
            if (at < 0) {
                length = 0;
            }
            if (row.content.length != length) {
                row.content = new byte[length];
            }
            MemorySegment.copy(contents.segment(), ValueLayout.JAVA_BYTE, Math.max(0, at), row.content, 0, length);
        }

        @Override
        public void row(ListedBlock block, String state, Category use, RowSink sink) {
            sink.address(block.address);
            sink.address(block.address + Math.max(1, block.usable) - 1);
            BlockRows.use(use, sink);
            if (block.content.length == 0) {
                sink.none();
                return;
            }
            line.clear();
            for (byte one : block.content) {
                line.add(one & 0xff);
            }
            sink.text(line.hex() + "  " + line.characters());
        }

        @Override
        public void total(long bytes, String count, RowSink sink) {
            sink.text("");
            sink.text("");
            sink.text("");
            sink.text("");
            sink.text(count + ", %,d bytes".formatted(bytes));
        }

        @Override
        public void close() {
            contents.close();
        }
    }
}
