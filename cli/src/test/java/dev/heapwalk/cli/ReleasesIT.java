// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.heapwalk.testkit.Cores;
import dev.heapwalk.testkit.Ledger;
import dev.heapwalk.testkit.LedgerProcess;
import dev.heapwalk.testkit.Release;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** The command on a program with threads in every release, with and without debug symbols, live and dead. */
final class ReleasesIT {
    private static final List<String> STATES = List.of("used", "free", "fastbin", "tcache", "top");

    @TempDir
    private Path folder;

    static Stream<Arguments> releases() {
        return Release.debian().stream()
                .flatMap(release -> Stream.of(Arguments.of(release, false), Arguments.of(release, true)));
    }

    private static List<JsonNode> rows(String command, String target, String... options) {
        List<String> line = new ArrayList<>(List.of(command, "--format=jsonl", target));
        line.addAll(List.of(options));
        Run run = Run.heapwalk(line.toArray(String[]::new)).exited(0);
        assertThat(run.err()).as("what %s said", line).isEmpty();
        return run.rows();
    }

    private static long sum(List<JsonNode> rows, String field) {
        return rows.stream().mapToLong(row -> row.get(field).longValue()).sum();
    }

    private static List<JsonNode> in(List<JsonNode> rows, Predicate<String> state) {
        return rows.stream()
                .filter(row -> state.test(row.get("state").textValue()))
                .toList();
    }

    @ParameterizedTest
    @MethodSource("releases")
    void everyCommandAgreesWithTheLedger(Release release, boolean debugSymbols) throws IOException {
        try (LedgerProcess process =
                LedgerProcess.of(release, "threads").debugSymbols(debugSymbols).start()) {
            String pid = Long.toString(process.pid());
            Ledger ledger = process.ledger();

            List<JsonNode> all = rows("all", pid);
            List<JsonNode> tcache = rows("tcache", pid);
            List<JsonNode> used = rows("used", pid, "--mode", "stop");
            isTheLedger(used, ledger, tcache);
            assertThat(used).isEqualTo(in(all, "USED"::equals));
            Map<Long, String> addresses = sizes(used);
            assertThat(sizes(rows("used", pid, "--mode", "observe"))).isEqualTo(addresses);

            sizesAddUp(rows("sizes", pid), used);
            List<JsonNode> arenas = rows("arenas", pid);
            arenasAddUp(arenas, all, ledger);
            totalsAgree(arenas, used, rows("sizes", pid), rows("summary", pid), pid, ledger);
            List<JsonNode> cached = in(all, "TCACHE"::equals);
            assertThat(sum(tcache, "chunks")).isEqualTo(cached.size()).isPositive();
            List<JsonNode> bins = rows("bins", pid);
            List<JsonNode> binned = in(all, state -> state.equals("FREE") || state.equals("FASTBIN"));
            assertThat(sum(bins, "chunks")).isEqualTo(binned.size()).isPositive();
            assertThat(sum(bins, "bytes")).isEqualTo(sum(binned, "size"));
            assertThat(process.check()).isPositive();

            String root = release.root(debugSymbols).orElseThrow().toString();
            Path core = Cores.gcore(process, folder);
            assertThat(rows("used", core.toString(), "--sysroot", root)).isEqualTo(used);
            // The files of this machine are others: they are not taken for those of the dead process.
            assertThat(sizes(rows("used", core.toString()))).isEqualTo(addresses);
            Files.delete(core);
            core = Cores.abort(process, folder);
            assertThat(rows("used", core.toString(), "--sysroot", root)).isEqualTo(used);
            Files.delete(core);
        }
    }

    private static Map<Long, String> sizes(List<JsonNode> rows) {
        return rows.stream()
                .collect(Collectors.toMap(
                        row -> Long.decode(row.get("address").textValue()),
                        row -> row.get("size") + " " + row.get("mmapped") + " " + row.get("arena"),
                        (a, b) -> {
                            throw new AssertionError("listed twice: " + a);
                        },
                        TreeMap::new));
    }

    /**
     * Each block of the ledger is used; besides, only thread caches and the vectors that threads keep their storage by.
     */
    private static void isTheLedger(List<JsonNode> used, Ledger ledger, List<JsonNode> tcache) {
        Map<Long, JsonNode> rest = new TreeMap<>();
        for (JsonNode row : used) {
            assertThat(rest.put(Long.decode(row.get("address").textValue()), row))
                    .as("listed once: %s", row)
                    .isNull();
        }
        for (Ledger.Block block : ledger.live()) {
            JsonNode row = rest.remove(block.address());
            assertThat(row).as("used has %s", block).isNotNull();
            long header = row.get("size").longValue() - block.usable();
            // A mapping of one block has no next chunk whose first word the block could use; 2.43 takes that off the
            // size.
            boolean wide = row.get("mmapped").booleanValue() && ledger.glibc().compareTo("2.43") < 0;
            assertThat(header).as("%s of %s", row, block).isEqualTo(wide ? 16 : 8);
            assertThat(row.get("domain").textValue()).isNotEqualTo("libc");
        }
        ledger.threads().forEach(thread -> rest.remove(thread.dtv() - 16));
        TreeSet<Long> caches = tcache.stream()
                .map(row -> Long.decode(row.get("address").textValue()))
                .collect(Collectors.toCollection(TreeSet::new));
        assertThat(rest.keySet()).as("used and not the program's: %s", rest).isEqualTo(caches);
        assertThat(rest.values()).allSatisfy(row -> {
            assertThat(row.get("domain").textValue()).isEqualTo("libc");
            assertThat(row.get("kind").textValue()).isEqualTo("tcache");
        });
        // Every thread that lives has allocated or freed.
        TreeSet<Integer> alive = ledger.threads().stream()
                .filter(Ledger.LedgerThread::lives)
                .map(Ledger.LedgerThread::tid)
                .collect(Collectors.toCollection(TreeSet::new));
        TreeSet<Integer> owners =
                tcache.stream().map(row -> row.get("tid").asInt()).collect(Collectors.toCollection(TreeSet::new));
        assertThat(owners).isEqualTo(alive);
        assertThat(caches).hasSize(alive.size());
    }

