// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.heapwalk.testkit.CProgram;
import java.io.BufferedReader;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** A process with two C libraries: one answer about both heaps, which tell their blocks and their counts themselves. */
final class SecondLibraryIT {
    private static final String LIBRARY = """
            #define _GNU_SOURCE
            #include <malloc.h>
            #include <stdio.h>
            #include <stdlib.h>
            #include <unistd.h>
            static void *mapped[10];
            static int used;
            void fill(int count, int large) {
                void *freed[40];
                for (int i = 0; i < count; i++) if (malloc(100) == NULL) abort();
                for (int i = 0; i < 40; i++) {
                    freed[i] = malloc(i % 2 ? 60 : 2000 + i * 16);
                    if (malloc(30) == NULL) abort();
                }
                for (int i = 0; i < 40; i++) free(freed[i]);
                while (large-- > 0) { mapped[used] = malloc((2 << 20) + used * 5000); used++; }
            }
            void tell(int number) {
                static char line[200];
                struct mallinfo info = mallinfo();
                for (int i = 0; i < used; i++)
                    if (write(1, line, snprintf(line, sizeof line, "mapped %d %p %d\\n", number, mapped[i],
                                                (int) malloc_usable_size(mapped[i]))) < 0) abort();
                // One of the free chunks is the top.
                if (write(1, line, snprintf(line, sizeof line, "lists %d - %d\\nsystem %d - %d\\n", number,
                                            info.ordblks - 1 + info.smblks, number, info.arena)) < 0) abort();
            }
            """;

    private static final String PROGRAM = LIBRARY + """
            #include <dlfcn.h>
            int main(int argc, char **argv) {
                if (argc < 2) return 1;
                void *library = dlmopen(LM_ID_NEWLM, argv[1], RTLD_NOW);
                if (library == NULL) { puts(dlerror()); return 2; }
                void (*other_fill)(int, int) = dlsym(library, "fill");
                void (*other_tell)(int) = dlsym(library, "tell");
                // malloc has a mapping for each of them, as long as none was freed.
                fill(500, 3);
                other_fill(300, 2);
                tell(0);
                other_tell(1);
                if (write(1, "READY\\n", 6) != 6) return 3;
                char c;
                while (read(0, &c, 1) > 0) {}
                return 0;
            }
            """;

    private static Process process;
    private static String pid;
    /** Sizes of the chunks with mappings of their own, by their addresses. */
    private static final Map<String, Long> MAPPED = new HashMap<>();

    private static final Map<String, Long> LISTS = new HashMap<>();
    private static final Map<String, Long> SYSTEM = new HashMap<>();

    @BeforeAll
    static void start() throws IOException {
        String library =
                CProgram.compile("second.so", LIBRARY, "-shared", "-fPIC").toString();
        process = new ProcessBuilder(CProgram.compile("second", PROGRAM, "-ldl").toString(), library)
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start();
        pid = Long.toString(process.pid());
        BufferedReader told = process.inputReader();
        for (String line = told.readLine(); !line.equals("READY"); line = told.readLine()) {
            String[] words = line.split(" ");
            long number = Long.parseLong(words[3]);
            switch (words[0]) {
                // With a header of 16 bytes.
                case "mapped" -> MAPPED.put(words[2], number + 16);
                case "lists" -> LISTS.put(words[1], number);
                default -> SYSTEM.put(words[1], number);
            }
        }
        assertThat(MAPPED).hasSize(5);
        assertThat(LISTS).hasSize(2);
    }

    @AfterAll
    static void end() throws InterruptedException {
        process.destroyForcibly().waitFor();
    }

    private static List<JsonNode> rows(String... command) {
        List<String> line = new ArrayList<>(List.of(command));
        line.addAll(List.of("--format", "jsonl", pid));
        return Run.heapwalk(line.toArray(String[]::new)).exited(0).rows();
    }

    private static long sum(List<JsonNode> rows, String field) {
        return rows.stream().mapToLong(row -> row.get(field).longValue()).sum();
    }

