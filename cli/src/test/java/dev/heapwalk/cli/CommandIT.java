// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Every command in every format on a process that keeps a ledger. */
final class CommandIT {
    private static final List<String> CHUNK_FIELDS =
            List.of("address", "size", "state", "mmapped", "arena", "domain", "kind", "detail");

    private static KnownProcess known;

    @BeforeAll
    static void start() throws IOException {
        known = KnownProcess.start();
    }

    @AfterAll
    static void end() {
        assertThat(known.alive()).as("the target lives after all that").isTrue();
        known.close();
    }

    private static List<JsonNode> rows(String... command) {
        List<String> line = new ArrayList<>(List.of(command));
        line.addAll(List.of("--format", "jsonl", known.pid()));
        Run run = Run.heapwalk(line.toArray(String[]::new)).exited(0);
        assertThat(run.err()).isEmpty();
        return run.rows();
    }

    private static Map<String, JsonNode> byAddress(List<JsonNode> rows) {
        Map<String, JsonNode> map = new HashMap<>();
        for (JsonNode row : rows) {
            assertThat(map.put(row.get("address").textValue(), row))
                    .as("listed once: %s", row)
                    .isNull();
        }
        return map;
    }

    @Test
    void usedIsTheLedgerAndAFewBlocksOfLibc() {
        Map<String, JsonNode> used = byAddress(rows("used"));
        for (KnownProcess.Block block : known.blocks("used", "thread", "mapped", "string", "hostile")) {
            JsonNode row = used.remove(block.address());
            assertThat(row).as("used has %s", block).isNotNull();
            boolean mapped = known.blocks("mapped").contains(block);
            assertThat(row.get("mmapped").booleanValue()).isEqualTo(mapped);
            assertThat(row.get("size").longValue()).isEqualTo(block.chunkSize(mapped));
            assertThat(row.get("state").textValue()).isEqualTo("USED");
            int arena = mapped ? -1 : known.blocks("thread").contains(block) ? 1 : 0;
            assertThat(row.get("arena").intValue()).isEqualTo(arena);
        }
        // Two thread caches, the thread's vector of TLS blocks, its first buffer of the C library.
        assertThat(used).as("blocks that are not the program's").hasSizeBetween(2, 6);
    }

    @Test
    void freedBlocksAreFreeAndNothingElse() {
        Map<String, JsonNode> free = byAddress(rows("free"));
        Map<String, JsonNode> used = byAddress(rows("used"));
        for (KnownProcess.Block block : known.blocks("cached")) {
            assertThat(free.get(block.address()).get("state").textValue()).isEqualTo("TCACHE");
            assertThat(free.get(block.address()).get("size").longValue()).isEqualTo(block.chunkSize(false));
        }
        for (KnownProcess.Block block : known.blocks("freed")) {
            assertThat(free.get(block.address()).get("state").textValue()).isEqualTo("FREE");
        }
        assertThat(free.keySet()).doesNotContainAnyElementsOf(used.keySet());
        assertThat(free.values())
                .allSatisfy(row -> assertThat(row.get("domain").isNull()).isTrue());
    }

    @Test
    void allIsUsedAndFreeAndTops() {
        Map<String, JsonNode> all = byAddress(rows("all"));
        Map<String, JsonNode> used = byAddress(rows("used"));
        Map<String, JsonNode> free = byAddress(rows("free"));
        assertThat(all).containsAllEntriesOf(used).containsAllEntriesOf(free);
        assertThat(all.values().stream()
                        .filter(row -> row.get("state").textValue().equals("TOP")))
                .hasSize(2);
        assertThat(all).hasSize(used.size() + free.size() + 2);
    }

