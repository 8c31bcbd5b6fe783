// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.python;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.management.ThreadMXBean;
import dev.heapwalk.memory.Range;
import dev.heapwalk.memory.Reader;
import dev.heapwalk.memory.Target;
import dev.heapwalk.python.layout.PymallocLayout;
import dev.heapwalk.testkit.CoreEditor;
import dev.heapwalk.testkit.Cores;
import dev.heapwalk.testkit.Python;
import dev.heapwalk.testkit.PythonProcess;
import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What {@code sys._debugmallocstats()} tells, and our totals in the very moment behind it. */
class PymallocTest {
    private static final Pattern CLASS = Pattern.compile(" *([0-9]+) +([0-9]+) +([0-9]+) +([0-9]+) +([0-9]+)");
    private static final String COUNTED = "getallocatedblocks ";

    @TempDir
    Path folder;

    /** All but 2.7, which has no such function. */
    static Stream<Python> pythons() {
        return Python.withPymalloc().stream().filter(python -> python.isAtLeast(3, 3));
    }

    private PymallocTotals seen;
    private Pymalloc allocator;

    private void look(Target target, PythonRuntime.Symbols symbols) {
        allocator = PythonRuntime.locate(target, symbols).pymallocs().getFirst();
        seen = PymallocTotals.of(allocator);
        assertThat(seen.damages()).isEmpty();
        long sum = 0;
        for (PymallocPart part : PymallocPart.values()) {
            sum += seen.bytes(part);
        }
        assertThat(sum).isEqualTo((long) allocator.arenas().size() * allocator.arenaSize());
    }

    @ParameterizedTest
    @MethodSource("pythons")
    void countsWhatItsOwnStatisticsCount(Python python) throws Exception {
        try (PythonProcess process = PythonProcess.of(python).start();
                Target target = Target.observe(process.pid())) {
            process.ask("fill 20000");
            process.ask("free");
            process.ask("interpreters");
            process.askStopped("stats", () -> {});
            List<String> said = process.askStopped("stats", () -> look(target, PythonRuntime.Symbols.USE));
            assertSays(said);
            said = process.askStopped("stats", () -> look(target, PythonRuntime.Symbols.IGNORE));
            assertSays(said);
            List<String> core = process.askStopped("stats", () -> {
                try (Target still = Target.core(Cores.gcore(process, folder), python.root())) {
                    look(still, PythonRuntime.Symbols.USE);
                }
            });
            assertSays(core);
        }
    }

    /** What is left of an array that became too small may be pointed to as well, by a variable before or behind. */
    @Test
    void followsTheArrayOfArenasWhereAnOlderOneIsLeft() throws Exception {
        Python python = Python.withPymalloc().stream()
                .filter(some -> !some.isAtLeast(3, 12))
                .reduce((_, last) -> last)
                .orElseThrow();
        try (PythonProcess process = PythonProcess.of(python).start()) {
            process.ask("fill 400000");
            process.ask("evaluate len([str(i) for i in range(10 ** 4, 10 ** 6)])");
            Path core = Cores.gcore(process, folder);
            List<Arena> sound;
            long room = 0;
            long array = 0;
            List<Long> empty = new ArrayList<>();
            try (Target target = Target.core(core, python.root());
                    Reader memory = target.memory().reader(1 << 20)) {
                PythonRuntime runtime = PythonRuntime.locate(target, PythonRuntime.Symbols.IGNORE);
                sound = runtime.arenas();
                assertThat(sound).hasSizeGreaterThan(32);
                for (PymallocCursor part = runtime.parts(); room == 0 && part.next(); ) {
                    // An arena whose only pool has something else in it would look like none.
                    Arena arena = sound.get(part.arena());
                    boolean only = arena.carved() - arena.firstPool() == part.size();
                    room = part.part() == PymallocPart.FREE_POOL && !only ? part.address() : 0;
                }
                for (Range range : target.modules().getFirst().writableSegments()) {
                    for (long at = range.start(); at < range.end(); at += Long.BYTES) {
                        long word = memory.readLong(at, -1);
                        if (word == 0) {
                            empty.add(at);
                        } else if (isArray(memory, word, sound)) {
                            array = word;
                        }
                    }
                }
            }
            assertThat(List.of(room, array)).doesNotContain(0L);
            for (long variable : List.of(empty.getFirst(), empty.getLast())) {
                try (CoreEditor editor = new CoreEditor(core)) {
                    for (int i = 0; i < 15 * PymallocLayout.ARENA_BYTES; i += Long.BYTES) {
                        editor.set(room + i, editor.word(array + i));
                    }
                    editor.set(variable, room);
                }
                try (Target target = Target.core(core, python.root())) {
                    assertThat(PythonRuntime.locate(target, PythonRuntime.Symbols.IGNORE)
                                    .arenas())
                            .isEqualTo(sound);
                }
            }
        }
    }

