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
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The commands that tell who holds whom, on a program in C that says what it has lost, and on Ruby objects. */
final class GraphIT {
    private static final int LINKS = 100;
    /** Of a link with its text, with malloc's headers. */
    private static final long LINK_BYTES = 1008 + 112;

    private static final int LOST = 20;

    private static final String SOURCE = """
            #include <stdio.h>
            #include <stdlib.h>
            #include <string.h>

            struct link { struct link *next; char *text; char rest[984]; };
            struct link *chain;

            static __attribute__((noinline)) void link_all(void) {
                for (int i = 0; i < 100; i++) {
                    struct link *one = calloc(1, sizeof *one);
                    one->text = calloc(1, 100);
                    strcpy(one->text, "of a link");
                    one->next = chain;
                    chain = one;
                    if (i == 49) printf("middle %p\\n", (void *)one);
                }
                printf("first %p\\n", (void *)chain);
            }

            static __attribute__((noinline)) void lose(int count, size_t size) {
                for (int i = 0; i < count; i++) {
                    char **outer = calloc(1, size);
                    outer[1] = calloc(1, 200);
                    // Or the compiler would leave both out.
                    __asm__ volatile("" : : "r"(outer) : "memory");
                }
            }

            // What was left of pointers on the stack and in registers is overwritten.
            static __attribute__((noinline)) void wipe(void) {
                volatile char room[1 << 16];
                for (size_t i = 0; i < sizeof room; i++) room[i] = 1;
            }

            int main(void) {
                setvbuf(stdout, NULL, _IONBF, 0);
                setvbuf(stdin, NULL, _IONBF, 0);
                link_all();
                lose(20, 340);
                wipe();
                printf("ready 0\\n");
                getchar();
                lose(5, 777);
                wipe();
                printf("again 0\\n");
                getchar();
            }
            """;

    @TempDir
    private Path folder;

    private static void until(BufferedReader said, String word, Map<String, String> addresses) throws IOException {
        for (String line = said.readLine(); line != null; line = said.readLine()) {
            String[] parts = line.split(" ");
            addresses.put(parts[0], parts[1]);
            if (parts[0].equals(word)) {
                return;
            }
        }
        throw new IOException("the program did not say " + word);
    }

    private static List<JsonNode> rows(String... line) {
        return Run.heapwalk(line).exited(0).rows();
    }

    @Test
    void tellsWhoHoldsAndWhatIsLost() throws Exception {
        Process process = new ProcessBuilder(CProgram.compile("holding", SOURCE).toString()).start();
        try (BufferedReader said = process.inputReader(StandardCharsets.US_ASCII)) {
            Map<String, String> addresses = new HashMap<>();
            until(said, "ready", addresses);
            String pid = Long.toString(process.pid());

            // What is lost, with what only that leads to.
            JsonNode lost = rows("leaks", pid, "--format", "jsonl").stream()
                    .filter(row -> row.get("size").longValue() == 352)
                    .findFirst()
                    .orElseThrow();
            assertThat(lost.get("held").textValue()).isEqualTo("no");
            assertThat(lost.get("count").intValue()).isEqualTo(LOST);
            assertThat(lost.get("below_bytes").longValue()).isEqualTo(LOST * 208L);
            assertThat(rows("leaks", pid, "--format", "jsonl"))
                    .noneMatch(row -> row.get("size").longValue() == 1008
                            || row.get("size").longValue() == 112);
            Run.heapwalk("leaks", pid, "--fail-over", "1K").exited(5);
            Run.heapwalk("leaks", pid, "--fail-over", "1M").exited(0);
            Run.heapwalk("leaks", pid, "--fail-over", "some").exited(2).said("--fail-over must be a size");

            // What would be freed with the first link, and with one in the middle.
            JsonNode first = rows("retained", pid, "--format", "jsonl").stream()
                    .filter(row -> row.path("address").asText().equals(addresses.get("first")))
                    .findFirst()
                    .orElseThrow();
            assertThat(first.get("retained_bytes").longValue()).isEqualTo(LINKS * LINK_BYTES);
            assertThat(first.get("holder").textValue()).contains("chain");
            assertThat(rows("retained", pid, "--by", "root", "--format", "jsonl"))
                    .anySatisfy(row -> {
                        assertThat(row.get("root").textValue())
                                .startsWith("variables of ")
                                .endsWith("holding");
                        assertThat(row.get("retained_bytes").longValue()).isGreaterThanOrEqualTo(LINKS * LINK_BYTES);
                    });

            String way = rows("holders", pid, addresses.get("middle"), "--format", "jsonl")
                    .getLast()
                    .get("path")
                    .textValue();
            assertThat(way).contains(" \u2190 +0x0 of ").contains(" \u2190 chain \u2190 variables of ");
            assertThat(way.split(" \u2190 ")).hasSize(LINKS / 2 + 3);
            assertThat(rows("references", pid, addresses.get("middle"), "--format", "jsonl"))
                    .extracting(row ->
                            row.get("name").textValue() + " " + row.get("size").longValue())
                    .containsExactly("+0x0 1008", "+0x8 112");
            Run.heapwalk("holders", pid, "0x10").exited(2).said("no chunk or object in use is at 0x10");
            Run.heapwalk("holders", pid, "no such kind").exited(2).said("nothing is used as");

            // Only what was lost since.
            String file = folder.resolve("states").toString();
            Run.heapwalk("label", pid, "before", "--history", file).exited(0);
            process.getOutputStream().write('\n');
            process.getOutputStream().flush();
            until(said, "again", addresses);
            assertThat(rows("leaks", pid, "--since", "before", "--history", file, "--format", "jsonl"))
                    .singleElement()
                    .satisfies(row -> {
                        assertThat(row.get("size").longValue()).isEqualTo(800);
                        assertThat(row.get("count").intValue()).isEqualTo(5);
                    });
            Run.heapwalk("leaks", pid, "--since", "never", "--history", file)
                    .exited(2)
                    .said("there is no state 'never'");
        } finally {
            process.destroyForcibly().waitFor();
        }
    }

