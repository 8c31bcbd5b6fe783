// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory.elf;

import static org.assertj.core.api.Assertions.assertThat;

import dev.heapwalk.memory.Machine;
import dev.heapwalk.memory.Mapping;
import dev.heapwalk.memory.Range;
import dev.heapwalk.memory.Registers;
import dev.heapwalk.memory.Target;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Cores that qemu writes of an aarch64 program: no NT_FILE, no code, no ELF headers. */
class QemuCoreTest {
    private static final Path SYSROOT = Path.of("/usr/aarch64-linux-gnu");

    @TempDir
    private Path folder;

    private Subject start(String... options) throws IOException {
        Path program = folder.resolve("subject");
        compile(program, options);
        return Subject.run(program, "qemu-aarch64", "-L", SYSROOT.toString(), program.toString());
    }

    private void compile(Path program, String... options) throws IOException {
        Path source = Files.writeString(folder.resolve("subject.c"), Subject.SOURCE);
        Oracle.lines(Stream.concat(
                        Stream.of(
                                "aarch64-linux-gnu-gcc",
                                "-O1",
                                "-g0",
                                "-pthread",
                                "-o",
                                program.toString(),
                                source.toString()),
                        Stream.of(options))
                .toArray(String[]::new));
    }

    @Test
    void memoryRegistersAndModulesAreFound() throws IOException {
        try (Subject subject = start("-rdynamic")) {
            Path core = subject.guestCore();
            try (Target target = Target.core(core, SYSROOT)) {
                assertThat(target.machine()).isEqualTo(Machine.AARCH64);
                assertThat(target.pageSize()).isEqualTo(4096);
                assertThat(target.memory().readCString(subject.told("text"), 100))
                        .isEqualTo("a text on the heap");
                assertThat(target.memory().readLong(subject.told("exported_variable")))
                        .isEqualTo(7);
                assertThat(target.memory().readLong(subject.told("local_tls"))).isEqualTo(2);
                for (long[] segment : Oracle.segments(core, "LOAD")) {
                    Mapping mapping = target.memory().mappings().at(segment[1]).orElseThrow();
                    assertThat(mapping.start()).isEqualTo(segment[1]);
                    assertThat(mapping.length()).isEqualTo(segment[3]);
                }
                assertThat(target.threads()).isNotEmpty();
                Registers registers = target.threads().getFirst().registers().orElseThrow();
                assertThat(target.memory().mappings().at(registers.programCounter()))
                        .get()
                        .matches(Mapping::executable);
                assertThat(target.memory().mappings().at(registers.stackPointer()))
                        .get()
                        .matches(Mapping::writable);
                assertThat(registers.general()).hasSize(34);
                assertThat(registers.names()).hasSize(34).startsWith("x0", "x1").endsWith("x30", "sp", "pc", "cpsr");
                assertThat(registers.get("sp")).hasValue(registers.stackPointer());
                assertThat(registers.get("pc")).hasValue(registers.programCounter());
                assertThat(registers.get("tpidr")).hasValue(registers.threadPointer());

                ElfModule program = ElfModuleTest.module(target, "/subject");
                assertThat(program.program()).isTrue();
                Range stack = target.threads().getFirst().stack().orElseThrow();
                assertThat(stack.start()).isEqualTo(registers.stackPointer());
                assertThat(target.memory().mappings().readable(stack.start(), stack.end() - stack.start()))
                        .isTrue();
                // The program's thread-local variables follow 16 bytes at the thread pointer, which qemu leaves out.
                long block = subject.told("exported_tls")
                        - program.tlsSymbol("exported_tls").orElseThrow();
                assertThat(program.tlsBlock(block - 16))
                        .hasValueSatisfying(range -> assertThat(range.start()).isEqualTo(block));
                for (String name :
                        List.of("exported_variable", "local_variable", "zeroed_variable", "exported_function")) {
                    assertThat(program.symbol(name)).as(name).hasValue(subject.told(name));
                }
                ElfModule libc = ElfModuleTest.module(target, "/libc.so.6");
                assertThat(libc.symbol("malloc")).hasValue(subject.told("malloc"));
                Path file = SYSROOT.resolve("lib/libc.so.6");
                assertThat(libc.buildId()).hasValue(Oracle.buildId(file));
                ElfModuleTest.checkSymbols(libc, Oracle.symbols(file, "--dyn-syms"), 11);
                assertThat(libc.relativeRelocations())
                        .hasSizeGreaterThan(1000)
                        .containsExactly(Oracle.relocations(file, "R_AARCH64_RELATIVE").stream()
                                .mapToLong(address -> libc.bias() + address)
                                .sorted()
                                .toArray());
                assertThat(libc.tlsOffsetWords()).hasSizeGreaterThan(5);
                assertThat(Arrays.stream(libc.tlsOffsetWords()).boxed())
                        .containsExactlyInAnyOrderElementsOf(Oracle.relocations(file, "R_AARCH64_TLS_TPREL64").stream()
                                .map(address -> libc.bias() + address)
                                .toList());
                assertThat(target.notices())
                        .anyMatch(it -> it.contains("libc.so.6") && it.contains("words that the dynamic linker wrote"));
            }
        }
    }