    private static boolean isArray(Reader memory, long word, List<Arena> arenas) {
        return arenas.stream()
                .allMatch(arena -> memory.readLong(word + (long) arena.index() * PymallocLayout.ARENA_BYTES, 0)
                        == arena.address());
    }

    /** Above 512 bytes the C library has the blocks, which the process counts too. */
    @ParameterizedTest
    @MethodSource("pythons")
    void differsFromAllBlocksByTheLargeOnes(Python python) throws Exception {
        try (PythonProcess process = PythonProcess.of(python).start();
                Target target = Target.observe(process.pid())) {
            process.askStopped("stats", () -> {});
            long before = largeBlocks(process, target);
            process.ask("large 300");
            assertThat(largeBlocks(process, target) - before).isBetween(300L, 302L);
        }
    }

    private long largeBlocks(PythonProcess process, Target target) throws Exception {
        List<String> said = process.askStopped("stats", () -> look(target, PythonRuntime.Symbols.USE));
        return number(said, COUNTED) - seen.used();
    }

    private void assertSays(List<String> said) {
        int classes = 0;
        for (String line : said) {
            Matcher row = CLASS.matcher(line);
            if (row.matches()) {
                int szidx = Integer.parseInt(row.group(1));
                assertThat(allocator.blockSize(szidx)).isEqualTo(Integer.parseInt(row.group(2)));
                assertThat(List.of(seen.pools(szidx), seen.used(szidx), seen.available(szidx)))
                        .as("pools, blocks in use and available blocks of size class %d", szidx)
                        .containsExactly(
                                Long.valueOf(row.group(3)), Long.valueOf(row.group(4)), Long.valueOf(row.group(5)));
                classes++;
            }
        }
        assertThat(classes).isGreaterThan(10);
        assertThat((long) allocator.arenas().size()).isEqualTo(number(said, "# arenas allocated current "));
        assertThat(seen.bytes(PymallocPart.USED_BLOCK)).isEqualTo(number(said, "# bytes in allocated blocks "));
        assertThat(seen.bytes(PymallocPart.FREE_BLOCK) + seen.bytes(PymallocPart.UNTOUCHED_BLOCK))
                .isEqualTo(number(said, "# bytes in available blocks "));
        assertThat(seen.bytes(PymallocPart.FREE_POOL) + seen.bytes(PymallocPart.UNCARVED))
                .isEqualTo(number(said, seen.freePools() + " unused pools * " + allocator.poolSize() + " bytes "));
        assertThat(seen.bytes(PymallocPart.POOL_HEADER)).isEqualTo(number(said, "# bytes lost to pool headers "));
        assertThat(seen.bytes(PymallocPart.POOL_REST)).isEqualTo(number(said, "# bytes lost to quantization "));
        assertThat(seen.bytes(PymallocPart.ARENA_MARGIN)).isEqualTo(number(said, "# bytes lost to arena alignment "));
    }

    private static long number(List<String> said, String name) {
        List<String> lines = said.stream().filter(line -> line.startsWith(name)).toList();
        assertThat(lines).as(name).hasSize(1);
        return Long.parseLong(lines.getFirst().replaceAll(".*[= ]", "").replace(",", ""));
    }

