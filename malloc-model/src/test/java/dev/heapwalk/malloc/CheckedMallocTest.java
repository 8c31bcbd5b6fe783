// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.malloc;

import static org.assertj.core.api.Assertions.assertThat;

import dev.heapwalk.memory.Target;
import dev.heapwalk.testkit.Cores;
import dev.heapwalk.testkit.Ledger;
import dev.heapwalk.testkit.LedgerProcess;
import dev.heapwalk.testkit.Release;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Programs whose malloc checks blocks: {@code MALLOC_CHECK_} to 2.33, since then {@code libc_malloc_debug.so}, which
 * has a malloc of its own. What {@code malloc_usable_size} says is then what was asked for.
 */
class CheckedMallocTest {
    @TempDir
    private Path folder;

    static Stream<Arguments> cases() {
        return Release.debian().stream()
                .flatMap(release -> Stream.of("basic", "memalign", "bigsizes", "threads", "brk-blocked", "strings")
                        .map(scenario -> Arguments.of(release, scenario)));
    }

    private static LedgerProcess start(Release release, String scenario) throws IOException {
        LedgerProcess.Launch launch = LedgerProcess.of(release, scenario).option("rounds", 3000);
        return release == Release.BULLSEYE
                ? launch.env("MALLOC_CHECK_", "3").start()
                : launch.env("LD_PRELOAD", "libc_malloc_debug.so.0")
                        .env("GLIBC_TUNABLES", "glibc.malloc.check=3")
                        .start();
    }

    @ParameterizedTest
    @MethodSource("cases")
    void agreesWithTheLedger(Release release, String scenario) throws IOException {
        try (LedgerProcess process = start(release, scenario)) {
            Ledger ledger = process.ledger();
            for (MallocHeap.Symbols symbols : MallocHeap.Symbols.values()) {
                try (Target target = Target.attach(process.pid())) {
                    agrees(MallocHeap.locateAll(target, symbols), ledger);
                }
            }
            assertThat(process.check()).isPositive();
            Path core = Cores.gcore(process, folder);
            try (Target target = Target.core(core, release.root(false).orElse(Path.of("/")))) {
                agrees(MallocHeap.locateAll(target, MallocHeap.Symbols.IGNORE), ledger);
            }
            Files.delete(core);
        }
    }

    private static void agrees(List<MallocHeap> heaps, Ledger ledger) {
        assertThat(heaps).hasSize(1);
        MallocHeap heap = heaps.getFirst();
        assertThat(heap.otherAllocators()).isEmpty();
        assertThat(heap.threadCaches()).isEmpty();
        assertThat(heap.evidence()).anyMatch(one -> one.subject().equals("checking"));
        HeapCheck check = new HeapCheck(heap, "checked", ledger);
        check.everyLiveBlockIsUsed();
        check.everythingElseIsExplained();
        check.noFreedBlockIsUsed();
        check.arenasAddUp();
        assertThat(heap.mmapped().confidence()).isEqualTo(MmappedChunks.Confidence.EXACT);
        if (ledger.glibc().compareTo("2.34") < 0) {
            check.mallinfoAgrees();
        } else {
            // The program's mallinfo2 is that of the C library itself, whose own malloc is unused.
            assertThat(ledger.mallinfo().get("arena")).isZero();
        }
    }

    /** The library alone does not change malloc. */
    @ParameterizedTest
    @MethodSource("dev.heapwalk.testkit.Release#debian")
    void withoutTheTunableNothingIsChecked(Release release) throws IOException {
        try (LedgerProcess process = LedgerProcess.of(release, "basic")
                .env("LD_PRELOAD", release == Release.BULLSEYE ? "" : "libc_malloc_debug.so.0")
                .start()) {
            Ledger ledger = process.ledger();
            try (Target target = Target.attach(process.pid())) {
                List<MallocHeap> heaps = MallocHeap.locateAll(target);
                assertThat(heaps).hasSize(1);
                assertThat(heaps.getFirst().evidence())
                        .noneMatch(one -> one.subject().equals("checking"));
                assertThat(heaps.getFirst().otherAllocators()).isEmpty();
                new HeapCheck(heaps.getFirst(), "not checked", ledger).all();
            }
        }
    }
}
