// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import dev.heapwalk.testkit.Ledger;
import dev.heapwalk.testkit.LedgerProcess;
import dev.heapwalk.testkit.Release;
import java.io.IOException;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The command on programs that run with mimalloc: what it lists is the ledger, and its answers add up. */
class MimallocIT {
    private static final AllocatorAnswers ANSWERS = new AllocatorAnswers(
            List.of(
                    "USED",
                    "FREE",
                    "LOCAL_FREE",
                    "THREAD_FREE",
                    "DELAYED_FREE",
                    "UNUSED",
                    "SLICES",
                    "ARENA",
                    "METADATA"),
            Set.of("FREE", "LOCAL_FREE", "THREAD_FREE", "DELAYED_FREE", "SLICES"),
            0);

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
            AllocatorAnswers.check(process, process.ledger(), release, folder, MimallocIT::check);
        }
    }

    private static void check(Ledger ledger, List<String> target) throws IOException {
        List<JsonNode> all = AllocatorAnswers.rows(target, "all");
        TreeMap<Long, Long> listed = ANSWERS.listed(all, target);
        Set<Long> held = new HashSet<>();
        for (Ledger.Block block : ledger.live()) {
            // What must be aligned begins inside of a larger block.
            Map.Entry<Long, Long> entry = listed.floorEntry(block.address());
            assertThat(entry).as("used has %s", block).isNotNull();
            assertThat(entry.getKey() + entry.getValue()).as("%s", block).isEqualTo(block.address() + block.usable());
            assertThat(held.add(entry.getKey())).isTrue();
        }
        listed.keySet().removeAll(held);
        AllocatorAnswers.checkOthers(listed, ledger);
        assertThat(listed).hasSizeLessThanOrEqualTo(10 + 2 * ledger.threads().size());
        ANSWERS.checkSums(all, target);
        assertThat(AllocatorAnswers.sum(AllocatorAnswers.rows(target, "bins"), "chunks"))
                .isEqualTo(AllocatorAnswers.of(all, "FREE", "LOCAL_FREE").size());
    }
}
