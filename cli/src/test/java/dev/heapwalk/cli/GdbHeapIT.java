// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.heapwalk.testkit.CProgram;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What gdb-heap says that it can do, on programs as those that it is tested with. */
final class GdbHeapIT {
    /** How often the program that allocates at random is looked at. */
    private static final int STOPS = 100;

    private static final String SOURCE = """
            #include <malloc.h>
            #include <stdint.h>
            #include <stdio.h>
            #include <stdlib.h>
            #include <string.h>
            #include <unistd.h>

            #define MOST 2000
            static void *held[MOST];
            static int count;
            static uint32_t seed = 4711;

            static uint32_t chance(uint32_t below) {
                seed = seed * 1664525 + 1013904223;
                return (seed >> 8) % below;
            }

            static void get(size_t size) {
                held[count] = malloc(size);
                memset(held[count++], 0xee, size);
            }

            // Nothing here allocates by itself. Stops, tells what it has, and goes on when it is told to.
            static void stop(void) {
                for (int i = 0; i < count; i++) dprintf(1, "%p %zu\\n", held[i], malloc_usable_size(held[i]));
                dprintf(1, "READY\\n");
                char c;
                if (read(0, &c, 1) != 1) _exit(0);
            }

            static void give_back(int i) {
                free(held[i]);
                held[i] = held[--count];
            }

            int main(int argc, char **argv) {
                const char *what = argc > 1 ? argv[1] : "";
                if (!strcmp(what, "small")) {
                    for (int i = 0; i < 1500; i++) get(20);
                } else if (!strcmp(what, "large")) {
                    for (int i = 1; i <= 10; i++) get(i << 20);
                } else if (!strcmp(what, "mixed")) {
                    for (int i = 0; i < 100; i++) get(256);
                    get(1000);
                    get(256000);
                    get(1000);
                    give_back(50);
                } else if (!strcmp(what, "query")) {
                    for (int i = 1; i <= 10; i++) for (int j = 0; j < i; j++) get(i << 10);
                    strcpy(memset(held[0], 0, 1024), "a text of C that a query finds");
                } else if (!strcmp(what, "buffers")) {
                    for (int i = 0; i < 100; i++) {
                        size_t size = 1 + chance(4096);
                        get(size);
                        for (size_t j = 0; j < size; j++) ((char *)held[i])[j] = chance(256);
                    }
                } else if (!strcmp(what, "random")) {
                    while (1) {
                        stop();
                        for (int i = 0; i < 50; i++) {
                            uint32_t how = chance(3);
                            size_t size = chance(20) ? 1 + chance(3000) : 1 + chance(400000);
                            if (how == 0 && count < MOST) get(size);
                            else if (how == 1 && count > 0) give_back(chance(count));
                            else if (how == 2 && count > 0) {
                                int one = chance(count);
                                held[one] = realloc(held[one], size);
                            }
                        }
                    }
                } else if (!strcmp(what, "history")) {
                    for (int i = 0; i < 100; i++) get(500);
                    stop();
                    for (int i = 0; i < 10; i++) give_back(0);
                    for (int i = 0; i < 30; i++) get(700);
                }
                while (1) stop();
            }
            """;

    /** The program at a stop. */
    private static final class Stopped implements AutoCloseable {
        private final Process process;
        private final BufferedReader said;
        /** Usable sizes by address. */
        final Map<String, Long> held = new HashMap<>();

