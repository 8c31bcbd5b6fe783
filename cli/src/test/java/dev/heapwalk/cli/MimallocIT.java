// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

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
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The command on programs that run with mimalloc: what it lists is the ledger, and its answers add up. */
class MimallocIT {
    @TempDir
    private Path folder;

    @ParameterizedTest
    @CsvSource({"BOOKWORM, libmimalloc.so.2", "SID, libmimalloc.so.3"})
    void answersAreTheLedger(Release release, String library) throws Exception {
        assumeTrue(Release.debian().contains(release), "tests run without " + release.label());
        try (LedgerProcess process = LedgerProcess.of(release, "threads")
                .preload(library)
                .option("threads", 4)
                .start()) {
            Ledger ledger = process.ledger();
            check(ledger, List.of(Long.toString(process.pid())));
            check(ledger, List.of("--mode=observe", Long.toString(process.pid())));
            process.check();
            Path core = Cores.gcore(process, folder);
            check(
                    ledger,
                    List.of(
                            core.toString(),
                            "--sysroot",
                            release.root(false).orElseThrow().toString()));
        }
    }

    private static List<JsonNode> rows(List<String> target, String command, String... options) throws IOException {
        List<String> line = new ArrayList<>(List.of(command, "--format=jsonl"));
        line.addAll(List.of(options));
        line.addAll(target);
        Run run = Run.heapwalk(line.toArray(String[]::new)).exited(0);
        assertThat(run.err()).isEmpty();
        return run.rows();
    }

    private static long sum(List<JsonNode> rows, String field) {
        return rows.stream().mapToLong(row -> row.get(field).longValue()).sum();
    }

    private static List<JsonNode> of(List<JsonNode> rows, String... states) {
        Set<String> wanted = Set.of(states);
        return rows.stream()
                .filter(row -> wanted.contains(row.get("state").textValue()))
                .toList();
    }

    private static void check(Ledger ledger, List<String> target) throws IOException {
        List<JsonNode> all = rows(target, "all");
        List<JsonNode> used = rows(target, "used");
        assertThat(of(all, "USED")).isEqualTo(used);
        List<JsonNode> free = rows(target, "free");
        assertThat(of(all, "FREE", "LOCAL_FREE", "THREAD_FREE", "DELAYED_FREE", "SLICES"))
                .isEqualTo(free);

        TreeMap<Long, Long> listed = new TreeMap<>();
        for (JsonNode row : used) {
            assertThat(listed.put(
                            Long.decode(row.get("address").textValue()),
                            row.get("size").longValue()))
                    .isNull();
        }
        Set<Long> held = new HashSet<>();
        for (Ledger.Block block : ledger.live()) {
            // What must be aligned begins inside of a larger block.
            Map.Entry<Long, Long> entry = listed.floorEntry(block.address());
            assertThat(entry).as("used has %s", block).isNotNull();
            assertThat(entry.getKey() + entry.getValue()).as("%s", block).isEqualTo(block.address() + block.usable());
            assertThat(held.add(entry.getKey())).isTrue();
        }
        listed.keySet().removeAll(held);
        ledger.threads().forEach(thread -> listed.remove(thread.dtv() - 16));
        Set<Long> freed = Arrays.stream(ledger.freed()).boxed().collect(Collectors.toCollection(HashSet::new));
        freed.retainAll(listed.keySet());
        assertThat(freed).as("freed, but used").isEmpty();
        assertThat(listed).hasSizeLessThanOrEqualTo(10 + 2 * ledger.threads().size());

        List<JsonNode> sizes = rows(target, "sizes");
        assertThat(sum(sizes, "count")).isEqualTo(used.size());
        assertThat(sum(sizes, "bytes")).isEqualTo(sum(used, "size"));
        List<JsonNode> summary = rows(target, "summary");
        assertThat(sum(summary, "count")).isEqualTo(used.size());
        assertThat(sum(summary, "bytes")).isEqualTo(sum(used, "size"));

        List<JsonNode> heaps = rows(target, "arenas");
        for (String state : List.of(
                "USED", "FREE", "LOCAL_FREE", "THREAD_FREE", "DELAYED_FREE", "UNUSED", "SLICES", "ARENA", "METADATA")) {
            String field = state.toLowerCase(Locale.ROOT);
            List<JsonNode> some = of(all, state);
            assertThat(sum(heaps, field + "_chunks")).as(state).isEqualTo(some.size());
            assertThat(sum(heaps, field + "_bytes")).as(state).isEqualTo(sum(some, "size"));
        }
        assertThat(sum(rows(target, "bins"), "chunks"))
                .isEqualTo(of(all, "FREE", "LOCAL_FREE").size());
    }
}
