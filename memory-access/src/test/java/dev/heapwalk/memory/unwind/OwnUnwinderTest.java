// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory.unwind;

import static org.assertj.core.api.Assertions.assertThat;

import dev.heapwalk.memory.Machine;
import dev.heapwalk.memory.Registers;
import dev.heapwalk.memory.Target;
import dev.heapwalk.memory.ThreadState;
import dev.heapwalk.testkit.CProgram;
import dev.heapwalk.testkit.Grandchild;
import dev.heapwalk.testkit.Release;
import dev.heapwalk.testkit.ThisMachine;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.function.Predicate;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Frames are those that a program's own unwinder finds, also on aarch64; and harm does no more than end them. */
class OwnUnwinderTest {
    private static final Path SYSROOT = Path.of("/usr/aarch64-linux-gnu");
    private static final int ROUNDS = 300;

    @TempDir
    private Path folder;

    private record Told(long programCounter, long stackPointer) {}

    private static List<Told> told(Grandchild process) throws IOException {
        List<Told> frames = new ArrayList<>();
        BufferedReader out = process.inputReader();
        for (String line = out.readLine(); !line.equals("ready"); line = out.readLine()) {
            String[] words = line.split(" ");
            frames.add(new Told(Long.parseUnsignedLong(words[0], 16), Long.parseUnsignedLong(words[1], 16)));
        }
        if (frames.getLast().programCounter() == 0) {
            // Behind the outermost frame.
            frames.removeLast();
        }
        return frames;
    }

    private static void check(Target target, List<Told> told) {
        try (FrameCursor cursor = FrameCursor.of(target)) {
            List<Frame> frames = cursor.frames(target.threads().getFirst());
            int first = 0;
            // The innermost one has gone on since.
            while (frames.get(first).programCounter() != told.get(1).programCounter()) {
                first++;
            }
            List<Told> found = new ArrayList<>();
            for (Frame frame : frames.subList(first, frames.size())) {
                Frame inner = frames.get(frame.level() - 1);
                // libgcc takes the place of the kernel's registers on the stack for what is interrupted on aarch64.
                long pointer = inner.signal() && target.machine() == Machine.AARCH64
                        ? inner.stackPointer() + 304
                        : frame.stackPointer();
                found.add(new Told(frame.programCounter(), pointer));
            }
            assertThat(found).as("%s", frames).isEqualTo(told.subList(1, told.size()));
            assertThat(frames.stream().filter(Frame::signal)).hasSize(2);
            assertThat(frames.stream()
                            .map(frame -> frame.function()
                                    .map(symbol -> symbol.name())
                                    .orElse("")))
                    .contains("handler", "compare", "deep", "main");
            assertThat(cursor.end()).isEqualTo(StackEnd.OUTERMOST);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"-O0", "-O2", "-O2 -static", "-O2 -Wl,--no-eh-frame-hdr"})
    void ofALiveProgram(String options) throws IOException {
        Path program = CProgram.compile("own", FrameCursorTest.source("own.c"), options.split(" "));
        Grandchild process = Grandchild.start(new ProcessBuilder(program.toString()));
        try {
            List<Told> told = told(process);
            try (Target target = Target.attach(process.pid())) {
                if (options.contains("no-eh-frame-hdr")) {
                    // Then the program's own unwinder finds nothing of it.
                    try (FrameCursor cursor = FrameCursor.of(target)) {
                        assertThat(cursor.frames(target.threads().getFirst()))
                                .anySatisfy(frame -> assertThat(frame.function())
                                        .hasValueSatisfying(symbol ->
                                                assertThat(symbol.name()).isEqualTo("main")));
                        assertThat(cursor.end()).isEqualTo(StackEnd.OUTERMOST);
                    }
                } else {
                    check(target, told);
                }
            }
        } finally {
            process.destroyForcibly();
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"-O0", "-O2", "-O2 -fomit-frame-pointer", "-O2 -mbranch-protection=standard"})
    void ofACoreOfAarch64(String options) throws Exception {
        Path program = folder.resolve("own");
        Path source = Files.writeString(folder.resolve("own.c"), FrameCursorTest.source("own.c"));
        List<String> line = new ArrayList<>(
                List.of("aarch64-linux-gnu-gcc", "-static-libgcc", "-o", program.toString(), source.toString()));
        line.addAll(List.of(options.split(" ")));
        assertThat(new ProcessBuilder(line).inheritIO().start().waitFor()).isZero();
        Path working = Files.createDirectory(folder.resolve("working"));
        Grandchild process = Grandchild.start(new ProcessBuilder(
                        "sh",
                        "-c",
                        "ulimit -c unlimited; exec \"$@\"",
                        "sh",
                        "qemu-aarch64",
                        "-L",
                        SYSROOT.toString(),
                        program.toString())
                .directory(working.toFile()));
        List<Told> told = told(process);
        assertThat(new ProcessBuilder("sh", "-c", "kill -ABRT " + process.pid())
                        .start()
                        .waitFor())
                .isZero();
        process.waitFor();
        try (Stream<Path> files = Files.list(working)) {
            Path core = files.filter(file -> file.getFileName().toString().startsWith("qemu_"))
                    .findFirst()
                    .orElseThrow();
            try (Target target = Target.core(core, SYSROOT)) {
                check(target, told);
            }
        }
    }