    @Test
    void sizesCountsTheLedger() {
        Map<Long, JsonNode> bySize = new HashMap<>();
        long count = 0;
        for (JsonNode row : rows("sizes")) {
            assertThat(row.fieldNames()).toIterable().containsExactly("size", "count", "bytes", "share", "cumulative");
            assertThat(row.get("bytes").longValue())
                    .isEqualTo(row.get("size").longValue() * row.get("count").longValue());
            bySize.put(row.get("size").longValue(), row);
            count += row.get("count").longValue();
        }
        assertThat(bySize.get(5008L).get("count").longValue()).isEqualTo(100);
        assertThat(bySize.get(720L).get("count").longValue()).isBetween(30L, 31L);
        assertThat(bySize.get((3L << 20) + 4096).get("count").longValue()).isEqualTo(1);
        long inLedger =
                known.blocks("used", "thread", "mapped", "string", "hostile").size();
        assertThat(count).isBetween(inLedger + 2, inLedger + 6);
        assertThat(count).isEqualTo(rows("used").size());
    }

    @Test
    void summaryFindsTheStrings() {
        List<JsonNode> rows = rows("summary");
        long count = 0;
        long strings = 0;
        long bytes = 0;
        for (JsonNode row : rows) {
            assertThat(row.fieldNames())
                    .toIterable()
                    .containsExactly("domain", "kind", "detail", "count", "bytes", "share", "cumulative");
            count += row.get("count").longValue();
            bytes += row.get("bytes").longValue();
            if (row.get("domain").textValue().equals("C")
                    && row.get("kind").textValue().equals("string data")) {
                strings += row.get("count").longValue();
            }
        }
        List<JsonNode> used = rows("used");
        assertThat(count).isEqualTo(used.size());
        assertThat(bytes)
                .isEqualTo(used.stream()
                        .mapToLong(row -> row.get("size").longValue())
                        .sum());
        assertThat(strings).isBetween(20L, 26L);
    }

    @Test
    void arenasAddUpToTheirChunks() {
        List<JsonNode> arenas = new ArrayList<>(rows("arenas"));
        assertThat(arenas).hasSize(3);
        JsonNode mmapped = arenas.removeLast();
        assertThat(mmapped.get("kind").textValue()).isEqualTo("mmapped");
        assertThat(mmapped.get("index").longValue()).isEqualTo(-1);
        assertThat(mmapped.get("used_chunks").longValue())
                .isEqualTo(known.blocks("mapped").size());
        assertThat(mmapped.get("used_bytes").longValue())
                .isEqualTo(mmapped.get("system_bytes").longValue())
                .isEqualTo(known.blocks("mapped").getFirst().chunkSize(true));
        assertThat(arenas.get(0).get("kind").textValue()).isEqualTo("main");
        assertThat(arenas.get(1).get("kind").textValue()).isEqualTo("thread");
        assertThat(arenas.get(0).get("threads").toString()).isEqualTo("[" + known.pid() + "]");
        assertThat(arenas.get(1).get("threads").toString()).isEqualTo("[" + known.secondThread() + "]");
        List<JsonNode> all = rows("all");
        for (JsonNode arena : arenas) {
            for (String state : List.of("used", "free", "fastbin", "tcache", "top")) {
                List<JsonNode> chunks = all.stream()
                        .filter(row -> row.get("arena").equals(arena.get("index")))
                        .filter(row -> row.get("state").textValue().equalsIgnoreCase(state))
                        .toList();
                assertThat(arena.get(state + "_chunks").longValue()).isEqualTo(chunks.size());
                assertThat(arena.get(state + "_bytes").longValue())
                        .isEqualTo(chunks.stream()
                                .mapToLong(row -> row.get("size").longValue())
                                .sum());
            }
            assertThat(arena.get("system_bytes").longValue())
                    .isLessThanOrEqualTo(arena.get("max_system_bytes").longValue())
                    .isGreaterThanOrEqualTo(arena.get("used_bytes").longValue());
        }
    }

