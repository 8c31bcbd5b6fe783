// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.python.usage;

import static org.assertj.core.api.Assertions.assertThat;

import dev.heapwalk.heap.Heaps;
import dev.heapwalk.heap.usage.Category;
import dev.heapwalk.heap.usage.UsageCursor;
import dev.heapwalk.heap.usage.UsageLookup;
import dev.heapwalk.memory.Target;
import dev.heapwalk.python.PythonRuntime;
import dev.heapwalk.testkit.Python;
import dev.heapwalk.testkit.PythonProcess;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Predicate;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What the blocks of a Python process are used for, and what the process, NumPy and SQLite say of the same memory. */
class PythonUsageTest {
    /** What Python asks malloc for itself, and does not count. */
    private static final Set<String> UNCOUNTED = Set.of(
            "interpreter PyInterpreterState",
            "interpreter PyThreadState",
            "interpreter hash table",
            "interpreter hash table entry",
            "pymalloc table of arenas",
            "pymalloc map of arenas",
            "owned by builtins.type");

    /** Above this, blocks are malloc's. */
    private static final int LARGEST = 512;

    /** Blocks that are used, or have a category for another reason. */
    private record Sum(long count, long bytes) {
        Sum and(Sum more) {
            return new Sum(count + more.count, bytes + more.bytes);
        }
    }

    private final Map<Category, Sum> pools = new HashMap<>();
    private final Map<Category, Sum> large = new HashMap<>();
    private final Map<Category, Sum> small = new HashMap<>();
    private long arenas;

    private void look(PythonProcess process) {
        try (Target target = Target.attach(process.pid())) {
            look(target);
        }
    }

    private void look(Target target) {
        pools.clear();
        large.clear();
        small.clear();
        Heaps heaps = Heaps.of(target);
        try (UsageCursor usage = UsageCursor.over(heaps)) {
            while (usage.next()) {
                if (usage.category() != Category.NONE) {
                    Map<Category, Sum> sums =
                            usage.heap() instanceof PythonHeap ? pools : usage.usableSize() > LARGEST ? large : small;
                    sums.merge(usage.category(), new Sum(1, usage.size()), Sum::and);
                }
            }
        }
        PythonRuntime runtime = heaps.find(PythonHeap.class).orElseThrow().runtime();
        arenas = (long) runtime.arenas().size() * runtime.arenaSize();
    }

    private static Sum sum(Map<Category, Sum> sums, Predicate<Category> wanted) {
        return sums.entrySet().stream()
                .filter(entry -> wanted.test(entry.getKey()))
                .map(Map.Entry::getValue)
                .reduce(new Sum(0, 0), Sum::and);
    }

    private static boolean isPython(Category category) {
        return category.domain().equals(PythonHeap.DOMAIN);
    }

    /** Whether a block holds what Python's own allocator was asked for and counts. */
    private static boolean isCounted(Category category) {
        return isPython(category)
                && !UNCOUNTED.contains((category.kind() + " " + category.detail()).strip())
                && !category.kind().startsWith("owned by _thread.");
    }

    private static boolean isOfAllocator(Category category) {
        return category.kind().equals("pymalloc");
    }

