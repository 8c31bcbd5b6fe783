// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.heapwalk.memory.Target;
import dev.heapwalk.testkit.BusyProcess;
import dev.heapwalk.testkit.CProgram;
import dev.heapwalk.testkit.Cores;
import dev.heapwalk.testkit.Release;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The command on healthy programs that are inside malloc nearly always: none is called damaged, and no block is missing
 * of those that the program keeps. {@code HEAPWALK_SOAK_LOOKS} sets how often all of them are looked at, 100 times by
 * itself.
 */
class BusyIT {
    private static final int LOOKS = Integer.parseInt(System.getenv().getOrDefault("HEAPWALK_SOAK_LOOKS", "100"));
    private static final List<String> COMMANDS = List.of("sizes", "used", "bins", "arenas", "free", "summary", "used");
    private static final int MOST_CORES = 30;

    static Stream<Arguments> programs() {
        return Release.debian().stream()
                .flatMap(release -> Stream.of(
                        Arguments.of(release, List.of("small", "0")),
                        Arguments.of(release, List.of("trim", "0")),
                        Arguments.of(release, List.of("trim", "-1")),
                        Arguments.of(release, List.of("large", "0")),
                        Arguments.of(release, List.of("small", "0", "child"))));
    }

    @ParameterizedTest
    @MethodSource("programs")
    void aBusyProgramIsNotCalledDamaged(Release release, List<String> arguments) throws IOException {
        int looks = Math.ceilDiv(LOOKS, (int) programs().count());
        try (BusyProcess process = BusyProcess.start(release, false, arguments.toArray(String[]::new))) {
            Set<String> kept = Set.copyOf(kept(process));
            for (int look = 0; look < looks; look++) {
                String command = COMMANDS.get(look % COMMANDS.size());
                Run run = Run.heapwalk(command, "--format", "jsonl", Long.toString(process.pid()))
                        .exited(0);
                assertThat(run.err()).doesNotContain("problem");
                if (command.equals("used")) {
                    assertThat(addresses(run)).containsAll(kept);
                }
            }
            assertThat(process.isAlive()).isTrue();
        }
    }

    @Test
    void norIsAStaticOneWithoutSymbols() throws IOException {
        Path program = CProgram.compile("busy", BusyProcess.source(), "-static", "-s");
        try (BusyProcess process = BusyProcess.start(program, "trim", "0")) {
            Set<String> kept = Set.copyOf(kept(process));
            for (int look = 0; look < Math.max(5, LOOKS / 20); look++) {
                Run run = Run.heapwalk("used", "--format", "jsonl", Long.toString(process.pid()))
                        .exited(0);
                assertThat(run.err()).doesNotContain("problem");
                assertThat(addresses(run)).containsAll(kept);
            }
        }
    }

    /** A handler that never returns, and a process that job control has stopped: what is half done stays so. */
    @ParameterizedTest
    @ValueSource(strings = {"stuck", "stopped"})
    void norIsOneThatStaysInsideMalloc(String how) throws Exception {
        int halfDone = 0;
        for (int process = 0; process < 4; process++) {
            String alone = how.equals("stuck") ? how : "";
            try (BusyProcess busy = BusyProcess.start(Release.TRIXIE, false, "trim", "0", alone)) {
                Set<String> kept = Set.copyOf(kept(busy));
                for (int look = 0; look < 3; look++) {
                    Thread.sleep(50);
                    if (how.equals("stopped")) {
                        signal("STOP", busy);
                    }
                    Run run = Run.heapwalk("used", "--format", "jsonl", Long.toString(busy.pid()));
                    assertThat(run.err()).doesNotContain("problem");
                    assertThat(addresses(run)).containsAll(kept);
                    assertThat(run.status()).isIn(0, 3);
                    if (!run.err().isEmpty()) {
                        assertThat(run.err()).contains("caught inside malloc: thread " + busy.pid(), "did not move in");
                        halfDone++;
                    }
                    signal("CONT", busy);
                }
            }
        }
        System.out.println("heaps that a thread has left half done (" + how + "): " + halfDone + " of 12");
    }

    private static void signal(String name, BusyProcess process) throws Exception {
        Run.of(new ProcessBuilder("kill", "-" + name, Long.toString(process.pid())))
                .exited(0);
    }