    private static Map<String, Long> blocks(List<JsonNode> rows) {
        Map<String, Long> blocks = new HashMap<>();
        rows.forEach(row ->
                blocks.put(row.get("address").textValue(), row.get("size").longValue()));
        return blocks;
    }

    @Test
    void mappedChunksAreThoseOfBoth() {
        long bytes = MAPPED.values().stream().mapToLong(Long::longValue).sum();
        assertThat(blocks(rows("used", "--arena", "mmapped"))).isEqualTo(MAPPED);
        assertThat(blocks(rows("used", "--arena", "mmapped", "--top", "9"))).isEqualTo(MAPPED);
        assertThat(blocks(rows("all", "--arena", "mmapped"))).isEqualTo(MAPPED);
        assertThat(blocks(rows("arena", "mmapped"))).isEqualTo(MAPPED);
        assertThat(rows("free", "--arena", "mmapped")).isEmpty();
        assertThat(rows("bins", "--arena", "mmapped")).isEmpty();
        for (String command : List.of("sizes", "summary")) {
            List<JsonNode> rows = rows(command, "--arena", "mmapped");
            assertThat(sum(rows, "bytes")).isEqualTo(bytes);
            assertThat(sum(rows, "count")).isEqualTo(MAPPED.size());
        }
        List<JsonNode> arenas = rows("arenas", "--arena", "mmapped");
        assertThat(arenas).hasSize(2);
        assertThat(sum(arenas, "used_bytes")).isEqualTo(bytes);
        assertThat(Run.heapwalk("arenas", "--arena", "mmapped", pid)
                        .exited(0)
                        .lines()
                        .getLast())
                .containsPattern("TOTAL .* %,d ".formatted(bytes));
    }

    @Test
    void arenasNameTheLibrary() {
        List<JsonNode> arenas = rows("arenas");
        assertThat(arenas.stream()
                        .map(row -> row.get("kind").textValue() + " of "
                                + row.get("library").textValue()))
                .containsExactly(
                        "main of libc.so.6",
                        "mmapped of libc.so.6",
                        "main of libc.so.6, namespace 1",
                        "mmapped of libc.so.6, namespace 1");
        assertThat(arenas.get(0).get("system_bytes").longValue()).isEqualTo(SYSTEM.get("0"));
        assertThat(arenas.get(2).get("system_bytes").longValue()).isEqualTo(SYSTEM.get("1"));
        long used = sum(arenas, "used_bytes");
        for (String command : List.of("sizes", "summary")) {
            assertThat(sum(rows(command), "bytes")).isEqualTo(used);
        }
        assertThat(sum(rows("used"), "size")).isEqualTo(used);
        assertThat(rows("tcache").stream()
                        .map(row -> row.get("library").textValue())
                        .distinct())
                .containsExactly("libc.so.6", "libc.so.6, namespace 1");
        List<List<String>> csv = CsvReader.read(
                Run.heapwalk("arenas", "--format=csv", pid).exited(0).text());
        assertThat(csv.get(3)).contains("libc.so.6, namespace 1");
    }

    /** A number means the same arena wherever it is given. */
    @Test
    void binsAreThoseOfTheArena() {
        for (String arena : List.of("0", "1")) {
            List<JsonNode> bins = rows("bins", "--arena", arena);
            assertThat(sum(bins, "chunks")).isEqualTo(LISTS.get(arena)).isPositive();
            assertThat(bins).allMatch(row -> row.get("arena").asText().equals(arena));
            String address =
                    rows("arenas", "--arena", arena).getFirst().get("address").textValue();
            assertThat(rows("bins", "--arena", address)).isEqualTo(bins);
            assertThat(rows("free", "--arena", address)).isEqualTo(rows("free", "--arena", arena));
            assertThat(rows("free", "--arena", arena).stream()
                            .filter(row -> !row.get("state").textValue().equals("TCACHE")))
                    .hasSize(LISTS.get(arena).intValue());
        }
    }
}
