// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.musl;

import static org.assertj.core.api.Assertions.assertThat;

import dev.heapwalk.allocator.LedgerBlocks;
import dev.heapwalk.allocator.NamedLibrary;
import dev.heapwalk.memory.Target;
import dev.heapwalk.testkit.Cores;
import dev.heapwalk.testkit.Ledger;
import dev.heapwalk.testkit.LedgerProcess;
import dev.heapwalk.testkit.Release;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Programs on the musl of each release: every block is that of the program's ledger, live and from cores. */
class LedgerTest {
    private static final Map<Release, String> VERSIONS =
            Map.of(Release.BULLSEYE, "1.2.2", Release.BOOKWORM, "1.2.3", Release.TRIXIE, "1.2.5", Release.SID, "1.2.6");

    /** The program aligns nothing to more than this by aligned_alloc. */
    private static final int MOST_ALIGNED = 4096;

    @TempDir
    private Path folder;

    /** Paths of other libraries, separated by colons, whose file names begin with their versions, such as 1.2.4. */
    private static final String VARIABLE = "HEAPWALK_MUSLS";

    /**
     * What the program does, and whether it has musl in itself and has lost its names.
     *
     * @param linked how else it is linked
     */
    record Case(
            Release release,
            String version,
            String scenario,
            Map<String, Long> options,
            boolean statically,
            List<String> linked) {
        /** With what a release packages. */
        Case(Release release, String scenario, Map<String, Long> options, boolean statically) {
            this(release, VERSIONS.get(release), scenario, options, statically, statically ? List.of("-s") : List.of());
        }

        LedgerProcess.Launch launch() {
            LedgerProcess.Launch launch =
                    LedgerProcess.of(release, scenario).musl(statically).linked(linked.toArray(String[]::new));
            options.forEach(launch::option);
            return launch;
        }

        @Override
        public String toString() {
            return release.label() + " " + version + " " + scenario + options + (statically ? " static" : "");
        }
    }

    static Stream<Case> cases() {
        List<Case> cases = new ArrayList<>();
        for (Release release : Release.debian()) {
            for (String scenario : List.of("never", "basic", "bigsizes", "exits", "memalign")) {
                cases.add(new Case(release, scenario, Map.of(), false));
            }
            for (boolean statically : new boolean[] {false, true}) {
                cases.add(new Case(release, "threads", Map.of("threads", 8L, "rounds", 20_000L), statically));
                cases.add(new Case(release, "many", Map.of("threads", 4L, "count", 100_000L), statically));
            }
            cases.add(new Case(release, "threads", Map.of("threads", 200L, "rounds", 150L), false));
            cases.add(new Case(release, "brk-blocked", Map.of(), true));
            cases.add(new Case(release, "pages", Map.of("count", 2000L), true));
        }
        NamedLibrary.of(VARIABLE).forEach(named -> {
            for (String scenario : List.of("never", "basic", "bigsizes", "exits", "memalign", "threads")) {
                cases.add(new Case(
                        Release.HOST,
                        named.version(),
                        scenario,
                        Map.of(),
                        false,
                        List.of("-Wl,-dynamic-linker=" + named.file())));
            }
        });
        return cases.stream();
    }

    @ParameterizedTest
    @MethodSource("cases")
    void everyBlockIsThatOfTheLedger(Case one) throws Exception {
        try (LedgerProcess process = one.launch().start()) {
            Ledger ledger = process.ledger();
            try (Target target = Target.attach(process.pid())) {
                MuslHeap heap = MuslHeap.locate(target);
                assertThat(heap.name()).isEqualTo(one.statically ? "musl's malloc" : "musl's malloc " + one.version);
                check(heap, ledger);
                LedgerBlocks.checkLookup(heap, ledger, Set.of());
                Walk walk = Walk.of(heap);
                // What malloc asks the kernel for the first time is below a fence.
                assertThat(walk.bytes(MuslState.METADATA)).isPositive();
                assertThat(walk.bytes.values().stream()
                                .mapToLong(Long::longValue)
                                .sum())
                        .isEqualTo(heap.table().totalBytes());
            }
            process.check();
            // It has the memory of all threads, but one thread.
            try (Target target = Target.attach(process.child())) {
                check(MuslHeap.locate(target), ledger);
            }
            Path core = Cores.gcore(process, folder);
            try (Target target = Target.core(core, one.release.root(false).orElse(Path.of("/")))) {
                check(MuslHeap.locate(target), ledger);
            }
        }
    }

    /** What was asked for is known of each block, to the byte. */
    static void check(MuslHeap heap, Ledger ledger) {
        Walk walk = Walk.of(heap);
        walk.check(ledger);
        for (Ledger.Block block : ledger.live()) {
            long asked = walk.used.get(block.address());
            // Of aligned_alloc the program asks for more than it then uses: for a multiple of the alignment.
            assertThat(asked == block.requested()
                            || asked > block.requested() && asked - block.requested() < MOST_ALIGNED && asked % 32 == 0)
                    .as("%s has %d bytes", block, asked)
                    .isTrue();
        }
        assertThat(walk.ownMappings).isGreaterThanOrEqualTo((int) ledger.live().stream()
                .filter(block -> block.requested() > 1 << 20)
                .count());
    }
}