    private static void sizesAddUp(List<JsonNode> sizes, List<JsonNode> used) {
        Map<Long, Long> counted = used.stream()
                .collect(Collectors.groupingBy(row -> row.get("size").longValue(), Collectors.counting()));
        Map<Long, Long> said = sizes.stream()
                .collect(Collectors.toMap(
                        row -> row.get("size").longValue(),
                        row -> row.get("count").longValue()));
        assertThat(said).isEqualTo(counted);
        assertThat(sum(sizes, "bytes")).isEqualTo(sum(used, "size"));
    }

    /** The last row of {@code arenas} makes its totals those of the other commands, and of malloc itself. */
    private static void totalsAgree(
            List<JsonNode> arenas,
            List<JsonNode> blocks,
            List<JsonNode> sizes,
            List<JsonNode> summary,
            String pid,
            Ledger ledger) {
        JsonNode mmapped = arenas.getLast();
        assertThat(mmapped.get("kind").textValue()).isEqualTo("mmapped");
        assertThat(mmapped.get("used_chunks").longValue())
                .isEqualTo(ledger.mallinfo().get("hblks"));
        // Malloc counts whole mappings. What lies before an aligned block, up to a page, is no chunk.
        long before = blocks.stream()
                .filter(row -> row.get("mmapped").booleanValue())
                .mapToLong(row -> Long.decode(row.get("address").textValue()) - 16 & 4095)
                .sum();
        // 2.43 counts 16 bytes too many at each mremap of such a chunk.
        assertThat(ledger.mallinfo().get("hblkhd") - mmapped.get("used_bytes").longValue() - before)
                .as("hblkhd")
                .isBetween(0L, ledger.glibc().equals("2.43") ? 1L << 20 : 0L);
        long used = sum(arenas, "used_bytes");
        assertThat(sum(sizes, "bytes")).isEqualTo(used);
        assertThat(sum(summary, "bytes")).isEqualTo(used);
        assertThat(sum(sizes, "count")).isEqualTo(sum(summary, "count")).isEqualTo(sum(arenas, "used_chunks"));
        // The last line of a table says the same.
        for (String command : List.of("arenas", "sizes", "summary")) {
            assertThat(Run.heapwalk(command, pid).exited(0).lines().getLast())
                    .as(command)
                    .startsWith("TOTAL")
                    .containsPattern(" %,d( |$)".formatted(used));
        }
    }

    private static void arenasAddUp(List<JsonNode> withMmapped, List<JsonNode> all, Ledger ledger) {
        List<JsonNode> arenas = withMmapped.subList(0, withMmapped.size() - 1);
        assertThat(arenas).hasSizeGreaterThan(1);
        for (JsonNode arena : arenas) {
            long chunks = 0;
            for (String state : STATES) {
                List<JsonNode> own = in(all, state::equalsIgnoreCase).stream()
                        .filter(row -> row.get("arena").equals(arena.get("index")))
                        .toList();
                assertThat(arena.get(state + "_chunks").longValue())
                        .as("%s of %s", state, arena)
                        .isEqualTo(own.size());
                assertThat(arena.get(state + "_bytes").longValue())
                        .as("%s of %s", state, arena)
                        .isEqualTo(sum(own, "size"));
                chunks += arena.get(state + "_bytes").longValue();
            }
            // Between two runs of chunks lie fenceposts; a thread's heap begins with a header, the first one of an
            // arena with that arena's malloc_state too.
            long ends = arena.get("heaps").longValue() - 1;
            long least = 32 * ends;
            long most = 63 * ends + 15;
            if (arena.get("kind").textValue().equals("thread")) {
                least += 32 * (ends + 1) + 2000;
                most += 64 * (ends + 1) + 2400;
            }
            assertThat(arena.get("system_bytes").longValue() - chunks)
                    .as("no chunk in %s", arena)
                    .isBetween(least, most);
        }
        assertThat(sum(arenas, "system_bytes")).isEqualTo(ledger.mallinfo().get("arena"));
        assertThat(sum(arenas, "fastbin_bytes")).isEqualTo(ledger.mallinfo().get("fsmblks"));
        assertThat(sum(arenas, "free_bytes") + sum(arenas, "fastbin_bytes") + sum(arenas, "top_bytes"))
                .as("fordblks of mallinfo")
                .isEqualTo(ledger.mallinfo().get("fordblks"));
        assertThat(in(all, "USED"::equals).stream()
                        .filter(row -> row.get("mmapped").booleanValue()))
                .hasSize(ledger.mallinfo().get("hblks").intValue());
    }
}
