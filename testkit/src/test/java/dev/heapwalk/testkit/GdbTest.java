// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class GdbTest {
    @TempDir
    Path folder;

    @ParameterizedTest
    @MethodSource("dev.heapwalk.testkit.Release#all")
    void knowsTheAllocatorOfAProcessWithAndWithoutSymbolsOfItsOwn(Release release) throws Exception {
        for (boolean debugSymbols : new boolean[] {false, true}) {
            try (LedgerProcess process = LedgerProcess.of(release, "threads")
                    .option("threads", 3)
                    .debugSymbols(debugSymbols)
                    .start()) {
                Gdb gdb = Gdb.process(process);
                assertThat(gdb.addresses("&main_arena", "&mp_"))
                        .doesNotContain(0)
                        .doesNotHaveDuplicates();
                assertThat(gdb.values("main_arena.next == &main_arena")).containsExactly("0");
                Map<Integer, Long> tcaches = gdb.everyThread("tcache");
                assertThat(tcaches.keySet())
                        .containsExactlyInAnyOrderElementsOf(process.ledger().threads().stream()
                                .map(Ledger.LedgerThread::tid)
                                .toList());
                assertThat(tcaches.values()).doesNotContain(0L).doesNotHaveDuplicates();
                process.check();
            }
        }
    }

    @ParameterizedTest
    @MethodSource("dev.heapwalk.testkit.Release#all")
    void agreesWithMallinfo(Release release) throws Exception {
        try (LedgerProcess process =
                LedgerProcess.of(release, "basic").debugSymbols(true).start()) {
            Map<String, Long> mallinfo = process.ledger().mallinfo();
            assertThat(Gdb.process(process).values("main_arena.system_mem", "mp_.n_mmaps", "mp_.mmapped_mem"))
                    .containsExactly(
                            mallinfo.get("arena").toString(),
                            mallinfo.get("hblks").toString(),
                            mallinfo.get("hblkhd").toString());
        }
    }

    @ParameterizedTest
    @MethodSource("dev.heapwalk.testkit.Release#all")
    void readsCoresOfGdbAndOfTheKernel(Release release) throws Exception {
        try (LedgerProcess process = LedgerProcess.of(release, "threads").start()) {
            long[] addresses = Gdb.process(process).addresses("&main_arena", "&mp_", "main_arena.top");
            Path written = Cores.gcore(process, folder);
            assertThat(Gdb.core(release, written).addresses("&main_arena", "&mp_", "main_arena.top"))
                    .isEqualTo(addresses);
            process.check();
            Path dumped = Cores.abort(process, Files.createDirectory(folder.resolve("kernel")));
            assertThat(process.isAlive()).isFalse();
            assertThat(Gdb.core(release, dumped).addresses("&main_arena", "&mp_", "main_arena.top"))
                    .isEqualTo(addresses);
            assertThat(Gdb.core(release, dumped).everyThread("thread_arena")).hasSize(5);
        }
    }

    @Test
    void readsTheCoreOfAGuestOfQemu() throws Exception {
        try (LedgerProcess process =
                LedgerProcess.of(Release.HOST, "threads").aarch64().start()) {
            Ledger ledger = process.ledger();
            assertThat(ledger.live()).hasSizeGreaterThan(500);
            process.check();
            Path core = Cores.abort(process, folder);
            String header =
                    Command.of(List.of("readelf", "-h", core.toString())).run("read the header");
            assertThat(header).contains("CORE").contains("AArch64");
            String segments =
                    Command.of(List.of("readelf", "-lW", core.toString())).run("read the segments");
            assertThat(segments).contains("LOAD");
        }
    }

    @Test
    void saysSoWhenThereIsNoAnswer() {
        Gdb gdb = Gdb.process(Release.HOST, ProcessHandle.current().pid());
        assertThatThrownBy(() -> gdb.values("no_such_symbol_anywhere"))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("no_such_symbol_anywhere");
    }
}
