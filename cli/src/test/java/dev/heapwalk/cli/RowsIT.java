// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.heapwalk.testkit.LedgerProcess;
import dev.heapwalk.testkit.Release;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Rows that are sorted, cut and chosen, against the ledger of the process. */
final class RowsIT {
    private static final String[] IN_USE = {"used", "thread", "mapped", "string", "hostile"};

    private static KnownProcess known;

    @BeforeAll
    static void start() throws IOException {
        known = KnownProcess.start();
    }

    @AfterAll
    static void end() {
        known.close();
    }

    private static List<JsonNode> rows(String... command) {
        List<String> line = new ArrayList<>(List.of(command));
        line.addAll(List.of("--format", "jsonl", known.pid()));
        return Run.heapwalk(line.toArray(String[]::new)).exited(0).rows();
    }

    private static List<String> texts(List<JsonNode> rows, String field) {
        return rows.stream().map(row -> row.get(field).asText()).toList();
    }

    private static List<Long> numbers(List<JsonNode> rows, String field) {
        return rows.stream().map(row -> row.get(field).longValue()).toList();
    }

    private static long address(JsonNode row) {
        return Long.decode(row.get("address").textValue());
    }

    private static boolean mapped(KnownProcess.Block block) {
        return known.blocks("mapped").contains(block);
    }

    @Test
    void topIsTheLargestOfTheLedger() {
        List<KnownProcess.Block> largest = known.blocks(IN_USE).stream()
                .sorted(Comparator.comparingLong((KnownProcess.Block block) -> -block.chunkSize(mapped(block)))
                        .thenComparing(block -> Long.decode(block.address())))
                .limit(6)
                .toList();
        List<String> addresses =
                largest.stream().map(KnownProcess.Block::address).toList();
        assertThat(texts(rows("used", "--top", "6"), "address")).isEqualTo(addresses);
        assertThat(texts(rows("used", "--top=6", "--sort=size"), "address")).isEqualTo(addresses);
        Run table = Run.heapwalk("used", "--top", "6", known.pid()).exited(0);
        Run all = Run.heapwalk("used", known.pid()).exited(0);
        assertThat(table.lines()).hasSize(2 + 6 + 1);
        // The total stays that of all.
        assertThat(table.lines().getLast()).endsWith(", 6 shown");
        assertThat(table.lines().getLast().replaceAll(" +", " ").replace(", 6 shown", ""))
                .isEqualTo(all.lines().getLast().replaceAll(" +", " "));
    }

    @Test
    void sortedRowsAreTheSameRows() {
        List<JsonNode> all = rows("all");
        List<JsonNode> byAddress = new ArrayList<>(all);
        byAddress.sort(Comparator.comparingLong(RowsIT::address));
        assertThat(rows("all", "--sort", "address")).isEqualTo(byAddress);
        assertThat(rows("all", "--sort", "address:asc")).isEqualTo(byAddress);
        Comparator<JsonNode> bySize =
                Comparator.comparingLong(row -> row.get("size").longValue());
        byAddress.sort(bySize.reversed());
        assertThat(rows("all", "--sort", "size")).isEqualTo(byAddress);
        assertThat(rows("all", "--sort", "size:desc")).isEqualTo(byAddress);
        byAddress.sort(bySize.thenComparingLong(RowsIT::address));
        assertThat(rows("all", "--sort", "size:asc")).isEqualTo(byAddress);
        assertThat(texts(rows("all", "--sort", "state"), "state")).isSorted();
        assertThat(texts(rows("all", "--sort", "state:desc"), "state")).isSortedAccordingTo(Collections.reverseOrder());
        assertThat(numbers(rows("all", "--sort", "arena"), "arena")).isSorted();
        for (String field : List.of("mmapped", "domain", "kind", "detail")) {
            assertThat(rows("all", "--sort", field)).as(field).containsExactlyInAnyOrderElementsOf(all);
        }
    }