    @Test
    void tellsWaysThroughRubyObjectsInWords() throws Exception {
        Path script = Files.writeString(folder.resolve("shop.rb"), """
                class Cart
                  def initialize(items) = @items = items
                end
                $registry = { "cart" => Cart.new((1..20).map { |i| "a thing of the shop, number %d" % i }) }
                puts "ready"
                STDOUT.flush
                STDIN.read
                """);
        Process process = new ProcessBuilder("ruby", "--disable=gems", script.toString()).start();
        try (BufferedReader said = process.inputReader(StandardCharsets.US_ASCII)) {
            assertThat(said.readLine()).isEqualTo("ready");
            String pid = Long.toString(process.pid());
            JsonNode thing = rows("ruby", "dump", pid).stream()
                    .filter(row -> row.path("val").asText().equals("a thing of the shop, number 13"))
                    .findFirst()
                    .orElseThrow();
            List<JsonNode> told = rows("holders", pid, thing.get("id").textValue(), "--format", "jsonl");
            assertThat(told)
                    .extracting(row -> row.path("path").asText())
                    .anySatisfy(way -> assertThat(way)
                            .startsWith("\"a thing of the shop, number 13\" \u2190 [12] of #<Array")
                            .contains(" \u2190 @items of #<Cart")
                            .contains("$registry"));
        } finally {
            process.destroyForcibly().waitFor();
        }
    }

