// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory;

import static org.assertj.core.api.Assertions.assertThat;

import dev.heapwalk.memory.ThreadStateTest.Told;
import dev.heapwalk.memory.elf.ElfModule;
import dev.heapwalk.memory.machine.ControlBlock;
import dev.heapwalk.memory.machine.Processor;
import dev.heapwalk.testkit.CProgram;
import dev.heapwalk.testkit.CoreEditor;
import dev.heapwalk.testkit.Cores;
import dev.heapwalk.testkit.Grandchild;
import dev.heapwalk.testkit.Ledger;
import dev.heapwalk.testkit.Ledger.LedgerThread;
import dev.heapwalk.testkit.LedgerProcess;
import dev.heapwalk.testkit.Release;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Modules and threads of programs on musl: the programs tell where they have their things. */
class MuslThreadsTest {
    private static final String LINKER = "/ld-musl-x86_64.so.1";

    @TempDir
    private Path folder;

    static Stream<Arguments> models() {
        return Release.debian().stream()
                .flatMap(release -> Stream.of(
                                "-mtls-dialect=gnu",
                                "-mtls-dialect=gnu2",
                                "-mtls-dialect=gnu2 -DSIZE=100000",
                                // musl loads such a library at the start alone.
                                "-ftls-model=initial-exec")
                        .map(model -> Arguments.of(release, model)));
    }

    @ParameterizedTest
    @MethodSource("models")
    void findsWhatTheProgramTells(Release release, String model) throws Exception {
        String library = CProgram.muslSource(
                        "library.so", ThreadStateTest.LIBRARY, ("-shared -fPIC " + model).split(" "))
                .install(release, false);
        String program = CProgram.muslSource("locals", ThreadStateTest.PROGRAM).install(release, false);
        List<String> line = new ArrayList<>();
        if (model.contains("initial-exec")) {
            // Found by its name, it is called by that alone.
            int name = program.lastIndexOf('/') + 1;
            line.addAll(List.of("/usr/bin/env", "PATH=" + program.substring(0, name), "LD_PRELOAD=" + library));
            line.add(program.substring(name));
        } else {
            line.add(program);
        }
        line.addAll(List.of("-", library));
        Grandchild process = Grandchild.start(new ProcessBuilder(release.command(false, line)));
        try {
            Map<Long, Told> told = ThreadStateTest.told(process);
            try (Target target = Target.attach(process.pid())) {
                check(target, told);
            }
            Path core = Cores.gcore(release, process.pid(), folder);
            try (Target target = Target.core(core, release.root(false).orElseThrow())) {
                check(target, told);
            }
            // Then the names are those of the list of modules, which musl has for the program as it was called.
            try (CoreEditor editor = new CoreEditor(core)) {
                editor.forgetUnwritten(false);
            }
            try (Target target = Target.core(core, release.root(false).orElseThrow())) {
                check(target, told);
            }
        } finally {
            process.destroyForcibly();
        }
    }

