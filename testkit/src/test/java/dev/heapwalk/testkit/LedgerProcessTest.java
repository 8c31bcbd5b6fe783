// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.abort;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

class LedgerProcessTest {
    @ParameterizedTest
    @MethodSource("dev.heapwalk.testkit.Release#all")
    void tellsWhatItHoldsOnEveryRelease(Release release) throws Exception {
        try (LedgerProcess process = LedgerProcess.of(release, "basic").start()) {
            Ledger ledger = process.ledger();
            if (release == Release.SID) {
                assertThat(minor(ledger.glibc())).as(ledger.glibc()).isGreaterThanOrEqualTo(43);
            } else if (release != Release.HOST) {
                assertThat(ledger.glibc()).isEqualTo(release.glibc());
            }
            assertThat(ledger.live()).hasSizeGreaterThan(500);
            assertThat(ledger.freed()).hasSizeGreaterThan(200);
            assertThat(ledger.requestedBytes()).isGreaterThan(64 << 20);
            assertThat(process.check()).isEqualTo(ledger.live().size());
            assertThat(overlapping(ledger)).isEmpty();
            // Nothing changes while it waits.
            assertThat(process.ledger().live()).isEqualTo(ledger.live());
            assertThat(ledger.mallinfo().get("hblks")).isPositive();
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "bigsizes",
                "fastbins",
                "tcachefull",
                "memalign",
                "foreign-sbrk",
                "brk-blocked",
                "many",
                "large",
                "strings",
                "threads",
                "arenas",
                "exits"
            })
    void playsEveryScenario(String scenario) throws Exception {
        for (Release release : Release.debian()) {
            try (LedgerProcess process = LedgerProcess.of(release, scenario).start()) {
                assertThat(overlapping(process.ledger())).isEmpty();
                process.go(300);
                assertThat(process.check())
                        .isEqualTo(process.ledger().live().size())
                        .isPositive();
                assertThat(process.mallocInfo()).contains("<malloc version=").contains("</malloc>");
            }
        }
    }

    @ParameterizedTest
    @MethodSource("dev.heapwalk.testkit.Release#all")
    void leavesNothingInItsHeapThatTheLedgerDoesNotTell(Release release) throws Exception {
        try (LedgerProcess process = LedgerProcess.of(release, "strings").start()) {
            Ledger ledger = process.ledger();
            // A chunk in use has one word of its own. All of them are in the heap, and none was freed.
            long told = ledger.live().stream()
                    .mapToLong(block -> block.usable() + Long.BYTES)
                    .sum();
            long threadCache = ledger.mallinfo().get("uordblks") - told;
            // Since 2.42 the cache comes with the first block that is freed.
            assertThat(threadCache).isEqualTo(minor(ledger.glibc()) < 42 ? 0x290 : 0);
        }
    }

    @ParameterizedTest
    @MethodSource("dev.heapwalk.testkit.Release#debian")
    void neverAllocatesWhereItSaysSo(Release release) throws Exception {
        boolean debugSymbols = release != Release.BULLSEYE;
        try (LedgerProcess process =
                LedgerProcess.of(release, "never").debugSymbols(debugSymbols).start()) {
            Ledger ledger = process.ledger();
            assertThat(ledger.live()).isEmpty();
            assertThat(ledger.mallinfo()).isEmpty();
            assertThat(Files.readString(Path.of("/proc/" + process.pid() + "/maps")))
                    .doesNotContain("[heap]");
        }
    }

    @ParameterizedTest
    @MethodSource("dev.heapwalk.testkit.Release#all")
    void keepsItsThreadsWhereTheLedgerSays(Release release) throws Exception {
        try (LedgerProcess process =
                LedgerProcess.of(release, "exits").option("threads", 4).start()) {
            Ledger ledger = process.ledger();
            List<String> lives = ledger.threads().stream()
                    .filter(Ledger.LedgerThread::lives)
                    .map(thread -> thread.tid() + (thread.tid() == process.pid() ? "" : " " + thread.name()))
                    .sorted()
                    .toList();
            List<String> tasks = new ArrayList<>();
            for (Path task :
                    Files.list(Path.of("/proc/" + process.pid() + "/task")).toList()) {
                String tid = task.getFileName().toString();
                tasks.add(tid
                        + (tid.equals("" + process.pid())
                                ? ""
                                : " " + Files.readString(task.resolve("comm")).strip()));
            }
            assertThat(tasks).containsExactlyInAnyOrderElementsOf(lives).hasSize(3);
            assertThat(ledger.threads()).hasSize(1 + 4 + 4 + 8);
        }
    }

    @ParameterizedTest
    @MethodSource("dev.heapwalk.testkit.Release#all")
    void runsAsAnotherUser(Release release) throws Exception {
        if (!"root".equals(System.getProperty("user.name"))) {
            String why = "only root can do that";
            ThisMachine.leavesOut("target programs of another user", why);
            abort(why);
        }
        try (LedgerProcess process =
                LedgerProcess.of(release, "basic").user(65534).start()) {
            assertThat(Files.readString(Path.of("/proc/" + process.pid() + "/status")))
                    .contains("Uid:\t65534\t65534\t65534\t65534\n");
            process.check();
        }
    }

    @ParameterizedTest
    @MethodSource("dev.heapwalk.testkit.Release#all")
    void churnsUntilItIsStopped(Release release) throws Exception {
        try (LedgerProcess process =
                LedgerProcess.of(release, "churn").option("seed", 7).start()) {
            process.stop();
            Ledger before = process.ledger();
            process.run();
            process.stop();
            // Its threads do something as soon as they get a processor.
            do {
                process.run();
                Thread.sleep(50);
                process.stop();
            } while (process.ledger().live().equals(before.live()));
            process.check();
        }
    }

    private static List<Ledger.Block> overlapping(Ledger ledger) {
        List<Ledger.Block> wrong = new ArrayList<>();
        long end = 0;
        for (Ledger.Block block : ledger.live()) {
            if (block.address() < end || block.usable() < block.requested()) {
                wrong.add(block);
            }
            end = block.address() + block.usable();
        }
        return wrong;
    }

    private static int minor(String glibc) {
        return Integer.parseInt(glibc.substring(glibc.indexOf('.') + 1));
    }
}
