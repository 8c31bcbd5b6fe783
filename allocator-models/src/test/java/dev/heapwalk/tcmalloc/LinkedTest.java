// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.tcmalloc;

import static org.assertj.core.api.Assertions.assertThat;

import dev.heapwalk.heap.Evidence;
import dev.heapwalk.heap.Source;
import dev.heapwalk.memory.Target;
import dev.heapwalk.testkit.Cores;
import dev.heapwalk.testkit.Ledger;
import dev.heapwalk.testkit.LedgerProcess;
import dev.heapwalk.testkit.Release;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Programs that are linked with tcmalloc, and have lost its names. */
class LinkedTest {
    @TempDir
    private Path folder;

    @ParameterizedTest
    @ValueSource(
            strings = {
                "-s -l:libtcmalloc_minimal.a -l:libstdc++.a -lm",
                "-s -static -Wl,-z,muldefs -Wl,--whole-archive -l:libtcmalloc_minimal.a -Wl,--no-whole-archive -l:libstdc++.a -lm"
            })
    void isFoundByStructure(String options) throws Exception {
        try (LedgerProcess process = LedgerProcess.of(Release.TRIXIE, "threads")
                .option("threads", 4)
                .linked(options.split(" "))
                .start()) {
            Ledger ledger = process.ledger();
            try (Target target = Target.attach(process.pid())) {
                TcmallocHeap heap = TcmallocHeap.locate(target);
                assertThat(heap.name()).isEqualTo("tcmalloc 2.8.1");
                assertThat(heap.evidence().stream().map(Evidence::sources).toList())
                        .doesNotContain(Set.of(Source.SYMBOL));
                Walk.of(heap).check(ledger);
                List<Long> owners = heap.threadCaches().stream()
                        .flatMap(cache -> cache.tid().stream().boxed())
                        .sorted()
                        .toList();
                assertThat(owners)
                        .isEqualTo(ledger.threads().stream()
                                .map(thread -> (long) thread.tid())
                                .sorted()
                                .toList());
            }
            process.check();
            Path core = Cores.gcore(process, folder);
            try (Target target = Target.core(core, Release.TRIXIE.root(false).orElseThrow())) {
                Walk.of(TcmallocHeap.locate(target)).check(ledger);
            }
        }
    }
}