    /** In the middle of the code that ends a handler only the rules help, of which each is an expression. */
    @Test
    void rulesOfSignalFramesAreFollowed() throws IOException {
        Path program = CProgram.compile("own", FrameCursorTest.source("own.c"), "-O2");
        Grandchild process = Grandchild.start(new ProcessBuilder(program.toString()));
        try {
            told(process);
            try (Target target = Target.attach(process.pid());
                    FrameCursor cursor = FrameCursor.of(target)) {
                ThreadState thread = target.threads().getFirst();
                List<Frame> all = cursor.frames(thread);
                Frame signal = all.stream().filter(Frame::signal).findFirst().orElseThrow();
                Registers registers = thread.registers().orElseThrow();
                long[] general = registers.general().clone();
                general[registers.names().indexOf("rip")] = signal.programCounter() + 7;
                general[registers.names().indexOf("rsp")] = signal.stackPointer();
                // A register that the frame keeps, so what it is here does not count.
                general[registers.names().indexOf("rbp")] = 1;
                Registers there = thread.interrupted().orElseThrow().registers().orElseThrow();
                System.arraycopy(general, 0, there.general(), 0, general.length);
                cursor.over(there);
                List<Frame> found = new ArrayList<>();
                while (cursor.next()) {
                    found.add(cursor.frame());
                }
                assertThat(found.getFirst().signal()).isTrue();
                assertThat(found.stream().skip(1).map(Frame::programCounter))
                        .containsExactlyElementsOf(all.stream()
                                .skip(signal.level() + 1L)
                                .map(Frame::programCounter)
                                .toList());
            }
        } finally {
            process.destroyForcibly();
        }
    }

    @Test
    void harmEndsTheWalk() throws IOException {
        Path program = CProgram.compile("own", FrameCursorTest.source("own.c"), "-O1");
        Grandchild process = Grandchild.start(new ProcessBuilder(program.toString()));
        try {
            told(process);
            harm(process);
        } finally {
            process.destroyForcibly();
        }
    }

