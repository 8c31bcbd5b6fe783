// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli;

import dev.heapwalk.malloc.Arena;
import dev.heapwalk.malloc.ChunkCursor;
import dev.heapwalk.malloc.ChunkState;
import dev.heapwalk.malloc.Evidence;
import dev.heapwalk.malloc.MallocHeap;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code heapwalk arenas}: what malloc's arenas hold. */
@Command(name = "arenas", description = "List the arenas and what their chunks come to.")
final class Arenas extends HeapCommand {
    /** In the order in which the columns come. */
    private static final List<ChunkState> STATES =
            List.of(ChunkState.USED, ChunkState.FREE, ChunkState.FASTBIN, ChunkState.TCACHE, ChunkState.TOP);

    @Option(
            names = "--explain",
            description = "Tell first what each conclusion about the heap rests on: before the table, "
                    + "or on the error stream for the other formats.")
    private boolean explain;

    private final List<String> explanation = new ArrayList<>();

    @Override
    Report read(MallocHeap heap, Problems problems, Progress progress) {
        List<Arena> arenas = heap.arenas();
        long[][] counts = new long[arenas.size()][ChunkState.values().length];
        long[][] bytes = new long[arenas.size()][ChunkState.values().length];
        ChunkCursor chunk = heap.chunks();
        int walked = 0;
        while (chunk.next()) {
            int arena = chunk.arena();
            if (arena >= 0) {
                int state = chunk.state().ordinal();
                counts[arena][state]++;
                bytes[arena][state] += chunk.size();
            }
            if ((++walked & 0xffff) == 0) {
                progress.at(chunk.walkedBytes(), chunk.totalBytes());
            }
        }
        problems.add(chunk.corruptions());
        if (explain) {
            explain(heap);
            problems.notices(unconfirmed(heap.mmapped()).stream().toList());
        }
        return new Answer(arenas, counts, bytes);
    }

    private void explain(MallocHeap heap) {
        for (Evidence evidence : heap.evidence()) {
            explanation.add(evidence.subject() + ": " + evidence.conclusion() + " (" + evidence.basis() + ")");
        }
    }

    @Override
    void preface(Format chosen, Output out) {
        for (String line : explanation) {
            if (chosen == Format.TABLE) {
                out.utf8(SafeText.of(line));
                out.put('\n');
            } else {
                Failure.say(line);
            }
        }
        if (chosen == Format.TABLE && !explanation.isEmpty()) {
            out.put('\n');
        }
    }

    private record Answer(List<Arena> arenas, long[][] counts, long[][] bytes) implements Report {

        @Override
        public List<Column> columns() {
            List<Column> columns = new ArrayList<>(List.of(
                    Column.id("Arena", "index"),
                    Column.address("Address", "address"),
                    Column.text("Kind", "kind"),
                    Column.amount("Heaps", "heaps"),
                    Column.amount("System", "system_bytes"),
                    Column.amount("Max system", "max_system_bytes")));
            for (ChunkState state : STATES) {
                String name = state.name().toLowerCase(Locale.ROOT);
                String title = state.name().charAt(0) + name.substring(1);
                columns.add(Column.amount(title + " chunks", name + "_chunks"));
                columns.add(Column.amount(title + " bytes", name + "_bytes"));
            }
            columns.add(Column.ids("Threads", "threads"));
            return columns;
        }

        @Override
        public void rows(RowSink sink) {
            for (Arena arena : arenas) {
                sink.number(arena.index());
                sink.address(arena.address());
                sink.text(arena.kind().name().toLowerCase(Locale.ROOT));
                sink.number(arena.regions().size());
                sink.number(arena.systemBytes());
                sink.number(arena.maxSystemBytes());
                for (ChunkState state : STATES) {
                    sink.number(counts[arena.index()][state.ordinal()]);
                    sink.number(bytes[arena.index()][state.ordinal()]);
                }
                sink.numbers(arena.threadIds());
                sink.end();
            }
        }

        @Override
        public void total(RowSink sink) {
            sink.text("");
            sink.text("");
            sink.number(
                    arenas.stream().mapToLong(arena -> arena.regions().size()).sum());
            sink.number(arenas.stream().mapToLong(Arena::systemBytes).sum());
            sink.number(arenas.stream().mapToLong(Arena::maxSystemBytes).sum());
            for (ChunkState state : STATES) {
                sink.number(sum(counts, state));
                sink.number(sum(bytes, state));
            }
            sink.text("");
        }

        private static long sum(long[][] figures, ChunkState state) {
            long sum = 0;
            for (long[] ofArena : figures) {
                sum += ofArena[state.ordinal()];
            }
            return sum;
        }
    }
}
