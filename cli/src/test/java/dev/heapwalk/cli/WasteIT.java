// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.heapwalk.testkit.CProgram;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.function.Predicate;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What {@code waste} tells is what programs in Ruby, Python and C tell of their own strings and containers. */
final class WasteIT {
    @TempDir
    private Path folder;

    /** Takes what a program has said in one line, and what is told of it. */
    private interface Check {
        void of(long[] said, List<JsonNode> rows, String pid);
    }

    private static void check(Check check, String... line) throws IOException {
        Process process = new ProcessBuilder(line).start();
        try (BufferedReader out = process.inputReader(StandardCharsets.US_ASCII)) {
            String[] words = out.readLine().split(" ");
            long[] said = new long[words.length];
            for (int i = 0; i < said.length; i++) {
                said[i] = Long.parseLong(words[i]);
            }
            String pid = Long.toString(process.pid());
            check.of(
                    said,
                    Run.heapwalk("waste", pid, "--format", "jsonl").exited(0).rows(),
                    pid);
        } finally {
            process.destroyForcibly();
        }
    }

    private static JsonNode one(List<JsonNode> rows, Predicate<JsonNode> wanted) {
        List<JsonNode> found = rows.stream().filter(wanted).toList();
        assertThat(found).hasSize(1);
        return found.getFirst();
    }

    private static Predicate<JsonNode> begins(String text) {
        return row -> row.path("begin").asText().startsWith(text);
    }

    private static Predicate<JsonNode> container(String kind) {
        return row -> row.has("containers") && row.get("kind").textValue().equals(kind);
    }

    private static void assertContainers(JsonNode row, long[] said) {
        assertThat(row.get("containers").longValue()).isEqualTo(said[0]);
        assertThat(row.get("nearly_empty").longValue()).isEqualTo(said[1]);
        assertThat(row.get("room_bytes").longValue()).isEqualTo(said[2]);
        assertThat(row.get("wasted_bytes").longValue()).isEqualTo(said[3]);
    }

    @Test
    void ofPythonIsWhatGetsizeofTells() throws IOException {
        Path script = Files.writeString(folder.resolve("waste.py"), """
                import gc, sys
                kept = [("equal text number %d " % (i % 3)) * 3 for i in range(30)]
                wide = ["".join(["\\u0416", "wide"] * 10) for i in range(7)]
                lists = []
                for i in range(200):
                    one = [None] * (i % 20)
                    for k in range(i % 7):
                        one.append(k)
                    lists.append(one)
                for one in lists[:20]:
                    one.extend(range(1000))
                    del one[150:]
                found = gc.get_objects()
                gc.disable()
                count = empty = room = unused = 0
                for one in found:
                    if type(one) is list and one is not found:
                        r = sys.getsizeof(one) - sys.getsizeof([])
                        if r > 0:
                            u = 8 * len(one)
                            count += 1
                            empty += 5 * u <= r
                            room += r
                            unused += r - u
                del found, one
                print(count, empty, room, unused, sys.getsizeof(kept[0]), flush=True)
                input()
                """);
        check(
                (said, rows, _) -> {
                    assertContainers(one(rows, container("builtins.list")), said);
                    for (int i = 0; i < 3; i++) {
                        JsonNode equal = one(rows, begins("equal text number " + i));
                        assertThat(equal.get("copies").longValue()).isEqualTo(10);
                        // A block of pymalloc has a size that is divisible by 16.
                        assertThat(equal.get("wasted_bytes").longValue()).isEqualTo(9 * (said[4] + 15 & -16));
                    }
                    assertThat(rows).anySatisfy(row -> {
                        assertThat(row.path("copies").longValue()).isEqualTo(7);
                        assertThat(row.path("length").longValue()).isEqualTo(2L * 50);
                    });
                },
                "python3",
                script.toString());
    }

