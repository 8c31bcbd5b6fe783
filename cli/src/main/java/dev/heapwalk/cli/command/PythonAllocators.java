// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli.command;

import dev.heapwalk.cli.output.Problems;
import dev.heapwalk.cli.output.Progress;
import dev.heapwalk.cli.output.Report;
import dev.heapwalk.cli.output.Reports;
import dev.heapwalk.heap.Column;
import dev.heapwalk.heap.RowSink;
import dev.heapwalk.memory.Target;
import dev.heapwalk.python.Arena;
import dev.heapwalk.python.Pymalloc;
import dev.heapwalk.python.PymallocTotals;
import dev.heapwalk.python.PythonRuntime;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

/** {@code heapwalk python allocators}: how full the arenas of Python's allocator are. */
@Command(
        name = "allocators",
        description = {
            "Show how full Python's allocator for small blocks is: its arenas, the pools of each size of blocks, and "
                    + "how many arenas it could give back if the blocks in use lay together.",
            "An arena can be given back only when all of its pools are free."
        })
final class PythonAllocators extends RowsCommand {
    @Parameters(paramLabel = "TARGET", description = TargetCommand.TARGET)
    private String target;

    private final PythonLooks looks =
            new PythonLooks(this, PythonLooks.Need.NOTHING, runtime -> read(runtime, new Problems()));

    @Override
    String target() {
        return target;
    }

    /** Each table has its own. */
    @Override
    List<Column> sortable() {
        return List.of();
    }

    @Override
    Optional<String> largest() {
        return Optional.of("used_bytes");
    }

    @Override
    Optional<LookAhead> lookAhead() {
        return Optional.of(looks);
    }

    @Override
    Report read(Target opened, Problems problems, Progress progress) {
        return looks.at(opened, problems, this::read);
    }

    private Report read(PythonRuntime runtime, Problems problems) {
        if (runtime.pymallocs().isEmpty()) {
            problems.notices(List.of("%s has no arenas of its own: its objects are in blocks of %s"
                    .formatted(runtime, runtime.freeThreaded() ? "its copy of mimalloc" : "malloc")));
        }
        List<Of> all = new ArrayList<>();
        for (Pymalloc allocator : runtime.pymallocs()) {
            PymallocTotals totals = PymallocTotals.of(allocator);
            totals.damages().forEach(damage -> problems.missing(damage.reason()));
            all.add(new Of(all.size(), allocator, totals));
        }
        return new Reports(List.of(new ArenaRows(all), new SizeRows(all), new ArenaSums(all)));
    }

    /** An allocator by its number. */
    private record Of(int number, Pymalloc allocator, PymallocTotals totals) {}

    private record ArenaRows(List<Of> allocators) implements Report {
        private static final List<Column> COLUMNS = List.of(
                Column.id("Allocator", "allocator"),
                Column.id("Arena", "arena"),
                Column.address("Address", "address"),
                Column.bytes("Size", "size"),
                Column.sum("Free pools", "free_pools"),
                Column.sum("Total pools", "total_pools"),
                Column.bytes("Used size", "used_bytes"));

        @Override
        public List<Column> columns() {
            return COLUMNS;
        }

        @Override
        public List<String> dispensable() {
            return List.of("allocator", "size");
        }

        @Override
        public void rows(RowSink sink) {
            for (Of each : allocators) {
                List<Arena> arenas = each.allocator.arenas();
                for (int i = 0; i < arenas.size(); i++) {
                    Arena arena = arenas.get(i);
                    sink.number(each.number);
                    sink.number(arena.index());
                    sink.address(arena.address());
                    sink.number(each.allocator.arenaSize());
                    sink.number(arena.freePools());
                    sink.number(arena.totalPools());
                    sink.number(each.totals.usedBytes(i));
                    sink.end();
                }
            }
        }