    @Test
    void arenaListsItsOwnChunks() {
        Map<String, JsonNode> chunks = byAddress(rows("arena", "1"));
        assertThat(chunks.values())
                .allSatisfy(row -> assertThat(row.get("arena").intValue()).isEqualTo(1));
        for (KnownProcess.Block block : known.blocks("thread")) {
            assertThat(chunks).containsKey(block.address());
        }
        List<JsonNode> ofAll = rows("all").stream()
                .filter(row -> row.get("arena").intValue() == 1)
                .toList();
        assertThat(chunks.values()).containsExactlyInAnyOrderElementsOf(ofAll);
    }

    @Test
    void explainTellsTheEvidence() {
        Run table = Run.heapwalk("arenas", "--explain", known.pid()).exited(0);
        assertThat(table.text()).contains("main_arena").containsPattern("mmapped chunks: 1 .*3149824 bytes.*exact");
        assertThat(table.lines().getLast()).startsWith("TOTAL");
        Run json = Run.heapwalk("arenas", "--explain", "--format", "jsonl", known.pid())
                .exited(0);
        assertThat(json.rows()).hasSize(3);
        assertThat(json.err()).contains("main_arena");
    }

    @Test
    void binsHoldTheFreeChunks() {
        List<JsonNode> bins = rows("bins");
        long chunks =
                bins.stream().mapToLong(row -> row.get("chunks").longValue()).sum();
        long bytes =
                bins.stream().mapToLong(row -> row.get("bytes").longValue()).sum();
        List<JsonNode> free = rows("free").stream()
                .filter(row -> !row.get("state").textValue().equals("TCACHE"))
                .toList();
        assertThat(chunks).isEqualTo(free.size()).isGreaterThanOrEqualTo(10);
        assertThat(bytes)
                .isEqualTo(free.stream()
                        .mapToLong(row -> row.get("size").longValue())
                        .sum());
        assertThat(bins)
                .anySatisfy(bin -> assertThat(bin.get("kind").textValue()).isIn("unsorted", "large"));
    }

    @Test
    void tcacheHoldsWhatTheThreadsFreed() {
        List<JsonNode> bins = rows("tcache");
        assertThat(bins).anySatisfy(bin -> {
            assertThat(bin.get("tid").asText()).isEqualTo(known.pid());
            assertThat(bin.get("chunk_size").longValue()).isEqualTo(320);
            assertThat(bin.get("chunks").longValue()).isEqualTo(7);
        });
        assertThat(bins).anySatisfy(bin -> {
            assertThat(bin.get("tid").longValue()).isEqualTo(known.secondThread());
            assertThat(bin.get("chunk_size").longValue()).isEqualTo(80);
            assertThat(bin.get("chunks").longValue()).isEqualTo(1);
        });
    }

    @Test
    void hexdumpShowsBytesAndCharacters() {
        String address = known.address("string");
        List<JsonNode> rows = rows("hexdump", address, "--length", "28");
        assertThat(rows).hasSize(2);
        assertThat(rows.get(0).get("address").textValue()).isEqualTo(address);
        assertThat(rows.get(0).get("bytes").textValue()).startsWith("74 68 65 20 74 65 78 74  20 6f 66");
        assertThat(rows.get(0).get("text").textValue() + rows.get(1).get("text").textValue())
                .isEqualTo("the text of string number 0.");
        Run characters = Run.heapwalk("hexdump", "-c", address, known.pid(), "--length=0x1c")
                .exited(0);
        assertThat(characters.lines().get(2)).endsWith(address + "  the text of string number 0.");
    }

