// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.benchmarks;

import dev.heapwalk.testkit.LedgerProcess;
import dev.heapwalk.testkit.Release;
import java.io.IOException;
import java.util.Map;

/** A ledger program, by what its heap is like. */
enum MallocProgram {
    /** Small blocks, none of them freed. */
    FRESH("fresh", "many", Map.of("freed", 0)),
    /** Small blocks, 30 % of them freed again at random. */
    FRAGMENTED("fragmented", "many", Map.of()),
    /** The same, allocated by 12 threads in as many arenas. */
    ARENAS("arenas", "many", Map.of("threads", 12)),
    /** Blocks of 100 KiB. */
    LARGE("large", "large", Map.of()),
    /** Blocks of 140,000 bytes: each has a mapping of its own. */
    MMAPPED("mmapped", "large", Map.of("size", 140_000)),
    /** C strings. */
    STRINGS("strings", "strings", Map.of());

    private final String label;
    private final String scenario;
    private final Map<String, Integer> options;

    MallocProgram(String label, String scenario, Map<String, Integer> options) {
        this.label = label;
        this.scenario = scenario;
        this.options = options;
    }

    /** As it stands in names. */
    String label() {
        return label;
    }

    /** Starts it, and has it call malloc so many times. */
    LedgerProcess start(int mallocs) throws IOException {
        LedgerProcess.Launch launch = LedgerProcess.of(Release.HOST, scenario);
        options.forEach(launch::option);
        return launch.option("count", mallocs).start();
    }
}