    private static void check(Target target, Map<Long, Told> told) {
        ElfModule program = ThreadStateTest.module(target, "-locals");
        assertThat(target.modules().stream().filter(ElfModule::program)).containsExactly(program);
        // The linker knows itself by the name that programs have for it.
        ElfModule libc = target.modules().stream()
                .filter(module ->
                        module.path().endsWith("/libc.so") || module.path().endsWith(LINKER))
                .findFirst()
                .orElseThrow();
        assertThat(libc.exported("malloc")).isPresent();
        // It begins at the address 0 of its file, and what the program exports is in no table in memory.
        assertThat(libc.bias()).isEqualTo(libc.mappings().getFirst().start());
        assertThat(program.symbol("main")).isPresent();
        assertThat(target.threads()).hasSameSizeAs(told.keySet());
        for (ThreadState thread : target.threads()) {
            Told expected = told.get(thread.tid());
            assertThat(ThreadStateTest.variable(thread, program, "program_tls"))
                    .as("%s", thread)
                    .contains(expected.program());
            long inLibrary = ThreadStateTest.variable(
                            thread, ThreadStateTest.module(target, "-library.so"), "library_tls")
                    .orElseThrow();
            if (expected.library() != 0) {
                assertThat(inLibrary).as("%s", thread).isEqualTo(expected.library());
            } else {
                // Each thread has all storage from the beginning on.
                assertThat(target.memory().readLong(inLibrary)).isEqualTo(5);
            }
            assertThat(thread.tls(libc)).isEmpty();
            Registers registers = thread.registers().orElseThrow();
            Range stack = thread.stack().orElseThrow();
            assertThat(stack.start()).as("%s", thread).isEqualTo(registers.stackPointer() - 128);
            if (registers.stackPointer() < expected.stackEnd()) {
                Mapping mapping = target.memory().mappings().at(stack.start()).orElseThrow();
                assertThat(stack.end())
                        .as("%s", thread)
                        .isEqualTo(mapping.path().equals("[stack]") ? mapping.end() : expected.stackEnd());
            }
            assertThat(expected.frame()).as("%s", thread).isBetween(stack.start(), stack.end() - 1);
        }
    }

    @ParameterizedTest
    @MethodSource("dev.heapwalk.testkit.Release#debian")
    void theBuildIsThatOfTheFile(Release release) throws Exception {
        Path file = release.root(false).orElseThrow().resolve("usr/lib/x86_64-linux-musl/libc.so");
        Process readelf = new ProcessBuilder("readelf", "-n", file.toString()).start();
        String said = new String(readelf.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        Matcher id = Pattern.compile("Build ID: ([0-9a-f]+)").matcher(said);
        assertThat(id.find()).isTrue();
        try (LedgerProcess process =
                        LedgerProcess.of(release, "never").musl(false).start();
                Target target = Target.attach(process.pid())) {
            assertThat(ThreadStateTest.module(target, "/libc.so").buildId()).contains(id.group(1));
        }
    }

    static Stream<Arguments> kinds() {
        return Release.debian().stream()
                .flatMap(release -> Stream.of(false, true).map(statically -> Arguments.of(release, statically)));
    }

    @ParameterizedTest
    @MethodSource("kinds")
    void threadsAreThoseOfTheLedger(Release release, boolean statically) throws Exception {
        try (LedgerProcess process =
                LedgerProcess.of(release, "exits").musl(statically).start()) {
            Ledger ledger = process.ledger();
            List<LedgerThread> lives =
                    ledger.threads().stream().filter(LedgerThread::lives).toList();
            assertThat(lives).hasSizeGreaterThan(3);
            try (Target target = Target.attach(process.pid())) {
                assertThat(target.modules().stream().map(ElfModule::path).filter(path -> path.endsWith("/libc.so")))
                        .hasSize(statically ? 0 : 1);
                check(target, lives, true);
            }
            Path core = Cores.gcore(process, folder);
            try (Target target = Target.core(core, release.root(false).orElseThrow())) {
                check(target, lives, false);
            }
        }
    }

    private static void check(Target target, List<LedgerThread> lives, boolean names) {
        assertThat(target.threads()).hasSameSizeAs(lives);
        for (LedgerThread expected : lives) {
            ThreadState thread = target.threads().stream()
                    .filter(one -> one.tid() == expected.tid())
                    .findFirst()
                    .orElseThrow();
            if (names && !expected.name().equals("main")) {
                assertThat(thread.name()).isEqualTo(expected.name());
            }
            assertThat(thread.registers().orElseThrow().threadPointer()).isEqualTo(expected.self());
            try (Reader reader = target.memory().reader(1 << 20)) {
                assertThat(ControlBlock.threadId(reader, Processor.of(target.machine()), expected.self()))
                        .isEqualTo(expected.tid());
            }
        }
    }
}
