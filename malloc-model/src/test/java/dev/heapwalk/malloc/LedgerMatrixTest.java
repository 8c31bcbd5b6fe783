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
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** The heap of a program that keeps a ledger, on every release, in every way to open it, with and without symbols. */
class LedgerMatrixTest {
    @TempDir
    private Path folder;

    /** What the program does, with which settings. */
    record Case(Release release, boolean debugSymbols, String scenario, Map<String, Long> options, String tunables) {
        @Override
        public String toString() {
            return release.label()
                    + (debugSymbols ? "-dbg " : " ")
                    + scenario
                    + (options.isEmpty() ? "" : options)
                    + (tunables.isEmpty() ? "" : " " + tunables);
        }
    }

    static Stream<Case> cases() {
        List<Case> cases = new ArrayList<>();
        for (Release release : Release.debian()) {
            for (boolean symbols : new boolean[] {false, true}) {
                for (String scenario : List.of(
                        "basic",
                        "fastbins",
                        "tcachefull",
                        "memalign",
                        "bigsizes",
                        "brk-blocked",
                        "threads",
                        "arenas",
                        "exits",
                        "strings")) {
                    cases.add(new Case(release, symbols, scenario, Map.of(), ""));
                }
                Map<String, Long> four = Map.of("threads", 4L);
                cases.add(new Case(release, symbols, "threads", four, "glibc.malloc.tcache_count=0"));
                cases.add(new Case(release, symbols, "threads", four, "glibc.malloc.arena_max=1"));
                // Mappings beside stacks, too.
                cases.add(new Case(release, symbols, "threads", four, "glibc.malloc.mmap_threshold=4096"));
                cases.add(new Case(release, symbols, "exits", Map.of(), "glibc.malloc.mmap_threshold=256"));
                cases.add(new Case(release, symbols, "basic", Map.of(), "glibc.malloc.mmap_threshold=4096"));
                cases.add(new Case(release, symbols, "pages", Map.of(), "glibc.malloc.mmap_threshold=4096"));
                cases.add(new Case(release, symbols, "pages", Map.of(), "glibc.malloc.mmap_threshold=256"));
                cases.add(new Case(release, symbols, "basic", Map.of(), "glibc.malloc.tcache_count=100"));
                cases.add(new Case(release, symbols, "exits", Map.of("seed", 7L), "glibc.malloc.arena_max=2"));
                cases.add(new Case(release, symbols, "fastbins", Map.of(), "glibc.malloc.tcache_count=0"));
            }
        }
        for (Release release : Release.debian()) {
            // Large enough for the walk to be read ahead for, from arena to arena, and to jump from header to header.
            cases.add(new Case(release, false, "many", Map.of("threads", 12L, "count", 120_000L), ""));
            cases.add(new Case(release, false, "large", Map.of("count", 200L), ""));
        }
        if (Release.debian().contains(Release.SID)) {
            for (boolean symbols : new boolean[] {false, true}) {
                cases.add(new Case(Release.SID, symbols, "basic", Map.of(), "glibc.malloc.tcache_max=4194304"));
                cases.add(new Case(Release.SID, symbols, "bigsizes", Map.of(), "glibc.malloc.tcache_max=4194304"));
            }
        }
        return cases.stream();
    }

    private static LedgerProcess start(Case it) throws IOException {
        LedgerProcess.Launch launch =
                LedgerProcess.of(it.release(), it.scenario()).debugSymbols(it.debugSymbols());
        it.options().forEach(launch::option);
        if (!it.tunables().isEmpty()) {
            launch.env("GLIBC_TUNABLES", it.tunables());
        }
        return launch.start();
    }

    @ParameterizedTest
    @MethodSource("cases")
    void theWalkAgreesWithTheLedger(Case it) throws IOException {
        try (LedgerProcess process = start(it)) {
            Ledger ledger = process.ledger();
            for (MallocHeap.Symbols symbols : MallocHeap.Symbols.values()) {
                try (Target target = Target.attach(process.pid())) {
                    HeapCheck check = new HeapCheck(target, symbols, ledger);
                    check.all();
                    check.ownBlocksAreNamed();
                }
                try (Target target = Target.observe(process.pid())) {
                    HeapCheck check = new HeapCheck(target, symbols, ledger);
                    check.everyLiveBlockIsUsed();
                    check.noFreedBlockIsUsed();
                    check.arenasAddUp();
                    check.mallinfoAgrees();
                }
            }
            assertThat(process.check()).isPositive();
            // The kernel's are not like gdb's, but take longer where blocks are large.
            boolean kernels = List.of("tcachefull", "fastbins", "pages").contains(it.scenario());
            Path core = kernels ? Cores.abort(process, folder) : Cores.gcore(process, folder);
            Path sysroot = it.release().root(it.debugSymbols()).orElse(Path.of("/"));
            for (MallocHeap.Symbols symbols : MallocHeap.Symbols.values()) {
                try (Target target = Target.core(core, sysroot)) {
                    new HeapCheck(target, symbols, ledger).all();
                }
            }
            Files.delete(core);
        }
    }
}