    @Test
    void damageIsToldAllTheSame() throws IOException {
        for (String sizes : List.of("small", "trim")) {
            try (BusyProcess process = BusyProcess.start(Release.TRIXIE, false, sizes, "0", "damaged")) {
                List<String> kept = kept(process);
                Set<String> whole = new HashSet<>(kept);
                whole.removeAll(kept.subList(BusyProcess.DAMAGED - 1, BusyProcess.DAMAGED + 2));
                for (String command : List.of("sizes", "arenas", "used", "summary")) {
                    Run run = Run.heapwalk(command, "--format", "jsonl", Long.toString(process.pid()))
                            .exited(3);
                    assertThat(run.err()).contains("problem at 0x").contains("0x6262626262626260");
                    if (command.equals("used")) {
                        assertThat(addresses(run)).containsAll(whole);
                    }
                }
                assertThat(process.isAlive()).isTrue();
            }
        }
    }

    @Test
    void inACoreTheThreadTellsThatItWasCaught(@TempDir Path folder) throws IOException {
        int caught = 0;
        try (BusyProcess process = BusyProcess.start(Release.TRIXIE, false, "trim", "0")) {
            Set<String> kept = Set.copyOf(kept(process));
            for (int cores = 0; caught < 1 && cores < MOST_CORES; cores++) {
                Path core = Cores.gcore(Release.TRIXIE, process.pid(), folder);
                String root = Release.TRIXIE.root(false).orElseThrow().toString();
                Run run = Run.heapwalk("used", "--format", "jsonl", "--sysroot", root, core.toString());
                assertThat(addresses(run)).containsAll(kept);
                assertThat(run.err()).doesNotContain("problem");
                if (run.status() != 0) {
                    run.exited(3);
                    assertThat(run.err())
                            .contains("caught inside malloc at 0x")
                            .contains("thread " + process.pid())
                            .contains("was inside malloc when the core was written");
                    caught++;
                }
                Files.delete(core);
            }
        }
        System.out.println("cores of a heap that contradicts itself: " + caught);
    }

    /** Writes to a block that is free, which malloc falls over. */
    private static final String CRASHES = """
            #include <stdlib.h>
            int main(void)
            {
                volatile size_t *volatile freed = malloc(2000);
                char *volatile held = malloc(100);
                free((void *)freed);
                for (int i = 0; i < 4; i++)
                    freed[i] = 0x6262626262626262;
                held = malloc(5000);
                return held == NULL;
            }
            """;

    @Test
    void whatMallocCrashedWithIsDamage(@TempDir Path folder) throws IOException {
        Path core = Cores.ofCrash(Release.TRIXIE, CProgram.portableSource("crashes", CRASHES), folder);
        String root = Release.TRIXIE.root(true).orElseThrow().toString();
        Run run = Run.heapwalk("bins", "--sysroot", root, core.toString()).exited(3);
        assertThat(run.err())
                .contains("was inside malloc when signal 11 ended the process")
                .contains("problem at 0x")
                .doesNotContain("caught inside malloc");
    }

    @Test
    void whatIsObservedSaysHowMuchIsMissing() throws IOException {
        int changed = 0;
        try (BusyProcess process = BusyProcess.start(Release.TRIXIE, false, "trim", "0")) {
            for (int look = 0; look < 20; look++) {
                Run run = Run.heapwalk("sizes", "--mode", "observe", Long.toString(process.pid()));
                if (run.status() == 3) {
                    assertThat(run.err())
                            .containsPattern(
                                    "the heap changed while it was looked at \\(looks: 3\\); \\d+\\.\\d\\d % of it \\([\\d,]+ of ")
                            .contains("try --mode stop");
                    changed++;
                }
            }
            assertThat(process.isAlive()).isTrue();
        }
        System.out.println("a heap that changed in each of three looks: " + changed + " of 20");
    }

    private static Set<String> addresses(Run run) {
        return run.rows().stream()
                .map(row -> row.get("address").asText())
                .collect(Collectors.toCollection(HashSet::new));
    }

    /** The addresses of the blocks that are kept. */
    private static List<String> kept(BusyProcess process) {
        try (Target target = Target.observe(process.pid())) {
            MemorySegment table = MemorySegment.ofArray(
                    target.memory().readBytes(process.table(), BusyProcess.KEPT * BusyProcess.ROW));
            return Stream.iterate(0L, at -> at < table.byteSize(), at -> at + BusyProcess.ROW)
                    .map(at -> "0x" + Long.toHexString(table.get(ValueLayout.JAVA_LONG_UNALIGNED, at)))
                    .toList();
        }
    }
}