    /** The number of blocks that Python counts is that of those in use in arenas, and of its larger ones in malloc. */
    @ParameterizedTest
    @MethodSource("dev.heapwalk.testkit.Python#withPymalloc")
    void knowsTheOwnersOfAllBlocksThatPythonCounts(Python python) throws Exception {
        try (PythonProcess process = PythonProcess.of(python).start()) {
            process.ask("kinds");
            process.ask("owners");
            process.ask("fill 1000");
            List<String> said = new ArrayList<>();
            if (python.isAtLeast(3, 4)) {
                said.addAll(process.askStopped("stats", () -> look(process)));
            } else {
                look(process);
            }
            assertThat(pools.values().stream().mapToLong(Sum::bytes).sum()).isEqualTo(arenas);
            long used = sum(pools, category -> !isOfAllocator(category)).count;
            long unknown = sum(pools, category -> !isPython(category)).count;
            // Up to 3.8 the parser has the tables of its grammar, in parts of a few bytes.
            assertThat(unknown).isLessThan(python.isAtLeast(3, 9) ? 20 : 450);
            assertThat(used).isGreaterThan(25_000);
            long unknownLarge = sum(large, category -> !isPython(category)).count;
            assertThat(unknownLarge).isLessThan(python.isAtLeast(3, 9) ? 40 : 200);
            if (said.isEmpty()) {
                return;
            }
            long counted = Long.parseLong(said.getLast().split(" ")[1]) - used;
            long known = sum(large, PythonUsageTest::isCounted).count
                    // What has shrunk in its block, and states of modules without a byte.
                    + sum(
                                    small,
                                    category -> isCounted(category)
                                            && !category.kind().equals("owned by _io.BufferedReader"))
                            .count;
            assertThat(known).isLessThanOrEqualTo(counted + 3);
            assertThat(counted).isLessThanOrEqualTo(known + (python.isAtLeast(3, 12) ? 3 : 6));
        }
    }

    @ParameterizedTest
    @MethodSource("dev.heapwalk.testkit.Python#all")
    void countsObjectsByTypeAsTheProcessDoes(Python python) throws Exception {
        for (String allocator : python.allocators()) {
            try (PythonProcess process =
                    PythonProcess.of(python).env("PYTHONMALLOC", allocator).start()) {
                process.ask("owners");
                process.ask("fill 5000");
                long plains = number(process, "sum(1 for some in gc.get_objects() if type(some) is Plain)");
                look(process);
                assertThat(objects("__main__.Plain"))
                        .as(allocator)
                        .isEqualTo(plains)
                        .isGreaterThan(5000);
                assertThat(all(category -> category.kind().equals("OrderedDict node")
                                        && category.detail().equals("collections.OrderedDict"))
                                .count)
                        .isGreaterThan(python.isAtLeast(3, 0) ? 420 : -1);
                long dicts = all(category -> category.kind().equals("instance __dict__")
                                && category.detail().equals("__main__.Plain"))
                        .count;
                if (python.isAtLeast(3, 11)) {
                    assertThat(dicts).isBetween(20L, 100L);
                } else {
                    assertThat(dicts).isEqualTo(plains);
                }
                if (allocator.startsWith("malloc")) {
                    assertThat(pools).isEmpty();
                    assertThat(large.size() + small.size()).isGreaterThan(200);
                }
            }
        }
    }

    private long objects(String type) {
        return all(category -> category.kind().equals(type) && category.detail().isEmpty()).count;
    }

    private Sum all(Predicate<Category> wanted) {
        return sum(pools, wanted).and(sum(large, wanted)).and(sum(small, wanted));
    }

    private static long number(PythonProcess process, String expression) throws Exception {
        return Long.parseLong(process.ask("evaluate " + expression).getFirst());
    }

    @ParameterizedTest
    @MethodSource("dev.heapwalk.testkit.Python#all")
    void knowsTheDataOfArrays(Python python) throws Exception {
        try (PythonProcess process = PythonProcess.of(python).start()) {
            List<String> said = process.ask("arrays");
            if (said.equals(List.of("none"))) {
                assertThat(python.toString()).doesNotStartWith("bullseye").doesNotStartWith("bookworm");
                assertThat(python.toString()).doesNotStartWith("trixie");
                return;
            }
            try (Target target = Target.attach(process.pid());
                    UsageLookup usage = UsageLookup.over(Heaps.of(target))) {
                int owned = 0;
                for (String line : said) {
                    String[] words = line.split(" ");
                    long bytes = Long.parseLong(words[1]);
                    assertThat(usage.find(Long.parseLong(words[0]))).as(line).isTrue();
                    if (bytes >= 0) {
                        owned++;
                        assertThat(usage.address()).as(line).isEqualTo(Long.parseLong(words[0]));
                        assertThat(usage.usableSize()).as(line).isGreaterThanOrEqualTo(bytes);
                        assertThat(usage.category())
                                .as(line)
                                .isEqualTo(new Category(
                                        PythonHeap.DOMAIN,
                                        "ndarray data",
                                        words[2] + " " + words[3].replace('_', ' ')));
                    } else {
                        assertThat(usage.category().detail()).as(line).isEqualTo("float64 (1000, 1000)");
                    }
                }
                assertThat(owned).isEqualTo(65);
            }
        }
    }

