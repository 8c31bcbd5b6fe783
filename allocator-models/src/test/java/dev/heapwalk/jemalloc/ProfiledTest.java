// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.jemalloc;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.heapwalk.allocator.LedgerBlocks;
import dev.heapwalk.memory.Target;
import dev.heapwalk.testkit.Ledger;
import dev.heapwalk.testkit.LedgerProcess;
import dev.heapwalk.testkit.Release;
import java.util.HashMap;
import java.util.Map;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * jemalloc takes blocks for itself, for the records of a profile in particular, also such as the program has freed. How
 * many bytes these have it counts itself: what is used but not the program's must be just that.
 */
class ProfiledTest {
    /** {@code malloc_stats_print} has it while it counts, since 5.3. */
    private static final long BUFFER = 1 << 16;

    private static final String PROFILED = "prof:true,lg_prof_sample:12";

    @ParameterizedTest
    @MethodSource("dev.heapwalk.testkit.Release#debian")
    void whatIsNotTheProgramsIsJemallocs(Release release) throws Exception {
        // What libstdc++ has is the same in both.
        assertThat(unexplained(release, PROFILED)).isEqualTo(unexplained(release, "prof:false"));
    }

    /** Bytes of used blocks that neither the program holds, nor libc for threads, nor jemalloc. */
    private static long unexplained(Release release, String settings) throws Exception {
        try (LedgerProcess process = LedgerProcess.of(release, "threads")
                .preload(LedgerTest.LIBRARY)
                .option("threads", 4)
                .env("MALLOC_CONF", settings)
                .start()) {
            // What it allocates for this at the first time is there at the second.
            process.jemallocStatistics();
            JsonNode jemalloc =
                    new ObjectMapper().readTree(process.jemallocStatistics()).get("jemalloc");
            JsonNode arenas = jemalloc.get("stats.arenas").get("merged");
            long own = arenas.get("internal").longValue();
            Ledger ledger = process.ledger();
            try (Target target = Target.attach(process.pid())) {
                JemallocHeap heap = JemallocHeap.locate(target);
                own -= heap.name().equals("jemalloc 5.2.1") ? 0 : BUFFER;
                Walk walk = Walk.of(heap);
                walk.checkLive(ledger);
                Map<Long, Long> others = new HashMap<>(walk.used);
                others.keySet().removeAll(LedgerBlocks.live(ledger).keySet());
                others.keySet().removeAll(LedgerBlocks.ofThreads(ledger));
                long stacks = 0;
                try (JemallocCursor block = heap.blocks()) {
                    while (block.next()) {
                        stacks += block.szind() >= 0 && block.jemallocState() == JemallocState.METADATA
                                ? block.usableSize()
                                : 0;
                    }
                }
                assertThat(own).isGreaterThanOrEqualTo(stacks);
                return sum(others) + stacks - own;
            }
        }
    }

    private static long sum(Map<Long, Long> blocks) {
        return blocks.values().stream().mapToLong(Long::longValue).sum();
    }
}