    /** More rows than are sorted at once. */
    @Test
    void longListingsAreSortedToo() throws IOException {
        try (LedgerProcess many =
                LedgerProcess.of(Release.HOST, "many").option("count", 300_000).start()) {
            String pid = Long.toString(many.pid());
            List<String> all = new ArrayList<>(
                    Run.heapwalk("used", "--format=csv", pid).exited(0).lines());
            List<String> sorted = new ArrayList<>(Run.heapwalk("used", "--format=csv", "--sort=size", pid)
                    .exited(0)
                    .lines());
            assertThat(sorted.removeFirst()).isEqualTo(all.removeFirst());
            all.sort(Comparator.comparingLong((String line) -> -Long.parseLong(line.split(",")[1]))
                    .thenComparing(line -> Long.decode(line.split(",")[0])));
            assertThat(sorted).hasSizeGreaterThan(1 << 17).isEqualTo(all);
            List<String> top = Run.heapwalk("used", "--format=csv", "--top=1000", pid)
                    .exited(0)
                    .lines();
            assertThat(top.subList(1, top.size())).isEqualTo(all.subList(0, 1000));
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"1K", "1024", "1KiB", "1k"})
    void minSizeLeavesOutSmallOnes(String size) {
        List<String> large = known.blocks(IN_USE).stream()
                .filter(block -> block.chunkSize(mapped(block)) >= 1024)
                .map(KnownProcess.Block::address)
                .toList();
        List<JsonNode> used = rows("used", "--min-size", size);
        assertThat(texts(used, "address")).containsAll(large);
        assertThat(numbers(used, "size")).allMatch(bytes -> bytes >= 1024);
        assertThat(used.size() - large.size()).as("blocks of the C library").isBetween(0, 4);
        long bytes = numbers(used, "size").stream().mapToLong(Long::longValue).sum();
        for (String command : List.of("sizes", "summary")) {
            assertThat(numbers(rows(command, "--min-size", size), "bytes").stream()
                            .mapToLong(Long::longValue)
                            .sum())
                    .isEqualTo(bytes);
        }
    }

    @Test
    void arenaIsAnIndexAnAddressOrMmapped() {
        String address = rows("arenas").get(1).get("address").textValue();
        List<String> thread =
                known.blocks("thread").stream().map(KnownProcess.Block::address).toList();
        for (String arena : List.of("1", address)) {
            List<JsonNode> used = rows("used", "--arena", arena);
            assertThat(texts(used, "address")).containsAll(thread);
            assertThat(numbers(used, "arena")).containsOnly(1L);
            assertThat(used.size() - thread.size())
                    .as("its cache, its vector of TLS blocks")
                    .isBetween(0, 3);
            long bytes =
                    numbers(used, "size").stream().mapToLong(Long::longValue).sum();
            for (String command : List.of("sizes", "summary")) {
                assertThat(numbers(rows(command, "--arena", arena), "bytes").stream()
                                .mapToLong(Long::longValue)
                                .sum())
                        .isEqualTo(bytes);
            }
            assertThat(rows("arena", arena)).isEqualTo(rows("all", "--arena", arena));
            assertThat(numbers(rows("arenas", "--arena", arena), "used_bytes")).containsExactly(bytes);
        }
        List<String> mapped =
                known.blocks("mapped").stream().map(KnownProcess.Block::address).toList();
        assertThat(texts(rows("used", "--arena", "mmapped"), "address")).isEqualTo(mapped);
        assertThat(texts(rows("arena", "mmapped"), "address")).isEqualTo(mapped);
        assertThat(numbers(rows("sizes", "--arena", "mmapped"), "count")).containsExactly((long) mapped.size());
        assertThat(texts(rows("arenas", "--arena", "mmapped"), "kind")).containsExactly("mmapped");
        assertThat(rows("free", "--arena", "mmapped")).isEmpty();
        assertThat(texts(rows("free", "--arena", "0"), "address"))
                .containsAll(known.blocks("freed", "cached").stream()
                        .map(KnownProcess.Block::address)
                        .toList());
    }