        Stopped(String what) throws IOException {
            Path program = CProgram.compile("gdb-heap", SOURCE);
            process = new ProcessBuilder(program.toString(), what).start();
            said = new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8));
            read();
        }

        private void read() throws IOException {
            held.clear();
            for (String line = said.readLine(); !line.equals("READY"); line = said.readLine()) {
                String[] words = line.split(" ");
                held.put(words[0], Long.valueOf(words[1]));
            }
        }

        void goOn() throws IOException {
            process.getOutputStream().write('\n');
            process.getOutputStream().flush();
            read();
        }

        String pid() {
            return Long.toString(process.pid());
        }

        List<JsonNode> rows(String command, String... more) {
            List<String> line = new ArrayList<>(List.of(command, "--format", "jsonl", pid()));
            line.addAll(List.of(more));
            return Run.heapwalk(line.toArray(String[]::new)).exited(0).rows();
        }

        List<JsonNode> select(String query) {
            return rows("select", query);
        }

        /** How many chunks there are of each size. */
        Map<Long, Long> sizes() {
            return rows("sizes").stream()
                    .collect(Collectors.toMap(
                            row -> row.get("size").longValue(),
                            row -> row.get("count").longValue()));
        }

        @Override
        public void close() {
            process.destroyForcibly().onExit().join();
        }
    }

    @Test
    void noAllocations() throws IOException {
        try (Stopped program = new Stopped("none")) {
            // The C library has made itself a cache at most.
            assertThat(program.rows("summary"))
                    .hasSizeLessThan(2)
                    .allSatisfy(row -> assertThat(row.get("domain").textValue()).isEqualTo("libc"));
            assertThat(program.select("domain != 'libc'")).isEmpty();
        }
    }

    @Test
    void manySmallOnes() throws IOException {
        try (Stopped program = new Stopped("small")) {
            assertThat(program.sizes()).containsEntry(32L, 1500L);
            assertThat(program.select("size = 32")).hasSize(1500);
        }
    }

    @Test
    void tenLargeOnes() throws IOException {
        try (Stopped program = new Stopped("large")) {
            List<JsonNode> large = program.rows("sizes").stream()
                    .filter(row -> row.get("size").longValue() > 1 << 20)
                    .toList();
            assertThat(large).hasSize(10);
            assertThat(large.stream()
                            .mapToLong(row -> row.get("bytes").longValue())
                            .sum())
                    .isEqualTo(57_712_640);
            assertThat(program.select("mmapped")).hasSize(10);
            assertThat(program.select("size >= 1M and arena >= 0")).isEmpty();
        }
    }

    @Test
    void mixedWithFrees() throws IOException {
        try (Stopped program = new Stopped("mixed")) {
            assertThat(program.sizes())
                    .containsEntry(272L, 99L)
                    .containsEntry(1008L, 2L)
                    .containsEntry(258_048L, 1L);
            assertThat(program.select("size = 272")).hasSize(99);
            assertThat(program.select("size = 272 and state != USED")).hasSize(1);
        }
    }

    @Test
    void randomOnes() throws IOException {
        try (Stopped program = new Stopped("random")) {
            for (int i = 0; i < STOPS; i++) {
                Map<String, Long> ends = program.select("size > 0").stream()
                        .collect(Collectors.toMap(row -> row.get("start").textValue(), row -> end(row)));
                assertThat(ends).hasSize(program.held.size() + ofLibc(ends, program));
                program.goOn();
            }
        }
    }

    private static long end(JsonNode row) {
        return Long.decode(row.get("end").textValue());
    }

    /** Checks that all blocks of the program are there with their ends; tells how many others there are. */
    private static int ofLibc(Map<String, Long> ends, Stopped program) {
        program.held.forEach((address, usable) ->
                assertThat(ends).as(address).containsEntry(address, Long.decode(address) + usable - 1));
        int others = ends.size() - program.held.size();
        // The cache of the thread.
        assertThat(others).isBetween(0, 1);
        return others;
    }

    @Test
    void randomBuffers() throws IOException {
        try (Stopped program = new Stopped("buffers")) {
            Map<String, Long> ends = program.select("").stream()
                    .collect(Collectors.toMap(row -> row.get("start").textValue(), row -> end(row)));
            assertThat(ends).hasSize(100 + ofLibc(ends, program));
            // Whatever bytes there are, each block is counted once.
            assertThat(program.rows("summary").stream()
                            .mapToLong(row -> row.get("count").longValue())
                            .sum())
                    .isEqualTo(ends.size());
        }
    }

    @Test
    void queries() throws IOException {
        try (Stopped program = new Stopped("query")) {
            assertThat(program.select("size = 1040")).hasSize(1);
            assertThat(program.select("size == 0x2810")).hasSize(10);
            assertThat(program.select("size > 4K and size < 8K")).hasSize(22);
            assertThat(program.select("size>=1040 and not (size <= 4096 or 8192 <= size)"))
                    .hasSize(22);
            assertThat(program.select("domain='C' and kind = \"string data\""))
                    .singleElement()
                    .satisfies(row -> {
                        assertThat(program.held).containsKey(row.get("start").textValue());
                        assertThat(row.get("hexdump").textValue())
                                .isEqualTo("61 20 74 65 78 74 20 6f  66 20 43 20 74 68 61 74  a text of C that");
                    });
            assertThat(program.select("kind ~ '^str' and size < 2K")).hasSize(1);
            String first = program.select("size = 1040").getFirst().get("start").textValue();
            assertThat(program.select("addr = " + first + " and start = " + Long.decode(first)))
                    .hasSize(1);
            assertThat(program.select("kind = 'string data' or size = 10256")).hasSize(11);
            assertThat(program.select("resident >= 1040 and size > 1K")).hasSize(55);
            Run several =
                    Run.heapwalk("select", program.pid(), "size", ">", "10K", "--top", "3", "--sort", "start:desc");
            assertThat(several.exited(0).lines()).hasSize(6).last().asString().contains("10 chunks, 3 shown");
        }
    }

    @Test
    void historyOverTwoStates(@TempDir Path folder) throws IOException {
        String[] file = {"--history", folder.resolve("states").toString()};
        try (Stopped program = new Stopped("history")) {
            program.rows("label", "before", file[0], file[1]);
            Map<String, Long> before = Map.copyOf(program.held);
            program.goOn();
            assertThat(program.rows("log", file)).hasSize(1);
            Map<String, String> changes = program.rows("diff", "--blocks", file[0], file[1]).stream()
                    .filter(row -> row.has("address"))
                    .collect(Collectors.toMap(
                            row -> row.get("address").textValue(),
                            row -> row.get("change").textValue()));
            Map<String, String> expected = new HashMap<>();
            before.forEach((address, usable) -> {
                if (!program.held.containsKey(address)) {
                    expected.put(address, "freed");
                } else if (!program.held.get(address).equals(usable)) {
                    expected.put(address, "size");
                }
            });
            program.held.keySet().stream()
                    .filter(address -> !before.containsKey(address))
                    .forEach(address -> expected.put(address, "new"));
            assertThat(changes).hasSizeGreaterThan(20).isEqualTo(expected);
            program.rows("label", "after", file[0], file[1]);
            assertThat(program.rows("diff", "before", "after", file[0], file[1]).stream()
                            .filter(row -> row.has("size"))
                            .map(row -> row.get("size") + " " + row.get("new_blocks") + " " + row.get("freed_blocks")))
                    .containsExactly("720 30 0", "512 0 10");
            assertThat(program.rows("diff", "after", "current", file[0], file[1]))
                    .filteredOn(row -> row.path("blocks").asLong() > 0)
                    .singleElement()
                    .satisfies(row -> assertThat(row.get("change").textValue()).isEqualTo("same"));
        }
    }

    /** Checks how a query is refused. */
    private static void refused(String query, String message, String word) {
        List<String> lines =
                Run.heapwalk("select", "demo", query).exited(2).err().lines().toList();
        assertThat(lines.getFirst()).isEqualTo("heapwalk: " + message);
        assertThat(lines.get(1)).isEqualTo("heapwalk: " + query);
        assertThat(lines.get(2)).isEqualTo("heapwalk: " + " ".repeat(query.indexOf(word)) + "^".repeat(word.length()));
    }

    @Test
    void wrongQueries() {
        refused("I AM A SYNTAX ERROR", "'AM' is not expected here", "AM");
        String names = "addr, start, size, domain, kind, detail, state, arena, mmapped, resident";
        refused(
                "NOT_AN_ATTRIBUTE > 42",
                "there is no attribute 'NOT_AN_ATTRIBUTE': there are " + names,
                "NOT_AN_ATTRIBUTE");
        refused("size > 4 and nothing = 5", "there is no attribute 'nothing': there are " + names, "nothing");
        refused("size > 12Q", "'12Q' must be a number such as 4096, 0x1000 or 4K", "12Q");
        refused("kind = 5", "'kind' is compared with a text in quotes", "5");
        refused("size = 'x'", "'size' is compared with a number", "'x'");
        refused("size ~ 5", "'~' is for texts, and 'size' is a number", "~");
        refused("kind ~ '('", "this is no regular expression: Unclosed group", "'('");
        refused("kind = \"string", "this quote is not closed", "\"");
        refused("state < USED", "'state' is compared by = or !=", "<");
        refused("mmapped = 3", "'mmapped' is yes or no", "3");
        refused("size and mmapped", "'size' is to be compared with something", "size");
        assertThat(Run.heapwalk("select", "demo", "size >")
                        .exited(2)
                        .err()
                        .lines()
                        .toList())
                .startsWith("heapwalk: the expression ends too early", "heapwalk: size >", "heapwalk:       ^");
    }

    @Test
    void hostileQueries() {
        String deep = "(".repeat(4000) + "size > 1" + ")".repeat(4000);
        assertThat(Run.heapwalk("select", "demo", deep).exited(2).err()).contains("nested too deeply");
        Run.heapwalk("select", "demo", "size > " + "1".repeat(20_000)).exited(2);
        assertThat(Run.heapwalk("select", "demo", "size \033]0;x\007 > 1")
                        .exited(2)
                        .err())
                .doesNotContain("\033");
    }
}
