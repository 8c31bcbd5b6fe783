// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory.elf;

import static org.assertj.core.api.Assertions.assertThat;

import dev.heapwalk.memory.Target;
import dev.heapwalk.testkit.CProgram;
import dev.heapwalk.testkit.Release;
import dev.heapwalk.testkit.ThisMachine;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

class SysrootTest {
    @TempDir
    private Path folder;

    /** Where the program of a test lies in a sysroot that the test makes. */
    private Path inSysroot(Path program) throws IOException {
        Path there = folder.resolve("sysroot" + program);
        Files.createDirectories(there.getParent());
        return there;
    }

    @ParameterizedTest
    @MethodSource("dev.heapwalk.testkit.Release#debian")
    void aCoreFromAChrootNeedsItsSysroot(Release release) throws IOException {
        Path root = release.root(true).orElseThrow();
        CProgram program = CProgram.portableSource("subject", Subject.SOURCE, "-rdynamic");
        String inside = program.install(release, true);
        // The working folder, where the core falls, lies in the root.
        Path inRoot = Files.createTempDirectory(root.resolve("tmp"), "heapwalk-subject");
        String start = "cd /tmp/%s && exec %s".formatted(inRoot.getFileName(), inside);
        try (Subject subject = Subject.run(
                program.file(),
                release.command(true, List.of("/bin/sh", "-c", start)).toArray(String[]::new))) {
            Path libc;
            try (Target live = subject.observe()) {
                ElfModule module = ElfModuleTest.module(live, libcName(live));
                libc = new FileRoot(root).candidates(module.path()).getFirst();
                assertThat(module.buildId()).hasValue(Oracle.buildId(libc));
                assertThat(module.symbol("main_arena"))
                        .as("symbols of libc6-dbg, found under /proc/PID/root")
                        .isPresent();
            }
            check(subject, subject.gcore(), root, libc);
            if (!ThisMachine.writesKernelCores()) {
                ThisMachine.leavesOut(
                        "a core by the kernel from a chroot, and what is said where its files are not found",
                        "the kernel writes no cores where a process runs");
                return;
            }
            Path core = subject.kernelCore(inRoot);
            check(subject, core, root, libc);
            try (Target target = Target.core(core)) {
                assertThat(target.notices())
                        .anyMatch(it -> it.contains(inside) && it.contains("no such file") && it.contains("--sysroot"));
                ElfModule module =
                        ElfModuleTest.module(target, libc.getFileName().toString());
                // One of the releases may be the machine's own, whose libc is the same build then.
                boolean same = new FileRoot(Path.of("/"))
                        .candidates(module.path()).stream().anyMatch(file -> sameBuild(file, libc));
                assertThat(target.notices().stream()
                                .anyMatch(it -> it.contains(module.path()) && it.contains("--sysroot")))
                        .isNotEqualTo(same);
                assertThat(module.symbol("main_arena").isPresent()).isEqualTo(same);
                assertThat(target.memory().readCString(subject.told("text"), 100))
                        .isEqualTo("a text on the heap");
            }
        } finally {
            Oracle.lines("rm", "-r", inRoot.toString());
        }
    }

    private static String libcName(Target target) {
        return target.modules().stream()
                .map(ElfModule::path)
                .filter(path -> path.matches(".*/libc[-.][0-9.so]*"))
                .findFirst()
                .orElseThrow();
    }