    static Stream<Arguments> commands() {
        return Stream.of(
                Arguments.of(
                        List.of("summary"),
                        List.of("domain", "kind", "detail", "count", "bytes", "share", "cumulative")),
                Arguments.of(List.of("sizes"), List.of("size", "count", "bytes", "share", "cumulative")),
                Arguments.of(List.of("used"), CHUNK_FIELDS),
                Arguments.of(List.of("free"), CHUNK_FIELDS),
                Arguments.of(List.of("all"), CHUNK_FIELDS),
                Arguments.of(List.of("arena", "0"), CHUNK_FIELDS),
                Arguments.of(
                        List.of("arenas"),
                        List.of(
                                "index",
                                "address",
                                "kind",
                                "heaps",
                                "system_bytes",
                                "max_system_bytes",
                                "used_chunks",
                                "used_bytes",
                                "free_chunks",
                                "free_bytes",
                                "fastbin_chunks",
                                "fastbin_bytes",
                                "tcache_chunks",
                                "tcache_bytes",
                                "top_chunks",
                                "top_bytes",
                                "threads")),
                Arguments.of(
                        List.of("bins"), List.of("arena", "kind", "index", "min_size", "max_size", "chunks", "bytes")),
                Arguments.of(List.of("tcache"), List.of("address", "tid", "index", "chunk_size", "chunks", "bytes")),
                Arguments.of(List.of("hexdump", known.address("hostile")), List.of("address", "bytes", "text")),
                Arguments.of(List.of("hexdump", "-c", known.address("hostile")), List.of("address", "text")));
    }

    @ParameterizedTest
    @MethodSource("commands")
    void everyFormatSaysTheSame(List<String> command, List<String> fields) {
        List<JsonNode> rows = rows(command.toArray(String[]::new));
        assertThat(rows).isNotEmpty();
        List<String> line = new ArrayList<>(command);
        line.addAll(List.of(known.pid(), "--format=csv"));
        Run csv = Run.heapwalk(line.toArray(String[]::new)).exited(0);
        line.set(line.size() - 1, "--format=table");
        Run table = Run.heapwalk(line.toArray(String[]::new)).exited(0);

        assertThat(csv.text()).endsWith("\r\n");
        List<List<String>> records = CsvReader.read(csv.text());
        assertThat(records.getFirst()).isEqualTo(fields);
        assertThat(records).hasSize(rows.size() + 1);
        List<String> printed = table.lines();
        assertThat(printed).hasSize(rows.size() + 3);
        assertThat(printed.getLast()).startsWith("TOTAL");
        assertThat(printed.get(1)).matches("[- ]+");
        for (int i = 0; i < rows.size(); i++) {
            JsonNode row = rows.get(i);
            assertThat(row.fieldNames()).toIterable().containsExactlyElementsOf(fields);
            String cells = printed.get(i + 2).replace(",", "");
            for (int j = 0; j < fields.size(); j++) {
                JsonNode value = row.get(fields.get(j));
                String cell = records.get(i + 1).get(j);
                if (value.isArray()) {
                    List<String> numbers = new ArrayList<>();
                    value.forEach(number -> numbers.add(number.asText()));
                    assertThat(cell).isEqualTo(String.join(" ", numbers));
                } else if (value.isNull()) {
                    assertThat(cell).isEmpty();
                } else {
                    assertThat(cell).isEqualTo(value.asText());
                    if (!value.isBoolean() && value.asLong() >= 0) {
                        assertThat(cells).contains(value.asText().replace(",", ""));
                    }
                }
            }
        }
    }

    @Test
    void tablesAlignNumbers() {
        List<String> lines = Run.heapwalk("sizes", known.pid()).exited(0).lines();
        assertThat(lines.getFirst()).isEqualTo("Chunk size  Num chunks  Allocated size    Share  Cumulative");
        // The block of 3 MiB comes first, the 100 blocks of 5,000 bytes next.
        assertThat(lines.get(2)).matches(" 3,149,824           1       3,149,824   (\\d\\d\\.\\d %)      \\1");
        assertThat(lines.get(3)).matches("     5,008         100         500,800   \\d\\d\\.\\d %      \\d\\d\\.\\d %");
        assertThat(lines.getLast())
                .matches("TOTAL +2\\d\\d +[0-9,]+  100\\.0 %")
                .hasSize(lines.get(2).length() - "  Cumulative".length());
    }

    @Test
    void observeGivesTheSameForAProcessAtRest() {
        assertThat(rows("sizes", "--mode", "observe")).isEqualTo(rows("sizes", "--mode", "stop"));
    }
}