    /** Of each object the program itself asks who refers to it. */
    @Test
    void noGuessHoldsAnObjectOfPythonWhoseReferencesAreKnown() throws Exception {
        Path script = Files.writeString(folder.resolve("cache.py"), """
                import gc
                class Session:
                    def __init__(self, n):
                        self.user = "user %d" % n
                        self.data = ["item %d of %d" % (k, n) for k in range(20)]
                class Cache:
                    def __init__(self):
                        self.entries = {}
                def fill():
                    # Leaves pointers in free lists, on the stack and in memory of frames that have ended.
                    for i in range(500):
                        cache.entries["s%d" % i] = Session(i)
                cache = Cache()
                fill()
                names = [type(one).__name__ for one in gc.get_referrers(cache.entries)]
                print("entries %#x" % id(cache.entries))
                print("session %#x" % id(cache.entries["s7"]))
                print("referrers %d" % len(names))
                print("ready 0", flush=True)
                input()
                """);
        Process process = new ProcessBuilder("python3", script.toString()).start();
        try (BufferedReader said = process.inputReader(StandardCharsets.US_ASCII)) {
            Map<String, String> told = new HashMap<>();
            until(said, "ready", told);
            String pid = Long.toString(process.pid());

            // What the collector knows are all that hold it: other words that point there are told, and hold nothing.
            assertThat(told.get("referrers")).isEqualTo("1");
            List<JsonNode> answers = rows("holders", pid, told.get("entries"), "--format", "jsonl");
            assertThat(answers.stream()
                            .filter(row -> row.has("kind"))
                            .filter(row -> !row.get("kind").textValue().equals("weak")))
                    .singleElement()
                    .satisfies(row -> assertThat(row.get("name").textValue()).isEqualTo(".entries"));
            assertThat(answers.getLast().get("path").textValue())
                    .contains(" \u2190 .entries of <__main__.Cache at ")
                    .contains(" \u2190 ['cache'] of __dict__ of module __main__ \u2190 ");

            // So all sessions hang below it, and it below the module that has it as a variable.
            List<JsonNode> tree = rows("retained", pid, "--format", "jsonl");
            int entries = IntStream.range(0, tree.size())
                    .filter(i -> tree.get(i).path("holder").asText().startsWith("    .entries: "))
                    .findFirst()
                    .orElseThrow();
            assertThat(tree.get(entries).get("depth").intValue()).isEqualTo(3);
            assertThat(tree.get(entries).get("retained_bytes").longValue()).isGreaterThan(500L * 20 * 48);
            assertThat(tree.get(entries - 1).get("holder").textValue()).contains("['cache']: <__main__.Cache at ");
            assertThat(tree.get(entries - 2).get("holder").textValue()).startsWith("__dict__ of module __main__");
            assertThat(tree)
                    .anySatisfy(row -> assertThat(row.path("suspect").asText())
                            .startsWith("__dict__ of module __main__, held by ")
                            .contains("It comes together in {'s0': <__main__.Session"));
        } finally {
            process.destroyForcibly().waitFor();
        }
    }

    /** A program tells how much it has added to one holder, and to another one nothing. */
    @Test
    void tellsWhatHasGrownSinceACoreAndWhatHoldsIt() throws Exception {
        Path script = Files.writeString(folder.resolve("growing.rb"), """
                require "objspace"
                class Cart
                  def initialize(items) = @items = items
                end
                class Shop
                  def initialize = @carts = {}
                  attr_reader :carts
                end
                $shop = Shop.new
                $steady = (1..3000).map { |i| "a text that stays, number #{i}" }
                GC.start
                puts "before 0"
                STDOUT.flush
                STDIN.gets
                added = (1..300).map { |i| Cart.new((1..20).map { |k| "thing #{k} of cart #{i}, in a buffer" * 2 }) }
                added.each_with_index { |cart, i| $shop.carts[i] = cart }
                bytes = added.sum do |cart|
                  items = cart.instance_variable_get(:@items)
                  [cart, items, *items].sum { |one| ObjectSpace.memsize_of(one) }
                end
                added = nil
                puts "added #{bytes}"
                STDOUT.flush
                STDIN.read
                """);
        Process process = new ProcessBuilder("ruby", "--disable=gems", script.toString()).start();
        try (BufferedReader said = process.inputReader(StandardCharsets.US_ASCII)) {
            Map<String, String> told = new HashMap<>();
            until(said, "before", told);
            String pid = Long.toString(process.pid());
            String core = folder.resolve("before.core").toString();
            Run.heapwalk("core", pid, "-o", core).exited(0);
            process.getOutputStream().write('\n');
            process.getOutputStream().flush();
            until(said, "added", told);
            long added = Long.parseLong(told.get("added"));

            List<JsonNode> rows = rows("retained", pid, "--since", core, "--format", "jsonl");
            JsonNode hash = rows.stream()
                    .filter(row -> row.path("holder").asText().strip().startsWith("@carts: #<Hash "))
                    .findFirst()
                    .orElseThrow();
            // With malloc's heads and the table, of which Ruby counts what it uses.
            assertThat(hash.get("grown_bytes").longValue()).isBetween(added, added + added / 2);
            assertThat(rows).noneMatch(row -> row.path("holder").asText().contains("$steady"));
            assertThat(rows)
                    .extracting(row -> row.path("growth").asText())
                    .anySatisfy(line -> assertThat(line)
                            .startsWith("#<Hash ")
                            .contains("@carts of #<Shop ")
                            .endsWith(" \u2190 $shop \u2190 CRuby: global_tbl"));
            Run.heapwalk("retained", pid, "--since", "/no/such.core").exited(4).said("/no/such.core");
            Run.heapwalk("retained", pid, "--since", core, "--by", "root")
                    .exited(2)
                    .said("--since tells of holders");
        } finally {
            process.destroyForcibly().waitFor();
        }
    }
}
