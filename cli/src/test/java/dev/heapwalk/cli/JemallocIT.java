// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.heapwalk.testkit.Ledger;
import dev.heapwalk.testkit.LedgerProcess;
import dev.heapwalk.testkit.Release;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** The command on programs that run with jemalloc: what it lists is the ledger, and its answers add up. */
class JemallocIT {
    private static final String LIBRARY = "libjemalloc.so.2";
    /** A large block has a page more, where it begins anywhere in the first one. */
    private static final AllocatorAnswers ANSWERS = new AllocatorAnswers(
            List.of("USED", "FREE", "TCACHE", "DIRTY", "MUZZY", "RETAINED", "METADATA"),
            Set.of("FREE", "TCACHE", "DIRTY", "MUZZY"),
            4096);

    @TempDir
    private Path folder;

    @ParameterizedTest
    @MethodSource("dev.heapwalk.testkit.Release#debian")
    void answersAreTheLedger(Release release) throws Exception {
        try (LedgerProcess process = LedgerProcess.of(release, "threads")
                .env("LD_PRELOAD", LIBRARY)
                .option("threads", 4)
                .start()) {
            // Before the ledger asks glibc's malloc for its numbers, and after.
            List<JsonNode> before = Run.heapwalk("used", "--format=jsonl", Long.toString(process.pid()))
                    .exited(0)
                    .rows();
            Ledger ledger = process.ledger();
            List<String> live = List.of(Long.toString(process.pid()));
            assertThat(AllocatorAnswers.rows(live, "used")).isEqualTo(before);
            AllocatorAnswers.check(process, ledger, release, folder, ANSWERS::check);
        }
    }
}