        @Override
        public void total(RowSink sink) {
            long size = 0;
            long free = 0;
            long pools = 0;
            long used = 0;
            for (Of each : allocators) {
                List<Arena> arenas = each.allocator.arenas();
                size += (long) arenas.size() * each.allocator.arenaSize();
                for (int i = 0; i < arenas.size(); i++) {
                    free += arenas.get(i).freePools();
                    pools += arenas.get(i).totalPools();
                    used += each.totals.usedBytes(i);
                }
            }
            sink.text("");
            sink.text("");
            sink.number(size);
            sink.number(free);
            sink.number(pools);
            sink.number(used);
        }
    }

    private record SizeRows(List<Of> allocators) implements Report {
        private static final List<Column> COLUMNS = List.of(
                Column.id("Allocator", "allocator"),
                Column.size("Block size", "block_size"),
                Column.sum("Pools", "pools"),
                Column.sum("Used blocks", "used"),
                Column.sum("Free blocks", "free"),
                Column.bytes("Used size", "used_bytes"),
                Column.share("Full", "full"));

        @Override
        public List<Column> columns() {
            return COLUMNS;
        }

        @Override
        public List<String> dispensable() {
            return List.of("allocator", "used_bytes");
        }

        @Override
        public void rows(RowSink sink) {
            for (Of each : allocators) {
                for (int i = 0; i < each.allocator.sizeClasses(); i++) {
                    if (each.totals.pools(i) > 0) {
                        sink.number(each.number);
                        sink.number(each.allocator.blockSize(i));
                        row(
                                sink,
                                each.totals.pools(i),
                                each.totals.used(i),
                                each.totals.available(i),
                                each.totals.used(i) * each.allocator.blockSize(i));
                        sink.end();
                    }
                }
            }
        }

        @Override
        public void total(RowSink sink) {
            long pools = 0;
            long used = 0;
            long free = 0;
            long bytes = 0;
            for (Of each : allocators) {
                for (int i = 0; i < each.allocator.sizeClasses(); i++) {
                    pools += each.totals.pools(i);
                    used += each.totals.used(i);
                    free += each.totals.available(i);
                    bytes += each.totals.used(i) * each.allocator.blockSize(i);
                }
            }
            sink.text("");
            row(sink, pools, used, free, bytes);
        }

        private static void row(RowSink sink, long pools, long used, long free, long bytes) {
            sink.number(pools);
            sink.number(used);
            sink.number(free);
            sink.number(bytes);
            sink.number(used + free == 0 ? 0 : Math.round(1000.0 * used / (used + free)));
        }
    }

    private record ArenaSums(List<Of> allocators) implements Report {
        private static final List<Column> COLUMNS = List.of(
                Column.id("Allocator", "allocator"),
                Column.address("Interpreter", "interpreter"),
                Column.sum("Arenas", "arenas"),
                Column.sum("Needed pools", "needed_pools"),
                Column.sum("Needed arenas", "needed_arenas"),
                Column.sum("Could be given back", "returnable_arenas"),
                Column.bytes("Size of these", "returnable_bytes"));

        @Override
        public List<Column> columns() {
            return COLUMNS;
        }

        @Override
        public List<String> dispensable() {
            return List.of("interpreter", "needed_pools");
        }

        @Override
        public void rows(RowSink sink) {
            for (Of each : allocators) {
                sink.number(each.number);
                sink.address(each.allocator.interpreter());
                row(
                        sink,
                        each.allocator.arenas().size(),
                        each.totals.neededPools(),
                        each.totals.neededArenas(),
                        each.allocator.arenaSize());
                sink.end();
            }
        }

        @Override
        public boolean totalled() {
            return allocators.size() > 1;
        }

        @Override
        public void total(RowSink sink) {
            long arenas = 0;
            long pools = 0;
            long needed = 0;
            int size = 0;
            for (Of each : allocators) {
                arenas += each.allocator.arenas().size();
                pools += each.totals.neededPools();
                needed += each.totals.neededArenas();
                size = each.allocator.arenaSize();
            }
            sink.text("");
            row(sink, arenas, pools, needed, size);
        }

        private static void row(RowSink sink, long arenas, long pools, long needed, int size) {
            sink.number(arenas);
            sink.number(pools);
            sink.number(needed);
            sink.number(arenas - needed);
            sink.number((arenas - needed) * size);
        }
    }
}
