// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.allocator;

import static org.assertj.core.api.Assertions.assertThat;

import dev.heapwalk.heap.Evidence;
import dev.heapwalk.heap.Heap;
import dev.heapwalk.heap.Source;
import dev.heapwalk.memory.Target;
import dev.heapwalk.testkit.Cores;
import dev.heapwalk.testkit.Ledger;
import dev.heapwalk.testkit.LedgerProcess;
import dev.heapwalk.testkit.Release;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.function.BiConsumer;
import java.util.function.Function;

/** A program that is linked with an allocator, and has lost its names. */
public final class LinkedProgram {
    private LinkedProgram() {}

    /**
     * Its heap is found by structure, live and from a core.
     *
     * @param options how it is linked
     * @param name what the heap is called
     * @param locate finds it
     * @param owners tells which threads have caches
     * @param check holds it against the ledger
     * @param folder for the core
     */
    public static <H extends Heap> void check(
            String options,
            String name,
            Function<Target, H> locate,
            Function<H, List<Long>> owners,
            BiConsumer<H, Ledger> check,
            Path folder)
            throws Exception {
        try (LedgerProcess process = LedgerProcess.of(Release.TRIXIE, "threads")
                .option("threads", 4)
                .linked(options.split(" "))
                .start()) {
            Ledger ledger = process.ledger();
            try (Target target = Target.attach(process.pid())) {
                H heap = locate.apply(target);
                assertThat(heap.name()).isEqualTo(name);
                assertThat(heap.evidence().stream().map(Evidence::sources).toList())
                        .doesNotContain(Set.of(Source.SYMBOL));
                check.accept(heap, ledger);
                assertThat(owners.apply(heap).stream().sorted().toList())
                        .isEqualTo(ledger.threads().stream()
                                .map(thread -> (long) thread.tid())
                                .sorted()
                                .toList());
            }
            process.check();
            Path core = Cores.gcore(process, folder);
            try (Target target = Target.core(core, Release.TRIXIE.root(false).orElseThrow())) {
                check.accept(locate.apply(target), ledger);
            }
        }
    }
}
