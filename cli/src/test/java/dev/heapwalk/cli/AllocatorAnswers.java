// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.heapwalk.testkit.Cores;
import dev.heapwalk.testkit.Ledger;
import dev.heapwalk.testkit.LedgerProcess;
import dev.heapwalk.testkit.Release;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;

/**
 * What the command answers about a program on an allocator that takes the place of the C library's.
 *
 * @param states what the allocator calls the states of its blocks
 * @param free those of them that {@code free} lists
 * @param more by how much a block may be larger than what the program may use of it, in bytes
 */
record AllocatorAnswers(List<String> states, Set<String> free, long more) {

    static List<JsonNode> rows(List<String> target, String command, String... options) throws IOException {
        List<String> line = new ArrayList<>(List.of(command, "--format=jsonl"));
        line.addAll(List.of(options));
        line.addAll(target);
        Run run = Run.heapwalk(line.toArray(String[]::new)).exited(0);
        assertThat(run.err()).isEmpty();
        return run.rows();
    }

    static long sum(List<JsonNode> rows, String field) {
        return rows.stream().mapToLong(row -> row.get(field).longValue()).sum();
    }

    static List<JsonNode> of(List<JsonNode> rows, String... states) {
        Set<String> wanted = Set.of(states);
        return rows.stream()
                .filter(row -> wanted.contains(row.get("state").textValue()))
                .toList();
    }

    /** What commands tell of a program that runs, also where it is not stopped, and of its core. */
    interface Check {
        void of(Ledger ledger, List<String> target) throws IOException;
    }

    /** Checks what is told of a program. */
    static void check(LedgerProcess process, Ledger ledger, Release release, Path folder, Check check)
            throws Exception {
        String pid = Long.toString(process.pid());
        check.of(ledger, List.of(pid));
        check.of(ledger, List.of("--mode=observe", pid));
        process.check();
        Path core = Cores.gcore(process, folder);
        String root = release.root(false).orElseThrow().toString();
        check.of(ledger, List.of(core.toString(), "--sysroot", root));
    }

    /** All commands tell of the blocks of the ledger, and their answers add up. */
    void check(Ledger ledger, List<String> target) throws IOException {
        List<JsonNode> all = rows(target, "all");
        Map<Long, Long> listed = listed(all, target);
        for (Ledger.Block block : ledger.live()) {
            Long size = listed.remove(block.address());
            assertThat(size).as("used has %s", block).isNotNull();
            assertThat(size - block.usable()).as("%s", block).isIn(0L, more);
        }
        checkOthers(listed, ledger);
        assertThat(listed).hasSizeLessThanOrEqualTo(8 + ledger.threads().size());
        checkSums(all, target);

        assertThat(sum(rows(target, "tcache"), "chunks"))
                .isEqualTo(of(all, "TCACHE").size());
        assertThat(sum(rows(target, "bins"), "chunks"))
                .isEqualTo(of(all, "FREE").size());
        for (JsonNode arena : rows(target, "arenas")) {
            long number = arena.get("arena").longValue();
            if (number >= 0) {
                assertThat(rows(target, "arena", Long.toString(number)))
                        .isEqualTo(all.stream()
                                .filter(row -> row.get("arena").longValue() == number)
                                .toList());
            }
        }
    }

    /** The used blocks, with their sizes; {@code used} and {@code free} list what {@code all} says. */
    TreeMap<Long, Long> listed(List<JsonNode> all, List<String> target) throws IOException {
        List<JsonNode> used = rows(target, "used");
        assertThat(of(all, "USED")).isEqualTo(used);
        List<JsonNode> free = rows(target, "free");
        assertThat(of(all, this.free.toArray(String[]::new))).isEqualTo(free);

        TreeMap<Long, Long> listed = new TreeMap<>();
        for (JsonNode row : used) {
            assertThat(listed.put(
                            Long.decode(row.get("address").textValue()),
                            row.get("size").longValue()))
                    .isNull();
        }
        return listed;
    }

    /** Of used blocks that are not the program's, none is one that it freed. Those of threads are taken out. */
    static void checkOthers(Map<Long, Long> others, Ledger ledger) {
        ledger.threads().forEach(thread -> others.remove(thread.dtv() - 16));
        Set<Long> freed = Arrays.stream(ledger.freed()).boxed().collect(Collectors.toCollection(HashSet::new));
        freed.retainAll(others.keySet());
        assertThat(freed).as("freed, but used").isEmpty();
    }

    /** The sums of {@code sizes}, {@code summary} and {@code arenas} are those of all blocks. */
    void checkSums(List<JsonNode> all, List<String> target) throws IOException {
        List<JsonNode> used = of(all, "USED");
        List<JsonNode> sizes = rows(target, "sizes");
        assertThat(sum(sizes, "count")).isEqualTo(used.size());
        assertThat(sum(sizes, "bytes")).isEqualTo(sum(used, "size"));
        List<JsonNode> summary = rows(target, "summary");
        assertThat(sum(summary, "count")).isEqualTo(used.size());
        assertThat(sum(summary, "bytes")).isEqualTo(sum(used, "size"));

        List<JsonNode> arenas = rows(target, "arenas");
        for (String state : states) {
            String field = state.toLowerCase(Locale.ROOT);
            List<JsonNode> some = of(all, state);
            assertThat(sum(arenas, field + "_chunks")).as(state).isEqualTo(some.size());
            assertThat(sum(arenas, field + "_bytes")).as(state).isEqualTo(sum(some, "size"));
        }
    }
}
