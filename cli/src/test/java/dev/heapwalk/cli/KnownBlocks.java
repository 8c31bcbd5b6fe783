// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** What {@code used} and {@code sizes} must say of a known process, wherever it runs and however it was made. */
final class KnownBlocks {
    private KnownBlocks() {}

    /** Checks both, live in both modes. The C library has at most so many blocks of its own. */
    static void areListed(KnownProcess known, int most) {
        for (String mode : List.of("stop", "observe")) {
            areListed(known, most, known.pid(), "--mode", mode);
        }
        assertThat(known.alive()).as("the target lives after that").isTrue();
    }

    private static void areListed(KnownProcess known, int most, String target, String option, String value) {
        Run run = Run.heapwalk("used", "--format=jsonl", option, value, target).exited(0);
        assertThat(run.err()).isEmpty();
        Map<String, JsonNode> used = new HashMap<>();
        for (JsonNode row : run.rows()) {
            assertThat(used.put(row.get("address").textValue(), row))
                    .as("listed once: %s", row)
                    .isNull();
        }
        int all = used.size();
        List<KnownProcess.Block> held = known.blocks("used", "thread", "mapped", "string", "hostile");
        for (KnownProcess.Block block : held) {
            JsonNode row = used.remove(block.address());
            assertThat(row).as("used has %s", block).isNotNull();
            assertThat(row.get("size").longValue())
                    .isEqualTo(block.chunkSize(row.get("mmapped").booleanValue()));
        }
        for (KnownProcess.Block block : known.blocks("cached", "freed")) {
            assertThat(used).doesNotContainKey(block.address());
        }
        assertThat(used.size())
                .as("blocks that are not the program's: %s", used.values())
                .isBetween(2, most);

        Run sizes =
                Run.heapwalk("sizes", "--format=jsonl", option, value, target).exited(0);
        Map<Long, Long> counts = new HashMap<>();
        sizes.rows()
                .forEach(row ->
                        counts.put(row.get("size").longValue(), row.get("count").longValue()));
        assertThat(counts).containsEntry(5008L, 100L).containsEntry((3L << 20) + 4096, 1L);
        assertThat(counts.values().stream().mapToLong(Long::longValue).sum()).isEqualTo(all);
    }

    /** As {@link #areListed(KnownProcess, int)}, of a core file of the process. */
    static void areListedOfCore(KnownProcess known, int most, String core, String sysroot) {
        areListed(known, most, core, "--sysroot", sysroot);
    }
}