    @Test
    void binsAndCachesAreChosenAndSorted() {
        List<JsonNode> bins = rows("bins");
        assertThat(numbers(rows("bins", "--sort", "min_size"), "min_size"))
                .isSortedAccordingTo(Collections.reverseOrder());
        assertThat(numbers(rows("bins", "--top", "1"), "bytes"))
                .containsExactly(Collections.max(numbers(bins, "bytes")));
        assertThat(rows("bins", "--arena", "0"))
                .isEqualTo(bins.stream()
                        .filter(bin -> bin.get("arena").longValue() == 0)
                        .toList());
        assertThat(rows("tcache", "--min-size", "320"))
                .isEqualTo(rows("tcache").stream()
                        .filter(bin -> bin.get("chunk_size").longValue() >= 320)
                        .toList())
                .hasSize(1);
        assertThat(rows("tcache", "--min-size", "320").getFirst().get("bytes").longValue())
                .isEqualTo(7 * 320);
    }

    @Test
    void sharesAreParts() {
        for (String command : List.of("sizes", "summary")) {
            List<JsonNode> rows = rows(command);
            double whole =
                    numbers(rows, "bytes").stream().mapToLong(Long::longValue).sum();
            double until = 0;
            for (JsonNode row : rows) {
                until += row.get("bytes").longValue();
                assertThat(Math.abs(row.get("share").doubleValue()
                                - 100 * row.get("bytes").longValue() / whole))
                        .isLessThan(0.051);
                assertThat(Math.abs(row.get("cumulative").doubleValue() - 100 * until / whole))
                        .isLessThan(0.051);
            }
            assertThat(rows.getLast().get("cumulative").doubleValue()).isEqualTo(100);
            // Of all, also where some rows are not shown.
            assertThat(rows(command, "--top", "2")).isEqualTo(rows.subList(0, 2));
        }
    }

    @Test
    void humanSizesInEveryFormat() {
        String[] line = {"sizes", "--human", "--top=1", known.pid(), "--format=table"};
        assertThat(Run.heapwalk(line).exited(0).lines().get(2)).matches(" *3\\.0 MiB +1 +3\\.0 MiB .*");
        line[4] = "--format=csv";
        assertThat(Run.heapwalk(line).exited(0).lines().get(1)).startsWith("3.0 MiB,1,3.0 MiB,");
        line[4] = "--format=jsonl";
        JsonNode row = Run.heapwalk(line).exited(0).rows().getFirst();
        assertThat(row.get("size").textValue()).isEqualTo("3.0 MiB");
        assertThat(row.get("count").longValue()).isEqualTo(1);
    }

    @Test
    void wrongOptionsAreToldBeforeTheProcessIsTouched() {
        Run.heapwalk("used", "--sort", "weight", known.pid()).exited(2).said("address, size, state", "'weight'");
        Run.heapwalk("sizes", "--sort", "bytes:up", known.pid()).exited(2).said("size, count, bytes", ":asc or :desc");
        Run.heapwalk("bins", "--sort", "weight", known.pid()).exited(2).said("min_size, max_size");
        Run.heapwalk("used", "--top", "0", known.pid()).exited(2).said("--top must be at least 1");
        Run.heapwalk("used", "--top", "few", known.pid()).exited(2).said("--top", "'few'");
        Run.heapwalk("used", "--min-size", "big", known.pid()).exited(2).said("64K", "'big'");
        Run.heapwalk("used", "--arena", "main", known.pid()).exited(2).said("mmapped", "'main'");
        Run.heapwalk("used", "--arena", "7", known.pid()).exited(2).said("there is no arena 7", "0 to 1");
        Run.heapwalk("used", "--arena", "0x10", known.pid())
                .exited(2)
                .said("there is no arena at 0x10", "heapwalk arenas");
    }

    @Test
    void addressAndTargetMayChangePlaces() {
        String address = known.address("string");
        assertThat(Run.heapwalk("hexdump", known.pid(), address).exited(0).text())
                .isEqualTo(
                        Run.heapwalk("hexdump", address, known.pid()).exited(0).text());
        // There is no process 0.
        assertThat(Run.heapwalk("arena", known.pid(), "0").exited(0).text())
                .isEqualTo(Run.heapwalk("arena", "0", known.pid()).exited(0).text());
        assertThat(Run.heapwalk("hexdump", known.pid(), Long.toString(Long.decode(address)))
                        .exited(0)
                        .lines()
                        .get(2))
                .startsWith(address);
        // But there is a process 1, and that is not the one that is meant.
        Run.heapwalk("arena", known.pid(), "1").exited(2).said("heapwalk arena 1 " + known.pid());
    }
}