    @Test
    void ofRubyIsWhatObjectSpaceTells() throws IOException {
        Path script = Files.writeString(folder.resolve("waste.rb"), """
                require "objspace"
                class Basket < Array; end
                class Shelf < Hash; end
                GC.disable
                def text(i) = "equal text number #{i}, which is longer than what fits in any slot" * 20
                $kept = (0...30).map { |i| text(i % 3) }
                $baskets = (1..50).map { |i| b = Basket.new; (i % 40).times { |k| b.push(k) }; b }
                $shelves = (1..40).map { |i| s = Shelf.new; (i * 7).times { |k| s[k] = k }; s.delete_if { |k, _| k > i }; s }
                slot = ObjectSpace.memsize_of(Basket.new)
                sizes = $baskets.map { |b| [ObjectSpace.memsize_of(b) - slot, 8 * b.size] }.select { |r, _| r > 0 }
                # Those without a table have their pairs in the slot, or in a smaller buffer.
                tables = $shelves.select { |s| ObjectSpace.memsize_of(s) > 300 }
                puts [sizes.size, sizes.count { |r, u| 5 * u <= r }, sizes.sum { |r, _| r }, sizes.sum { |r, u| r - u },
                      tables.size, tables.sum { |s| 24 * s.size }].join(" ")
                STDOUT.flush
                STDIN.read
                """);
        check(
                (said, rows, pid) -> {
                    assertContainers(one(rows, container("Basket T_ARRAY")), said);
                    JsonNode shelves = one(rows, container("Shelf T_HASH"));
                    assertThat(shelves.get("containers").longValue()).isEqualTo(said[4]);
                    assertThat(shelves.get("room_bytes").longValue()
                                    - shelves.get("wasted_bytes").longValue())
                            .isEqualTo(said[5]);
                    for (int i = 0; i < 3; i++) {
                        // Those that were multiplied are garbage, and also equal.
                        Predicate<JsonNode> whole = begins("equal text number " + i)
                                .and(row -> row.get("length").longValue() > 1000);
                        JsonNode equal = one(rows, whole);
                        assertThat(equal.get("copies").longValue()).isEqualTo(10);
                        assertThat(equal.get("wasted_bytes").longValue())
                                .isGreaterThanOrEqualTo(9 * equal.get("length").longValue());
                    }
                    assertThat(Run.heapwalk("waste", pid, "--redact").exited(0).lines())
                            .noneMatch(line -> line.contains("equal text"));
                },
                "ruby",
                "--disable=gems",
                script.toString());
    }

    @Test
    void ofCIsWhatItsLedgerTells() throws IOException {
        String source = """
                #include <malloc.h>
                #include <stdio.h>
                #include <stdlib.h>
                #include <string.h>
                char *kept[200];
                int main(void) {
                    long equal = 0, lost = 0, small = 0;
                    for (int i = 0; i < 50; i++) {
                        kept[i] = strdup("a text that is there fifty times, in fifty chunks");
                        if (i > 0) equal += malloc_usable_size(kept[i]) + 8;
                    }
                    for (int i = 50; i < 100; i++) {
                        kept[i] = calloc(1, 100);
                        sprintf(kept[i], "short text %d", i);
                        small++;
                        lost += malloc_usable_size(kept[i]) + 8 - strlen(kept[i]) - 1;
                    }
                    printf("%ld %ld %ld\\n", equal, small, lost);
                    fflush(stdout);
                    getchar();
                }
                """;
        check(
                (said, rows, _) -> {
                    JsonNode equal = one(rows, begins("a text that is there fifty times"));
                    assertThat(equal.get("copies").longValue()).isEqualTo(50);
                    assertThat(equal.get("wasted_bytes").longValue()).isEqualTo(said[0]);
                    JsonNode small = one(
                            rows, row -> !row.has("copies") && row.path("size").longValue() == 112);
                    assertThat(small.get("count").longValue()).isEqualTo(said[1]);
                    assertThat(small.get("wasted_bytes").longValue()).isEqualTo(said[2]);
                },
                CProgram.compile("texts", source).toString());
    }
}