    private static void harm(Grandchild process) throws IOException {
        // By now it is the program that this is the memory of.
        try (RandomAccessFile memory = new RandomAccessFile("/proc/" + process.pid() + "/mem", "rw")) {
            Random random = new Random(4711);
            int whole;
            long[][] places;
            try (Target target = Target.attach(process.pid());
                    FrameCursor cursor = FrameCursor.of(target)) {
                ThreadState thread = target.threads().getFirst();
                whole = cursor.frames(thread).size();
                places = target.modules().stream()
                        .flatMap(module -> module.frameIndex().stream())
                        // The rules follow the table.
                        .map(range -> new long[] {range.start(), range.length() * 6})
                        .toArray(long[][]::new);
            }
            int changed = 0;
            for (int round = 0; round < ROUNDS; round++) {
                long[] place = places[random.nextInt(places.length)];
                byte[] kept = new byte[(int) Math.min(place[1], 1 << 16)];
                long at = place[0] + random.nextLong(Math.max(1, place[1] - kept.length));
                byte[] harmed = new byte[kept.length];
                try {
                    memory.seek(at);
                    memory.readFully(kept);
                } catch (IOException e) {
                    continue;
                }
                for (int i = 0; i < harmed.length; i++) {
                    harmed[i] = random.nextInt(32) == 0 ? (byte) random.nextInt() : kept[i];
                }
                memory.seek(at);
                memory.write(harmed);
                try (Target target = Target.attach(process.pid());
                        FrameCursor cursor = FrameCursor.of(target)) {
                    List<Frame> frames = cursor.frames(target.threads().getFirst());
                    assertThat(frames).isNotEmpty().hasSizeLessThanOrEqualTo(FrameCursor.MOST_FRAMES);
                    assertThat(cursor.end()).isNotEqualTo(StackEnd.NONE);
                    changed += frames.size() == whole ? 0 : 1;
                }
                memory.seek(at);
                memory.write(kept);
            }
            assertThat(changed).isGreaterThan(ROUNDS / 20);
        }
    }

    /** Code that was made at run time has no rules, nor has musl as Debian builds it. */
    @Test
    void withoutRulesTheWalkEnds() throws IOException {
        Path made = CProgram.compile("made", """
                #include <pthread.h>
                #include <stdio.h>
                #include <sys/mman.h>
                #include <unistd.h>
                static void *run(void *code)
                {
                    puts("ready");
                    fflush(stdout);
                    ((void (*)(void))code)();
                    return NULL;
                }
                int main(void)
                {
                    pthread_t thread;
                    unsigned char *code = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
                                               MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
                    code[0] = 0xeb;
                    code[1] = 0xfe;
                    pthread_create(&thread, NULL, run, code);
                    pthread_join(thread, NULL);
                }
                """);
        Release release = Release.TRIXIE;
        String musl = CProgram.muslSource("waits", """
                #include <unistd.h>
                int main(void)
                {
                    write(1, "ready\\n", 6);
                    for (;;)
                        pause();
                }
                """).install(release, false);
        for (List<String> line : List.of(List.of(made.toString()), release.command(false, List.of(musl)))) {
            Grandchild process = Grandchild.start(new ProcessBuilder(line));
            try {
                assertThat(process.inputReader().readLine()).isEqualTo("ready");
                // The thread may have yet to come to where it stays.
                await(process, target -> {
                    try (FrameCursor cursor = FrameCursor.of(target)) {
                        return cursor.frames(target.threads().getLast()).size() == 1
                                && cursor.end() == StackEnd.NO_RULES;
                    }
                });
            } finally {
                process.destroyForcibly();
            }
        }
    }

    private static void await(Grandchild process, Predicate<Target> condition) {
        long start = System.nanoTime();
        while (true) {
            assertThat(Duration.ofNanos(System.nanoTime() - start)).isLessThan(ThisMachine.PATIENCE);
            try (Target target = Target.attach(process.pid())) {
                if (condition.test(target)) {
                    return;
                }
            }
            Thread.onSpinWait();
        }
    }

    /** Of a process that runs there are no registers. */
    @Test
    void ofAProcessThatRunsThereAreNone() throws IOException {
        Path program = CProgram.compile("own", FrameCursorTest.source("own.c"), "-O2");
        Grandchild process = Grandchild.start(new ProcessBuilder(program.toString()));
        try {
            told(process);
            try (Target target = Target.observe(process.pid());
                    FrameCursor cursor = FrameCursor.of(target)) {
                assertThat(cursor.frames(target.threads().getFirst())).isEmpty();
                assertThat(cursor.end()).isEqualTo(StackEnd.NO_REGISTERS);
                try (var _ = target.stop()) {
                    List<Frame> frames = cursor.frames(target.threads().getFirst());
                    assertThat(frames).hasSizeGreaterThan(20);
                    assertThat(cursor.end()).isEqualTo(StackEnd.OUTERMOST);
                }
            }
        } finally {
            process.destroyForcibly();
        }
    }
}