    private static boolean sameBuild(Path one, Path other) {
        try {
            return Oracle.buildId(one).equals(Oracle.buildId(other));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static void check(Subject subject, Path core, Path root, Path libc) throws IOException {
        try (Target target = Target.core(core, root)) {
            assertThat(target.notices()).as("of %s with %s", core, root).isEmpty();
            ElfModule module = ElfModuleTest.module(target, libc.getFileName().toString());
            assertThat(module.path()).as("as the process saw it").doesNotContain(root.toString());
            assertThat(module.buildId()).hasValue(Oracle.buildId(libc));
            assertThat(module.symbol("malloc")).isPresent();
            assertThat(module.symbol("main_arena"))
                    .as("symbols of libc6-dbg under the sysroot")
                    .isPresent();
            ElfModuleTest.checkSymbols(module, Oracle.symbols(libc, "--dyn-syms"), 23);
            assertThat(target.memory().readCString(subject.told("text"), 100)).isEqualTo("a text on the heap");
            // Code that the core left out.
            byte[] code = target.memory().readBytes(subject.told("malloc"), 64);
            assertThat(code).isNotEqualTo(new byte[64]);
        }
    }

    @Test
    void aFileOfAnotherBuildIsRefusedAndNamed() throws IOException {
        Path other = CProgram.compile("subject", Subject.SOURCE.replace("a text on", "the text on"));
        try (Subject subject = Subject.start()) {
            String id = Oracle.buildId(subject.program());
            String otherId = Oracle.buildId(other);
            Path core = subject.kernelCore();
            Files.copy(other, inSysroot(subject.program()));
            // The right file lies at the same path on this machine, which is the second choice.
            try (Target target = Target.core(core, folder.resolve("sysroot"))) {
                assertThat(target.notices()).noneMatch(it -> it.contains("/subject ("));
            }
            Files.delete(subject.program());
            try (Target target = Target.core(core, folder.resolve("sysroot"))) {
                assertThat(target.notices())
                        .anyMatch(it -> it.contains(subject.program().toString())
                                && it.contains("another build")
                                && it.contains(id)
                                && it.contains(otherId)
                                && it.contains("--sysroot"));
                ElfModule module = ElfModuleTest.module(target, "/subject");
                assertThat(module.buildId()).hasValue(id);
                assertThat(module.hasFullSymbols()).isFalse();
                assertThat(target.memory().mappings().at(subject.told("exported_function")))
                        .isPresent();
                assertThat(target.memory().window().find(subject.told("exported_function"), 16))
                        .isEqualTo(-1);
                assertThat(target.memory().readLong(subject.told("exported_variable")))
                        .isEqualTo(7);
            }
        }
    }

    /** Cuts the symbols out of a program, into a debug file with a link to it; returns the stripped program. */
    private Path split(Path program, Path debug) throws IOException {
        Path stripped = inSysroot(program);
        Oracle.lines("objcopy", "--only-keep-debug", program.toString(), debug.toString());
        Oracle.lines("objcopy", "--strip-all", "--add-gnu-debuglink=" + debug, program.toString(), stripped.toString());
        return stripped;
    }

    @ParameterizedTest
    @ValueSource(strings = {"", ".debug/", "/usr/lib/debug"})
    void debugFilesAreFoundByLink(String place) throws IOException {
        Path debug = folder.resolve("subject.debug");
        try (Subject subject = Subject.start()) {
            Path stripped = split(subject.program(), debug);
            String there = place.startsWith("/")
                    ? place + subject.program().getParent() + "/"
                    : subject.program().getParent() + "/" + place;
            Path linked = folder.resolve("sysroot" + there + "subject.debug");
            Files.createDirectories(linked.getParent());
            Path core = subject.kernelCore();
            Path gone = Files.move(subject.program(), folder.resolve("gone"));
            try (Target target = Target.core(core, folder.resolve("sysroot"))) {
                ElfModule module = ElfModuleTest.module(target, "/subject");
                assertThat(module.hasFullSymbols()).as("without the debug file").isFalse();
                assertThat(target.memory().window().find(subject.told("exported_function"), 16))
                        .isNotNegative();
            }
            Files.copy(debug, linked);
            try (Target target = Target.core(core, folder.resolve("sysroot"))) {
                ElfModule module = ElfModuleTest.module(target, "/subject");
                assertThat(module.hasFullSymbols()).isTrue();
                assertThat(module.symbol("local_variable")).hasValue(subject.told("local_variable"));
                ElfModuleTest.checkSymbols(module, Oracle.symbols(gone, "--syms"), 1);
            }
            // A single changed byte, and the checksum of the link is wrong.
            try (RandomAccessFile file = new RandomAccessFile(linked.toFile(), "rw")) {
                file.seek(file.length() - 1);
                int last = file.read();
                file.seek(file.length() - 1);
                file.write(last ^ 1);
            }
            try (Target target = Target.core(core, folder.resolve("sysroot"))) {
                assertThat(ElfModuleTest.module(target, "/subject").hasFullSymbols())
                        .isFalse();
            }
            assertThat(stripped).exists();
        }
    }

    @Test
    void aDebugFileOfAnotherBuildIsNotTaken() throws IOException {
        Path debug = folder.resolve("subject.debug");
        Path other = CProgram.compile("subject", Subject.SOURCE.replace("a text on", "the text on"));
        try (Subject subject = Subject.start()) {
            split(subject.program(), debug);
            String id = Oracle.buildId(subject.program());
            Path named = folder.resolve(
                    "sysroot/usr/lib/debug/.build-id/" + id.substring(0, 2) + "/" + id.substring(2) + ".debug");
            Files.createDirectories(named.getParent());
            Path core = subject.kernelCore();
            Files.delete(subject.program());
            Files.copy(other, named);
            try (Target target = Target.core(core, folder.resolve("sysroot"))) {
                assertThat(ElfModuleTest.module(target, "/subject").hasFullSymbols())
                        .isFalse();
            }
            Files.delete(named);
            Files.copy(debug, named);
            try (Target target = Target.core(core, folder.resolve("sysroot"))) {
                assertThat(ElfModuleTest.module(target, "/subject").symbol("local_variable"))
                        .hasValue(subject.told("local_variable"));
            }
        }
    }

    @Test
    void withoutElfHeadersTheFileIsToldByWhatTheLinkerWrote() throws IOException {
        try (Subject subject = Subject.start("-rdynamic")) {
            Files.writeString(Path.of("/proc/" + subject.pid() + "/coredump_filter"), "0x3");
            byte[] code = subject.bytes(subject.told("exported_function"), 32);
            Path core = subject.kernelCore();
            try (Target target = Target.core(core)) {
                assertThat(target.notices())
                        .hasSizeGreaterThanOrEqualTo(2)
                        .anyMatch(it -> it.contains("libc.so.6") && it.contains("words that the dynamic linker wrote"));
                ElfModule libc = ElfModuleTest.module(target, "/libc.so.6");
                assertThat(libc.symbol("malloc")).hasValue(subject.told("malloc"));
                assertThat(ElfModuleTest.module(target, "/subject").symbol("local_variable"))
                        .hasValue(subject.told("local_variable"));
                assertThat(target.memory().readBytes(subject.told("exported_function"), 32))
                        .isEqualTo(code);
            }
            Path other = CProgram.compile("subject", Subject.SOURCE + "long more[100] = {1};\n", "-rdynamic");
            Files.delete(subject.program());
            Files.copy(other, subject.program());
            try (Target target = Target.core(core)) {
                assertThat(target.notices())
                        .anyMatch(it -> it.contains(subject.program().toString())
                                && it.contains("its ELF header is not either"));
                assertThat(target.modules().stream().map(ElfModule::path)).noneMatch(path -> path.endsWith("/subject"));
                assertThat(target.memory().window().find(subject.told("exported_function"), 8))
                        .isEqualTo(-1);
                assertThat(target.memory().readLong(subject.told("exported_variable")))
                        .isEqualTo(7);
            }
        }
    }

    @Test
    void noDamageToFilesOnDiskDoesHarm() throws IOException {
        Path debug = folder.resolve("subject.debug");
        try (Subject subject = Subject.start("-rdynamic")) {
            split(subject.program(), debug);
            Path linked = folder.resolve("sysroot" + subject.program().getParent() + "/subject.debug");
            Files.copy(debug, linked);
            Path file = folder.resolve("sysroot" + subject.program());
            Files.copy(subject.program(), file, StandardCopyOption.REPLACE_EXISTING);
            byte[] whole = Files.readAllBytes(file);
            Path core = subject.kernelCore();
            Files.delete(subject.program());
            long sections =
                    ByteBuffer.wrap(whole).order(ByteOrder.LITTLE_ENDIAN).getLong(40);
            Random random = new Random(42);
            int served = 0;
            for (int round = 0; round < 300; round++) {
                ByteBuffer damaged = ByteBuffer.wrap(whole.clone()).order(ByteOrder.LITTLE_ENDIAN);
                for (int hits = random.nextInt(5); hits >= 0; hits--) {
                    int at = random.nextBoolean()
                            ? random.nextInt(1024)
                            : (int) sections + random.nextInt(whole.length - (int) sections - 8);
                    damaged.putInt(at, random.nextBoolean() ? random.nextInt() : -random.nextInt(2));
                }
                Files.write(file, damaged.array());
                try (Target target = Target.core(core, folder.resolve("sysroot"))) {
                    ElfModule module = ElfModuleTest.module(target, "/subject");
                    module.hasFullSymbols();
                    module.symbol("no_such_symbol_anywhere");
                    module.symbol("local_variable");
                    module.relativeRelocations();
                    served += target.memory().window().find(subject.told("exported_function"), 16) >= 0 ? 1 : 0;
                    assertThat(target.memory().readLong(subject.told("exported_variable")))
                            .isEqualTo(7);
                }
            }
            assertThat(served).as("rounds whose damage spared the build id").isPositive();
        }
    }
}