    @ParameterizedTest
    @MethodSource("dev.heapwalk.testkit.Python#all")
    void knowsTheMemoryOfDatabases(Python python) throws Exception {
        try (PythonProcess process = PythonProcess.of(python).start()) {
            List<String> said = process.ask("databases");
            if (said.equals(List.of("none"))) {
                assertThat(python.release().label()).isEqualTo("host");
                return;
            }
            look(process);
            String[] words = said.getFirst().split(" ");
            Sum all = all(category ->
                    category.kind().startsWith("sqlite3 ") || category.kind().startsWith("owned by sqlite3."));
            // The library has a block or two for all that use it; and words that nobody has cleared may lead to others.
            long blocks = Long.parseLong(words[1]);
            assertThat(all.count).as(python + " " + all).isBetween(blocks - 4, blocks + blocks / 10);
            long bytes = Long.parseLong(words[0]);
            assertThat(all.bytes).as(python + " " + all).isBetween(bytes - 5000, bytes + 16 * all.count + 20_000);
            Sum pages = all(category -> category.kind().equals("sqlite3 page cache"));
            assertThat(pages.bytes).isGreaterThan(2_000_000);
            assertThat(all(category -> category.kind().equals("sqlite3 connection")).count)
                    .isEqualTo(2);
            assertThat(all(category -> category.kind().equals("sqlite3 statement")).count)
                    .isGreaterThan(3);
        }
    }

    /** Has malloc give blocks in which tuples were, beside others that live on; tells the blocks. */
    private static final String REMAINS = "evaluate (lambda c, s, kept: [f(size) for f in [c.CDLL(None).malloc] "
            + "for size in [s.getsizeof(kept[0])] "
            + "if [setattr(f, 'restype', c.c_void_p), kept.__delitem__(slice(None, None, 2))] for _ in range(20)])"
            + "(__import__('ctypes'), __import__('sys'), [tuple(range(n, n + LENGTH)) for n in range(COUNT)])";

    /** What no object owns any more, but looks like one that was there before, is not what Python keeps. */
    @ParameterizedTest
    @MethodSource("dev.heapwalk.testkit.Python#withPymalloc")
    void remainsOfATupleAreNoTupleThatIsKept(Python python) throws Exception {
        if (!python.isAtLeast(3, 6)) {
            return;
        }
        // Longer than any that is kept, and more than are kept.
        for (int length : new int[] {50, 10}) {
            String count = length == 50 ? "40" : "5000";
            try (PythonProcess process =
                    PythonProcess.of(python).env("PYTHONMALLOC", "malloc").start()) {
                String said = process.ask(REMAINS.replace("LENGTH", Integer.toString(length))
                                .replace("COUNT", count))
                        .getFirst();
                long tuple = Long.parseLong(process.ask("evaluate id(tuple)").getFirst());
                try (Target target = Target.attach(process.pid());
                        UsageLookup usage = UsageLookup.over(Heaps.of(target))) {
                    int remains = 0;
                    for (String block : said.substring(1, said.length() - 1).split(", ")) {
                        long address = Long.parseLong(block);
                        for (long word = 1; word < 6; word++) {
                            if (target.memory().readLong(address + 8 * word) == tuple) {
                                remains++;
                                assertThat(usage.find(address)).isTrue();
                                assertThat(usage.category().kind()).isNotEqualTo("free list");
                            }
                        }
                    }
                    assertThat(remains)
                            .as("blocks that look like tuples of %d", length)
                            .isPositive();
                }
            }
        }
    }
}
