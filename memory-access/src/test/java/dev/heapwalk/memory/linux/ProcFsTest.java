// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory.linux;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.abort;

import dev.heapwalk.memory.Machine;
import dev.heapwalk.memory.Mapping;
import dev.heapwalk.memory.Mappings;
import dev.heapwalk.memory.NoSuchProcessException;
import dev.heapwalk.memory.Registers;
import dev.heapwalk.memory.Target;
import dev.heapwalk.memory.TargetException;
import dev.heapwalk.testkit.ThisMachine;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ProcFsTest {
    private static final String MAPPER = """
            #define _GNU_SOURCE
            #include <fcntl.h>
            #include <stdio.h>
            #include <string.h>
            #include <sys/mman.h>
            #include <sys/prctl.h>
            #include <unistd.h>
            int main(int argc, char **argv) {
                prctl(PR_SET_NAME, "a) S 1\\033[2m\\n");
                for (int i = 1; i < argc; i++) {
                    int fd = open(argv[i], O_RDWR | O_CREAT, 0600);
                    if (fd < 0 || ftruncate(fd, 8192)) return 1;
                    printf("%lx\\n", (long)mmap(0, 4096, PROT_READ, MAP_SHARED, fd, 4096));
                    if (strstr(argv[i], "gone")) unlink(argv[i]);
                }
                printf("%lx\\n", (long)mmap(0, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
                printf("%lx\\n", (long)mmap(0, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
                printf("ready\\n");
                fflush(stdout);
                pause();
            }
            """;

    @TempDir
    private Path folder;

    @Test
    void readsEveryNameAsItIs() throws IOException {
        List<String> names = List.of(
                "plain",
                "two  spaces ",
                "line\nend",
                "back\\012slash",
                "gone",
                "ümlaut",
                "still here (deleted)",
                "[heap]");
        String[] paths =
                names.stream().map(name -> folder.resolve(name).toString()).toArray(String[]::new);
        try (CTarget program = CTarget.start("mapper", MAPPER, paths)) {
            long[] addresses = new long[paths.length];
            for (int i = 0; i < paths.length; i++) {
                addresses[i] = program.hex();
            }
            long none = program.hex();
            long all = program.hex();
            assertThat(program.line()).isEqualTo("ready");
            Target target = Target.observe(program.pid());
            Mappings mappings = target.memory().mappings();
            for (int i = 0; i < paths.length; i++) {
                Mapping mapping = mappings.at(addresses[i]).orElseThrow();
                assertThat(mapping)
                        .isEqualTo(new Mapping(
                                addresses[i],
                                addresses[i] + 4096,
                                true,
                                false,
                                false,
                                true,
                                4096,
                                names.get(i).equals("gone") ? paths[i] + " (deleted)" : paths[i]));
                assertThat(mapping.anonymous()).isFalse();
            }
            assertThat(mappings.at(none).orElseThrow().readable()).isFalse();
            assertThat(mappings.at(all).orElseThrow().executable()).isTrue();
            assertThat(mappings.readable(none, 1)).isFalse();
            assertThat(target.description()).isEqualTo("process %d (a) S 1\\x1b[2m\\x0a)", program.pid());
            assertThat(target.threads().getFirst().name()).isEqualTo("a) S 1\033[2m\n");
            target.close();
        }
    }

    @Test
    void leavesOutWhatARunningProcessShowsTwice() {
        String text = """
                00001000-00003000 r--p 00000000 00:00 0
                00002000-00004000 rw-p 00000000 00:00 0 [heap]
                00004000-00005000 ---p 00000000 00:00 0
                ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0                  [vsyscall]
                """;
        byte[] bytes = text.getBytes(StandardCharsets.ISO_8859_1);
        Mappings mappings = MapsFile.parse(bytes, bytes.length, "/", folder);
        assertThat(mappings.list()).extracting(Mapping::start).containsExactly(0x1000L, 0x4000L, 0xffffffffff600000L);
        assertThat(mappings.readableEnd(0x1800, 0x9000)).isEqualTo(0x3000);
        assertThat(mappings.readableEnd(0x1800, 0x2000)).isEqualTo(0x2000);
        assertThat(mappings.readableEnd(0x800, 0x2000)).isEqualTo(0x800);
        assertThat(mappings.readableEnd(0x4000, 0x5000)).isEqualTo(0x4000);
        assertThat(mappings.readableStart(0x2800, 0)).isEqualTo(0x1000);
        assertThat(mappings.readableStart(0x2800, 0x2000)).isEqualTo(0x2000);
        assertThat(mappings.readableStart(0x4800, 0)).isEqualTo(0x4800);
    }

    @Test
    void readsA32BitProcessAndItsInterruptedCallGoesOn() throws IOException, InterruptedException {
        if (!ThisMachine.runs32BitPrograms()) {
            ThisMachine.leavesOut(
                    "reading a live 32-bit process, and whether its interrupted call goes on",
                    "the kernel runs no 32-bit programs");
            abort("the kernel runs no 32-bit programs");
        }
        Path program = dev.heapwalk.testkit.CProgram.compile(
                "small",
                CTarget.source("small"),
                "-m32",
                "-nostdlib",
                "-static",
                "-fno-pie",
                "-no-pie",
                "-fno-stack-protector",
                "-ffreestanding");
        try (CTarget small = CTarget.run(List.of(program.toString()))) {
            long address = small.hex();
            for (int i = 0; i < 10; i++) {
                try (Target target = Target.attach(small.pid())) {
                    assertThat(target.machine()).isEqualTo(Machine.I386);
                    assertThat(target.pageSize()).isEqualTo(4096);
                    assertThat(target.memory().readInt(address)).isEqualTo(4711);
                    Registers registers =
                            target.threads().getFirst().registers().orElseThrow();
                    assertThat(target.memory()
                                    .mappings()
                                    .at(registers.programCounter())
                                    .orElseThrow()
                                    .executable())
                            .isTrue();
                    assertThat(target.memory()
                                    .mappings()
                                    .at(registers.stackPointer())
                                    .orElseThrow()
                                    .path())
                            .isEqualTo("[stack]");
                    assertThat(registers.general()).hasSize(17);
                }
                Thread.sleep(20);
            }
            assertThat(small.untouched()).isTrue();
            // What epoll_wait returned: 0 at its timeout, and not -4.
            assertThat(small.hex()).isZero();
        }
    }

    @Test
    void findsTheMachineInAnElfHeader() throws IOException {
        byte[] header = Files.newInputStream(Path.of("/proc/self/exe")).readNBytes(64);
        assertThat(ProcFs.machine(header)).contains(Machine.X86_64);
        header[18] = (byte) 183;
        assertThat(ProcFs.machine(header)).contains(Machine.AARCH64);
        header[5] = 2;
        assertThat(ProcFs.machine(header)).contains(Machine.OTHER);
        assertThat(ProcFs.machine(new byte[20])).isEmpty();
        assertThat(ProcFs.machine(new byte[0])).isEmpty();
    }

    @Test
    void aProcessThatHasNoMemoryAnyMoreHasEnded() throws IOException {
        try (CTarget program = CTarget.program("oddities", "zombie")) {
            long zombie = Long.parseLong(program.line());
            assertThat(program.line()).isEqualTo("ready");
            ProcFs proc = ProcFs.ofThisMachine();
            for (Path folder : List.of(proc.process(zombie), proc.thread(zombie, zombie))) {
                // The kernel says ESRCH, which the JDK tells by text alone.
                Path file = folder.resolve("auxv");
                assertThatThrownBy(() -> proc.read(zombie, file))
                        .isInstanceOf(NoSuchProcessException.class)
                        .hasMessage("process %d ended while %s was read", zombie, file);
            }
            Path none = proc.process(program.pid()).resolve("none");
            assertThatThrownBy(() -> proc.read(program.pid(), none))
                    .isExactlyInstanceOf(TargetException.class)
                    .hasMessageStartingWith("can't read " + none);
        }
    }

    @Test
    void aProcessThatEndsWhileItIsLookedAt() throws IOException {
        CTarget program = CTarget.program("oddities", "alone");
        program.line();
        LiveProcess process = new LiveProcess(ProcFs.ofThisMachine(), program.pid());
        program.close();
        assertThatThrownBy(process::identify).isInstanceOf(NoSuchProcessException.class);
        assertThatThrownBy(() -> process.mappings(() -> {}))
                .isInstanceOf(NoSuchProcessException.class)
                .hasMessage("process %d (oddities) ended while it was read", program.pid());
    }
}
