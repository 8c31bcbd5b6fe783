// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory.elf;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.abort;

import dev.heapwalk.memory.AddressSpace;
import dev.heapwalk.memory.Machine;
import dev.heapwalk.memory.Mapping;
import dev.heapwalk.memory.Registers;
import dev.heapwalk.memory.Target;
import dev.heapwalk.memory.TargetException;
import dev.heapwalk.memory.ThreadState;
import dev.heapwalk.memory.UnmappedAddressException;
import dev.heapwalk.memory.Window;
import dev.heapwalk.memory.raw.Words;
import dev.heapwalk.testkit.CProgram;
import dev.heapwalk.testkit.ThisMachine;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class CoreTargetTest {
    private static final Pattern LWP = Pattern.compile("Thread .*\\(LWP (\\d+)\\).*");
    private static final Pattern REGISTER = Pattern.compile("(\\w+)\\s+0x([0-9a-f]+).*");
    private static final Pattern FILE =
            Pattern.compile("\\s*0x([0-9a-f]+)\\s+0x([0-9a-f]+)\\s+0x[0-9a-f]+\\s+0x([0-9a-f]+)\\s+(/\\S.*)");

    /** Who writes the core. */
    enum Writer {
        KERNEL,
        GCORE;

        Path write(Subject subject) throws IOException {
            return this == KERNEL ? subject.kernelCore() : subject.gcore();
        }
    }

    @ParameterizedTest
    @EnumSource
    void bytesAreThoseThatTheProcessHad(Writer writer) throws IOException {
        try (Subject subject = Subject.start()) {
            List<long[]> ranges = subject.readableRanges();
            byte[][] expected = new byte[ranges.size()][];
            for (int i = 0; i < expected.length; i++) {
                expected[i] = subject.bytes(ranges.get(i)[0], (int) (ranges.get(i)[1] - ranges.get(i)[0]));
            }
            try (Target target = Target.core(writer.write(subject))) {
                assertThat(target.notices()).isEmpty();
                assertThat(target.truncation()).isEmpty();
                assertThat(target.still()).isTrue();
                assertThat(target.runsOn()).isFalse();
                AddressSpace memory = target.memory();
                Window window = memory.window();
                Window cache = memory.cache(1 << 20);
                for (int i = 0; i < expected.length; i++) {
                    long start = ranges.get(i)[0];
                    // Odd steps, so that ranges straddle what lies apart in the file.
                    for (int at = 0; at < expected[i].length; at += 4093) {
                        int length = Math.min(Window.MAX_LENGTH, expected[i].length - at);
                        byte[] wanted = Arrays.copyOfRange(expected[i], at, at + length);
                        for (Window each : List.of(window, cache)) {
                            long offset = each.require(start + at, length);
                            assertThat(each.segment().asSlice(offset, length).mismatch(MemorySegment.ofArray(wanted)))
                                    .as("0x%x", start + at)
                                    .isEqualTo(-1);
                            assertThat(each.available(offset)).isGreaterThanOrEqualTo(length);
                        }
                    }
                    assertThat(memory.readBytes(start, expected[i].length)).isEqualTo(expected[i]);
                }
                assertThat(memory.readCString(subject.told("text"), 100)).isEqualTo("a text on the heap");
            }
        }
    }

    @ParameterizedTest
    @EnumSource
    void threadsAndRegistersAreThoseThatGdbShows(Writer writer) throws IOException {
        try (Subject subject = Subject.start()) {
            Path core = writer.write(subject);
            Map<Long, Map<String, Long>> expected = registers(subject.program(), core, "orig_rax fs_base gs_base");
            try (Target target = Target.core(core)) {
                assertThat(target.mode()).isEqualTo(Target.Mode.CORE);
                assertThat(target.machine()).isEqualTo(Machine.X86_64);
                assertThat(target.pageSize()).isEqualTo(4096);
                assertThat(target.pid()).hasValue(subject.pid());
                assertThat(target.description()).isEqualTo("core file %s (subject)".formatted(core));
                assertThat(target.threads()).hasSize(2);
                assertThat(target.threads().getFirst().tid()).isEqualTo(subject.pid());
                assertThat(target.threads().getFirst().name()).isEqualTo("subject");
                assertThat(target.threads().stream().map(ThreadState::tid).toList())
                        .containsExactlyInAnyOrderElementsOf(expected.keySet());
                for (ThreadState thread : target.threads()) {
                    Map<String, Long> gdb = expected.get(thread.tid());
                    Registers registers = thread.registers().orElseThrow();
                    assertThat(registers.programCounter()).isEqualTo(gdb.get("rip"));
                    assertThat(registers.stackPointer()).isEqualTo(gdb.get("rsp"));
                    assertThat(registers.threadPointer()).isEqualTo(gdb.get("fs_base"));
                    assertThat(registers.general()[0]).isEqualTo(gdb.get("r15"));
                    assertThat(registers.general()[5]).isEqualTo(gdb.get("rbx"));
                    assertThat(registers.general()[14]).isEqualTo(gdb.get("rdi"));
                    assertThat(registers.general()).hasSize(27);
                    assertEveryRegister(registers, gdb);
                    assertThat(registers.get("pc")).hasValue(gdb.get("rip"));
                    assertThat(registers.get("sp")).hasValue(gdb.get("rsp"));
                    assertThat(registers.get("eax")).isEmpty();
                    assertThat(registers.get("")).isEmpty();
                }
                assertThat(target.threads().getFirst().registers().orElseThrow().threadPointer())
                        .isEqualTo(subject.told("main_thread"));
                assertThat(target.threads().getLast().registers().orElseThrow().threadPointer())
                        .isEqualTo(subject.told("other_thread"));
            }
        }
    }

    private static void assertEveryRegister(Registers registers, Map<String, Long> gdb) {
        assertThat(registers.names()).hasSameSizeAs(registers.general());
        for (int i = 0; i < registers.general().length; i++) {
            String name = registers.names().get(i);
            assertThat(gdb).containsKey(name);
            assertThat(registers.get(name)).as(name).hasValue(gdb.get(name));
            assertThat(registers.general()[i]).as(name).isEqualTo(gdb.get(name));
        }
    }

    private static Map<Long, Map<String, Long>> registers(Path program, Path core, String others) throws IOException {
        Map<Long, Map<String, Long>> threads = new HashMap<>();
        Map<String, Long> current = new HashMap<>();
        for (String line : Oracle.lines(
                "gdb",
                "-batch",
                "-nx",
                program.toString(),
                core.toString(),
                "-ex",
                "thread apply all info registers",
                // Shown when asked for alone.
                "-ex",
                "thread apply all info registers " + others)) {
            Matcher thread = LWP.matcher(line);
            Matcher register = REGISTER.matcher(line);
            if (thread.matches()) {
                current = threads.computeIfAbsent(Long.parseLong(thread.group(1)), id -> new HashMap<>());
            } else if (register.matches()) {
                current.put(register.group(1), Long.parseUnsignedLong(register.group(2), 16));
            }
        }
        return threads;
    }

    @ParameterizedTest
    @EnumSource
    void filesAndSegmentsAreMapped(Writer writer) throws IOException {
        try (Subject subject = Subject.start()) {
            Path core = writer.write(subject);
            try (Target target = Target.core(core)) {
                int files = 0;
                for (String line :
                        Oracle.lines("gdb", "-batch", "-nx", "-c", core.toString(), "-ex", "info proc mappings")) {
                    Matcher file = FILE.matcher(line);
                    if (file.matches()) {
                        Mapping mapping = target.memory()
                                .mappings()
                                .at(Oracle.hex(file.group(1)))
                                .orElseThrow();
                        assertThat(mapping.start()).isEqualTo(Oracle.hex(file.group(1)));
                        assertThat(mapping.end()).isEqualTo(Oracle.hex(file.group(2)));
                        assertThat(mapping.fileOffset()).isEqualTo(Oracle.hex(file.group(3)));
                        assertThat(mapping.path()).isEqualTo(file.group(4).strip());
                        files++;
                    }
                }
                assertThat(files).isGreaterThan(10);
                for (long[] segment : Oracle.segments(core, "LOAD")) {
                    assertThat(target.memory().mappings().at(segment[1])).isPresent();
                    assertThat(target.memory().mappings().at(segment[1] + segment[3] - 1))
                            .isPresent();
                }
                Mapping code = target.memory()
                        .mappings()
                        .at(subject.told("exported_function"))
                        .orElseThrow();
                assertThat(code).matches(Mapping::executable).matches(it -> !it.writable());
                Mapping data = target.memory()
                        .mappings()
                        .at(subject.told("exported_variable"))
                        .orElseThrow();
                assertThat(data).matches(Mapping::writable).matches(it -> !it.executable());
            }
        }
    }

    @ParameterizedTest
    @EnumSource
    void modulesKnowTheSameAsInTheLiveProcess(Writer writer) throws IOException {
        try (Subject subject = Subject.start("-rdynamic")) {
            List<String> live;
            try (Target target = subject.observe()) {
                live = target.modules().stream().map(ElfModule::toString).toList();
            }
            Path core = writer.write(subject);
            try (Target target = Target.core(core)) {
                assertThat(target.modules().stream().map(ElfModule::toString).toList())
                        .isEqualTo(live);
                ElfModule libc = ElfModuleTest.module(target, "/libc.so.6");
                ElfModuleTest.checkSymbols(libc, Oracle.symbols(Path.of(libc.path()), "--dyn-syms"), 7);
                assertThat(libc.buildId()).hasValue(Oracle.buildId(Path.of(libc.path())));
                assertThat(libc.relativeRelocations())
                        .hasSize(Oracle.relocations(Path.of(libc.path()), "R_X86_64_RELATIVE")
                                .size());
                ElfModule program = ElfModuleTest.module(target, "/subject");
                for (String name : List.of("exported_variable", "local_variable", "zeroed_variable")) {
                    assertThat(program.symbol(name)).as(name).hasValue(subject.told(name));
                }
            }
        }
    }

    @Test
    void aWindowShowsTheMappedFileAndNamesHoles() throws IOException {
        try (Subject subject = Subject.start();
                Target target = Target.core(subject.gcore())) {
            Window window = target.memory().window();
            long pattern = subject.told("pattern");
            long offset = window.require(pattern, 16);
            MemorySegment segment = window.segment();
            assertThat(target.description()).startsWith("core file " + mappedHere(segment.address()) + " ");
            assertThat(window.available(offset)).isGreaterThan(300000);
            assertThat(window.require(pattern + 299000, 8)).isEqualTo(offset + 299000);
            assertThat(window.segment()).isSameAs(segment);
            assertThat(segment.get(Words.BYTE, offset + 1000)).isEqualTo((byte) (1000 * 7 + (1000 >> 8)));

            Mapping last = target.memory().mappings().at(subject.told("text")).orElseThrow();
            assertThat(window.find(last.end() - 8, 16)).isEqualTo(-1);
            assertThat(window.missing()).isEqualTo(last.end());
            assertThat(window.find(last.end() - 8, 8)).isNotNegative();
            for (long nowhere : new long[] {0, 8, -8, -1, Long.MIN_VALUE, Long.MAX_VALUE, 0xffff800000000000L}) {
                assertThat(window.find(nowhere, 64)).as("0x%x", nowhere).isEqualTo(-1);
                assertThatThrownBy(() -> target.memory().readLong(nowhere))
                        .isInstanceOfSatisfying(
                                UnmappedAddressException.class,
                                e -> assertThat(e.address()).isEqualTo(nowhere));
            }
            byte[] across = new byte[64];
            assertThat(target.memory().read(last.end() - 24, MemorySegment.ofArray(across)))
                    .isEqualTo(24);
            long[] read = new long[3];
            target.memory()
                    .readRanges(
                            new long[] {pattern, 0, pattern + 8},
                            new long[] {8, 8, 8},
                            3,
                            MemorySegment.ofArray(new byte[24]),
                            read);
            assertThat(read).containsExactly(8, 0, 8);
        }
    }

    /** The file that the kernel says is mapped at an address of this process. */
    private static String mappedHere(long address) throws IOException {
        try (Stream<String> lines = Files.lines(Path.of("/proc/self/maps"))) {
            return lines.map(line -> line.split(" +", 6))
                    .filter(fields -> {
                        String[] range = fields[0].split("-");
                        return Long.parseUnsignedLong(range[0], 16) <= address
                                && address < Long.parseUnsignedLong(range[1], 16);
                    })
                    .map(fields -> fields.length > 5 ? fields[5] : "")
                    .findFirst()
                    .orElseThrow();
        }
    }

    @Test
    void whatAWindowShowedIsThereWhenNothingElseIs() throws Exception {
        try (Subject subject = Subject.start()) {
            MemorySegment pattern = shown(subject.gcore(), subject.told("pattern"));
            for (int i = 0; i < 10; i++) {
                // What is unmapped is so a little later, by a thread of its own.
                System.gc();
                Thread.sleep(20);
            }
            assertThat(pattern.get(Words.BYTE, 1000)).isEqualTo((byte) (1000 * 7 + (1000 >> 8)));
        }
    }

    private static MemorySegment shown(Path core, long address) {
        Window window = Target.core(core).memory().window();
        long offset = window.require(address, 2000);
        return window.segment().asSlice(offset, 2000);
    }

    /** Prints why a core can't be opened. */
    static final class Refused {
        private Refused() {}

        public static void main(String... core) {
            try {
                Target.core(Path.of(core[0])).close();
            } catch (TargetException e) {
                System.out.print(e.getMessage());
            }
        }
    }

    @Test
    void aJvmThatMayNotReadByAddressSaysSo() throws Exception {
        try (Subject subject = Subject.start()) {
            Process java = new ProcessBuilder(
                            Path.of(System.getProperty("java.home"), "bin", "java")
                                    .toString(),
                            "--illegal-native-access=deny",
                            "-cp",
                            System.getProperty("java.class.path"),
                            Refused.class.getName(),
                            subject.gcore().toString())
                    .redirectErrorStream(true)
                    .start();
            assertThat(new String(java.getInputStream().readAllBytes(), StandardCharsets.UTF_8))
                    .isEqualTo("this JVM may not show a core file: start it with --enable-native-access=ALL-UNNAMED");
            assertThat(java.waitFor()).isZero();
        }
    }

    @Test
    void closingEndsWhatWindowsShow() throws IOException {
        try (Subject subject = Subject.start()) {
            Target target = Target.core(subject.gcore());
            Window window = target.memory().window();
            long offset = window.require(subject.told("pattern"), 8);
            MemorySegment segment = window.segment();
            target.close();
            target.close();
            assertThatThrownBy(() -> segment.get(Words.LONG, offset)).isInstanceOf(IllegalStateException.class);
            String told = target.description() + " is closed: it can't be read any more";
            assertThatThrownBy(() -> target.memory().readLong(subject.told("pattern")))
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessage(told);
            assertThatThrownBy(() -> target.memory().window().require(subject.told("pattern"), 8))
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessage(told);
        }
    }

    /** It has no C library, so that nothing but the compiler is needed. */
    private static Path narrow() throws IOException {
        return CProgram.compile("narrow", """
                long exported_variable = 7;
                static volatile long local_variable = 3;
                static void call(int number, int first, const void *second, int third)
                {
                    __asm__ volatile("int $0x80" : "+a"(number) : "b"(first), "c"(second), "d"(third) : "memory");
                }
                void _start(void)
                {
                    exported_variable += local_variable;
                    call(4, 1, "ready\\n", 6);
                    for (;;)
                        call(29, 0, 0, 0);
                }
                """, "-m32", "-nostdlib", "-static", "-fno-stack-protector");
    }

    @ParameterizedTest
    @EnumSource
    void a32BitProgramIsNamedWithItsModulesAndSymbols(Writer writer) throws IOException {
        if (!ThisMachine.runs32BitPrograms()) {
            String why = "the kernel runs no 32-bit programs";
            ThisMachine.leavesOut("modules of a live 32-bit process, and of its core, but of one by qemu-i386", why);
            abort(why);
        }
        Path program = narrow();
        try (Subject subject = Subject.run(program, program.toString())) {
            try (Target target = subject.observe()) {
                checkNarrow(target, program);
            }
            Path core = writer.write(subject);
            try (Target target = Target.core(core)) {
                checkNarrow(target, program);
                checkRegisters(target, program, core);
            }
        }
    }

    private static void checkNarrow(Target target, Path program) throws IOException {
        ElfModule module = ElfModuleTest.module(target, "/narrow");
        checkNarrow(target, module, program);
        ElfModuleTest.checkSymbols(module, Oracle.symbols(program, "--syms"), 1);
    }

    /** Its core names no file. */
    @Test
    void a32BitGuestOfQemuIsReadFromItsCore() throws IOException {
        Path program = narrow();
        try (Subject subject = Subject.run(program, "qemu-i386", program.toString())) {
            Path core = subject.guestCore();
            try (Target target = Target.core(core)) {
                assertThat(target.modules()).hasSize(1);
                checkNarrow(target, target.modules().getFirst(), program);
                checkRegisters(target, program, core);
            }
        }
    }

    private static void checkNarrow(Target target, ElfModule module, Path program) throws IOException {
        assertThat(target.machine()).isEqualTo(Machine.I386);
        assertThat(module.buildId()).hasValue(Oracle.buildId(program));
        Oracle.Symbol variable = Oracle.symbols(program, "--syms").stream()
                .filter(symbol -> symbol.name().equals("exported_variable"))
                .findFirst()
                .orElseThrow();
        assertThat(target.memory().readInt(module.bias() + variable.value())).isEqualTo(10);
    }

    private static void checkRegisters(Target target, Path program, Path core) throws IOException {
        Registers registers = target.threads().getFirst().registers().orElseThrow();
        assertEveryRegister(
                registers,
                registers(program, core, "orig_eax").values().iterator().next());
        assertThat(target.memory().mappings().at(registers.programCounter()))
                .get()
                .matches(Mapping::executable);
        assertThat(target.memory().mappings().at(registers.stackPointer()))
                .get()
                .matches(Mapping::writable);
    }
}
