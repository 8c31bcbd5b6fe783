// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.mimalloc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.heapwalk.memory.Target;
import java.io.BufferedReader;
import java.util.Optional;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;

/**
 * The copy of mimalloc that a CPython without its global lock has in itself, against what the interpreter counts. No
 * Debian release packages one: {@code HEAPWALK_PYTHONS} may name one.
 */
class CpythonTest {
    private static final String SCRIPT = """
            import os, sys
            class A: pass
            keep = [{str(i): [i, (i,), A()]} for i in range(3000)]
            pid = os.getpid()
            blocks = sys.getallocatedblocks()
            print(pid, blocks, flush=True)
            sys.stdin.read()
            """;

    private static Optional<String> python() throws Exception {
        String list = Optional.ofNullable(System.getenv("HEAPWALK_PYTHONS")).orElse("");
        for (String executable : list.split(":")) {
            if (!executable.isBlank()) {
                Process process = new ProcessBuilder(
                                executable,
                                "-c",
                                "import sysconfig; print(sysconfig.get_config_var('Py_GIL_DISABLED'))")
                        .start();
                try (BufferedReader reader = process.inputReader()) {
                    if ("1".equals(reader.readLine())) {
                        return Optional.of(executable);
                    }
                } finally {
                    process.waitFor();
                }
            }
        }
        return Optional.empty();
    }

    @Test
    void hasTheBlocksThatTheInterpreterCounts() throws Exception {
        Optional<String> python = python();
        assumeTrue(python.isPresent(), "HEAPWALK_PYTHONS names no Python without a global lock");
        Process process = new ProcessBuilder(python.get(), "-c", SCRIPT).start();
        try {
            String[] told = process.inputReader().readLine().split(" ");
            // A child of this JVM can't be stopped; it waits anyway.
            try (Target target = Target.observe(Long.parseLong(told[0]))) {
                MimallocHeap heap = MimallocHeap.locate(target);
                assertThat(heap.layout().versions()).isEqualTo("2.1 of CPython");
                Walk walk = Walk.of(heap);
                // What it printed it had to make first.
                assertThat(walk.used.size() - Long.parseLong(told[1])).isBetween(-20L, 20L);
                TreeSet<Integer> tags = new TreeSet<>();
                for (int i = 0; i < heap.pageCount(); i++) {
                    tags.add(heap.page(i).tag());
                }
                assertThat(tags).containsExactly(0, 1, 2, 3);
            }
        } finally {
            process.destroyForcibly().waitFor();
        }
    }
}