    /** It has no relative relocations, which tell others. */
    @Test
    void programsAtFixedAddressesAreFound() throws IOException {
        // In the list of modules it comes behind the dynamic linker, whose name is in the text of the program.
        Path more = Files.writeString(folder.resolve("more.c"), """
                #include <dlfcn.h>
                __attribute__((constructor)) static void more(void) { dlopen("libm.so.6", RTLD_NOW); }
                """);
        try (Subject subject = start("-no-pie", "-rdynamic", more.toString(), "-ldl")) {
            Path core = subject.guestCore();
            try (Target target = Target.core(core, SYSROOT)) {
                assertTold(target, subject);
                assertThat(ElfModuleTest.module(target, "/libm.so.6").buildId())
                        .hasValue(Oracle.buildId(SYSROOT.resolve("lib/libm.so.6")));
            }
            // Another build, whose words at these addresses differ.
            Path other = folder.resolve("other");
            Files.move(subject.program(), other);
            compile(subject.program(), "-no-pie", "-rdynamic", "-Dexported_function=another_function");
            try (Target target = Target.core(core, SYSROOT)) {
                assertThat(target.modules()).noneMatch(module -> module.path().endsWith("/subject"));
            }
        }
    }

    private static void assertTold(Target target, Subject subject) throws IOException {
        ElfModule program = ElfModuleTest.module(target, "/subject");
        assertThat(program.program()).isTrue();
        assertThat(program.bias()).isZero();
        assertThat(program.buildId()).hasValue(Oracle.buildId(subject.program()));
        assertThat(program.symbol("exported_variable")).hasValue(subject.told("exported_variable"));
        assertThat(program.symbol("exported_function")).hasValue(subject.told("exported_function"));
        // The code is not in the core.
        assertThat(target.memory().window().find(subject.told("exported_function"), 8))
                .isNotNegative();
        assertThat(target.notices())
                .anyMatch(it -> it.contains("/subject") && it.contains("words that the dynamic linker wrote"));
    }

    @Test
    void withoutTheFilesThereIsStillMemory() throws IOException {
        try (Subject subject = start()) {
            Path core = subject.guestCore();
            Files.delete(subject.program());
            try (Target target = Target.core(core)) {
                assertThat(target.modules()).isEmpty();
                assertThat(target.notices()).anyMatch(it -> it.contains("left out of core file"));
                assertThat(target.memory().readCString(subject.told("text"), 100))
                        .isEqualTo("a text on the heap");
                assertThat(target.memory().window().find(subject.told("malloc"), 8))
                        .isEqualTo(-1);
            }
        }
    }
}
