// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.heapwalk.testkit.Ledger;
import dev.heapwalk.testkit.LedgerProcess;
import dev.heapwalk.testkit.Release;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** The command on programs that run on musl: what it lists is the ledger, and its answers add up. */
class MuslIT {
    private static final AllocatorAnswers ANSWERS =
            new AllocatorAnswers(List.of("USED", "FREE", "METADATA"), Set.of("FREE"), 0);

    @TempDir
    private Path folder;

    static Stream<Arguments> kinds() {
        return Release.debian().stream()
                .flatMap(release -> Stream.of(false, true).map(statically -> Arguments.of(release, statically)));
    }

    private static LedgerProcess.Launch launch(Release release, String scenario, boolean statically) {
        LedgerProcess.Launch launch = LedgerProcess.of(release, scenario).musl(statically);
        return statically ? launch.linked("-s") : launch;
    }

    @ParameterizedTest
    @MethodSource("kinds")
    void answersAreTheLedger(Release release, boolean statically) throws Exception {
        try (LedgerProcess process =
                launch(release, "threads", statically).option("threads", 4).start()) {
            AllocatorAnswers.check(process, process.ledger(), release, folder, MuslIT::check);
        }
    }

    /** All commands tell of the blocks of the ledger, and their answers add up. */
    private static void check(Ledger ledger, List<String> target) throws IOException {
        List<JsonNode> all = AllocatorAnswers.rows(target, "all");
        TreeMap<Long, Long> listed = ANSWERS.listed(all, target);
        for (Ledger.Block block : ledger.live()) {
            // A slot is as large as what was asked for and a header at least.
            assertThat(listed.remove(block.address())).as("%s", block).isGreaterThanOrEqualTo(block.usable() + 4);
        }
        AllocatorAnswers.checkOthers(listed, ledger);
        assertThat(listed).hasSizeLessThanOrEqualTo(2);
        ANSWERS.checkSums(all, target);

        List<String> line = new ArrayList<>(List.of("tcache", "--format=jsonl"));
        line.addAll(target);
        Run caches = Run.heapwalk(line.toArray(String[]::new)).exited(0);
        assertThat(caches.rows()).isEmpty();
        assertThat(caches.err()).contains("has no caches");
        List<JsonNode> bins = AllocatorAnswers.rows(target, "bins");
        List<JsonNode> free = AllocatorAnswers.of(all, "FREE");
        assertThat(AllocatorAnswers.sum(bins, "chunks")).isEqualTo(free.size());
        assertThat(AllocatorAnswers.sum(bins, "bytes")).isEqualTo(AllocatorAnswers.sum(free, "size"));
        List<JsonNode> arenas = AllocatorAnswers.rows(target, "arenas");
        JsonNode context = arenas.getFirst();
        assertThat(context.get("system_bytes").longValue())
                .isEqualTo(AllocatorAnswers.sum(AllocatorAnswers.of(all, "USED", "FREE"), "size")
                        + context.get("overhead_bytes").longValue());
        assertThat(AllocatorAnswers.rows(target, "arena", "0")).isEqualTo(AllocatorAnswers.of(all, "USED", "FREE"));
    }

    @ParameterizedTest
    @MethodSource("kinds")
    void textIsTold(Release release, boolean statically) throws Exception {
        try (LedgerProcess process =
                launch(release, "strings", statically).option("count", 3000).start()) {
            String pid = Long.toString(process.pid());
            Map<String, Long> counts = new TreeMap<>();
            for (JsonNode row : AllocatorAnswers.rows(List.of(pid), "summary")) {
                counts.merge(row.get("kind").textValue(), row.get("count").longValue(), Long::sum);
            }
            assertThat(counts).containsEntry("string data", 3000L);
        }
    }

    @Test
    void tellsWhatItRestsOn() throws Exception {
        try (LedgerProcess process = launch(Release.TRIXIE, "basic", false).start()) {
            Run run = Run.heapwalk("arenas", "--explain", Long.toString(process.pid()))
                    .exited(0);
            assertThat(run.text() + run.err()).contains("musl: libc.so", "version: 1.2.5", "areas of metas begin with");
        }
    }
}