    @ParameterizedTest
    @MethodSource("dev.heapwalk.testkit.Python#withPymalloc")
    void toldPartsFollowEachOther(Python python) throws Exception {
        try (PythonProcess process = PythonProcess.of(python).start();
                Target target = Target.attach(process.pid())) {
            PythonRuntime runtime = PythonRuntime.locate(target);
            Pymalloc first = runtime.pymallocs().getFirst();
            List<Arena> arenas = first.arenas();
            try (PymallocCursor part = first.parts()) {
                int arena = -1;
                long end = 0;
                long blocks = 0;
                while (part.next()) {
                    if (part.arena() != arena) {
                        assertThat(part.arena()).isEqualTo(++arena);
                        assertThat(end)
                                .isEqualTo(
                                        arena == 0 ? 0 : arenas.get(arena - 1).address() + first.arenaSize());
                        end = arenas.get(arena).address();
                    }
                    assertThat(part.address()).isEqualTo(end);
                    assertThat(part.size()).isPositive();
                    end += part.size();
                    blocks += part.part() == PymallocPart.USED_BLOCK ? 1 : 0;
                }
                assertThat(arena).isEqualTo(arenas.size() - 1);
                assertThat(part.next()).isFalse();
                part.rewind();
                long again = 0;
                while (part.next()) {
                    again += part.part() == PymallocPart.USED_BLOCK ? 1 : 0;
                }
                assertThat(again).isEqualTo(blocks).isGreaterThan(10_000);
            }
        }
    }

    /** Each of the target's own objects lies in a block that is used, at most one head before it. */
    @ParameterizedTest
    @MethodSource("dev.heapwalk.testkit.Python#withPymalloc")
    void objectsLieInUsedBlocks(Python python) throws Exception {
        try (PythonProcess process = PythonProcess.of(python).start()) {
            process.ask("fill 2000");
            List<Long> addresses = process.ask("evaluate ' '.join(str(id(one)) for one in KEPT)").stream()
                    .flatMap(line -> Stream.of(line.split(" ")))
                    .map(Long::valueOf)
                    .sorted()
                    .toList();
            assertThat(addresses).hasSize(2000);
            List<Long> found = new ArrayList<>();
            try (Target target = Target.attach(process.pid());
                    PymallocCursor part =
                            PythonRuntime.locate(target).pymallocs().getFirst().parts()) {
                int at = 0;
                while (part.next() && at < addresses.size()) {
                    while (at < addresses.size() && addresses.get(at) < part.address()) {
                        at++;
                    }
                    if (at < addresses.size()
                            && part.part() == PymallocPart.USED_BLOCK
                            && addresses.get(at) < part.address() + part.size()) {
                        assertThat(addresses.get(at) - part.address()).isBetween(16L, 32L);
                        found.add(addresses.get(at));
                    }
                }
            }
            assertThat(found).isEqualTo(addresses);
        }
    }

    @Test
    void hasNoArenasWhereObjectsAreInBlocksOfMalloc() throws Exception {
        try (PythonProcess process = PythonProcess.of(Python.trixie())
                        .env("PYTHONMALLOC", "malloc")
                        .start();
                Target target = Target.attach(process.pid())) {
            for (PythonRuntime.Symbols symbols : PythonRuntime.Symbols.values()) {
                PythonRuntime runtime = PythonRuntime.locate(target, symbols);
                assertThat(runtime.pymallocs()).isEmpty();
                assertThat(runtime.evidence())
                        .anyMatch(said -> said.subject().equals("pymalloc")
                                && said.conclusion().equals("not found")
                                && said.sources().isEmpty());
            }
        }
    }

    /** Blocks are larger there, since each has a head and a tail of its own. */
    @Test
    void countsBlocksWithDebugHeadsToo() throws Exception {
        try (PythonProcess process = PythonProcess.of(Python.trixie())
                        .env("PYTHONMALLOC", "debug")
                        .start();
                Target target = Target.observe(process.pid())) {
            process.askStopped("stats", () -> {});
            assertSays(process.askStopped("stats", () -> look(target, PythonRuntime.Symbols.USE)));
        }
    }

    @Test
    void allocatesNothingForAPart() throws Exception {
        ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        try (PythonProcess process = PythonProcess.of(Python.trixie()).start()) {
            process.ask("fill 200000");
            try (Target target = Target.attach(process.pid());
                    PymallocCursor part =
                            PythonRuntime.locate(target).pymallocs().getFirst().parts()) {
                long parts = walk(part);
                part.rewind();
                long before = threads.getCurrentThreadAllocatedBytes();
                assertThat(walk(part)).isEqualTo(parts).isGreaterThan(400_000);
                assertThat(threads.getCurrentThreadAllocatedBytes() - before).isLessThan(100_000);
            }
        }
    }

    private static long walk(PymallocCursor part) {
        long count = 0;
        while (part.next()) {
            count++;
        }
        return count;
    }
}
