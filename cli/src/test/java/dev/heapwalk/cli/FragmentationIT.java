// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.withinPercentage;

import com.fasterxml.jackson.databind.JsonNode;
import dev.heapwalk.testkit.CProgram;
import dev.heapwalk.testkit.Grandchild;
import dev.heapwalk.testkit.Rollup;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What docs/fragmentation.md tells of its program: what memory finds, and what helps. */
final class FragmentationIT {
    private static Grandchild start(String what, Map<String, String> environment) throws IOException {
        String source = Files.readString(Run.checkout().resolve("examples/fragments.c"));
        Path program = CProgram.compile("fragments", source, "-Wno-unused-result");
        ProcessBuilder builder = new ProcessBuilder(program.toString(), what);
        builder.environment().putAll(environment);
        Grandchild process = Grandchild.start(builder);
        assertThat(process.inputReader().readLine()).isEqualTo("ready");
        return process;
    }

    private static List<JsonNode> memory(Grandchild process) {
        return Run.heapwalk("memory", "--format", "jsonl", Long.toString(process.pid()))
                .exited(0)
                .rows();
    }

    private static Map<String, Long> findings(List<JsonNode> rows) {
        return rows.stream()
                .filter(row -> row.has("finding"))
                .collect(Collectors.toMap(
                        row -> row.get("finding").textValue(),
                        row -> row.get("bytes").longValue()));
    }

    @ParameterizedTest
    @CsvSource({
        "peak, given_back_by_trim free_between_used",
        "holes, free_between_used",
        "end, given_back_by_trim top_below_threshold",
        "arenas, kept_in_tops",
        "caches, cached",
        "large, large_in_arenas in_use",
        "used, in_use",
        "elsewhere, elsewhere"
    })
    void findsTheReasonAndNoOther(String what, String findings) throws Exception {
        Grandchild process = start(what, Map.of());
        try {
            assertThat(findings(memory(process)).keySet()).isEqualTo(Set.of(findings.split(" ")));
            String docs = Files.readString(Run.checkout().resolve("docs/fragmentation.md"));
            assertThat(docs).contains("| `" + what + "` |");
            for (String finding : findings.split(" ")) {
                assertThat(docs).contains("| `" + finding + "` |");
            }
        } finally {
            process.destroyForcibly();
        }
    }

    /** So much less is in memory with a setting as the sentence says that asks for it. */
    @ParameterizedTest
    @CsvSource({
        "end, top_below_threshold, MALLOC_TRIM_THRESHOLD_=131072",
        "arenas, kept_in_tops, MALLOC_TRIM_THRESHOLD_=131072",
        "caches, cached, GLIBC_TUNABLES=glibc.malloc.tcache_count=0"
    })
    void whatIsToldToHelpDoes(String what, String finding, String setting) throws Exception {
        long before;
        long told;
        Grandchild process = start(what, Map.of());
        try {
            before = Rollup.of(process.pid()).get("Anonymous");
            List<JsonNode> rows = memory(process);
            told = findings(rows).get(finding);
            assertThat(rows.toString()).contains(setting.startsWith("MALLOC") ? setting : finding);
        } finally {
            process.destroyForcibly();
        }
        int equals = setting.indexOf('=');
        Grandchild other = start(what, Map.of(setting.substring(0, equals), setting.substring(equals + 1)));
        try {
            long after = Rollup.of(other.pid()).get("Anonymous");
            assertThat((double) before - after).isCloseTo(told, withinPercentage(5));
        } finally {
            other.destroyForcibly();
        }
    }

    @Test
    void largeBlocksAreMappedOnTheirOwnWithTheThresholdThatIsTold() throws Exception {
        Grandchild process = start("large", Map.of("MALLOC_MMAP_THRESHOLD_", "131072"));
        try {
            List<JsonNode> rows = memory(process);
            assertThat(findings(rows)).doesNotContainKey("large_in_arenas");
            assertThat(rows).anySatisfy(row -> {
                assertThat(row.path("part").asText()).isEqualTo("in use, mmapped");
                assertThat(row.get("resident_bytes").longValue()).isGreaterThan(200 * 200_000);
            });
        } finally {
            process.destroyForcibly();
        }
    }

    @Test
    void tellsWhichBlocksKeepPages() throws Exception {
        Grandchild process = start("holes", Map.of());
        try {
            List<JsonNode> rows = memory(process);
            JsonNode pins = rows.stream()
                    .filter(row -> row.has("pinned_bytes"))
                    .findFirst()
                    .orElseThrow();
            // One in sixteen chunks of 256 bytes, one on each page.
            assertThat(pins.get("detail").textValue()).isEqualTo("256 bytes");
            assertThat(pins.get("blocks").longValue()).isEqualTo(25_000);
            assertThat(pins.get("block_bytes").longValue()).isEqualTo(25_000 * 256);
            assertThat(pins.get("smallest").longValue()).isEqualTo(256);
            assertThat(pins.get("largest").longValue()).isEqualTo(256);
            assertThat((double) pins.get("pinned_bytes").longValue())
                    .isCloseTo(25_000 * (4096 - 256), withinPercentage(1));
            JsonNode arena = rows.stream()
                    .filter(row -> row.has("fragmentation"))
                    .findFirst()
                    .orElseThrow();
            // Fifteen of sixteen.
            assertThat(arena.get("fragmentation").doubleValue()).isCloseTo(93.75, withinPercentage(1));
        } finally {
            process.destroyForcibly();
        }
    }
}
