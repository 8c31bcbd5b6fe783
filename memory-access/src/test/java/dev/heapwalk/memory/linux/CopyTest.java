// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory.linux;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.heapwalk.memory.AddressSpace;
import dev.heapwalk.memory.Copier;
import dev.heapwalk.memory.Mapping;
import dev.heapwalk.memory.Target;
import dev.heapwalk.memory.TargetException;
import dev.heapwalk.memory.TargetOptions;
import dev.heapwalk.memory.ThreadState;
import dev.heapwalk.memory.UnmappedAddressException;
import dev.heapwalk.memory.Window;
import dev.heapwalk.memory.elf.ElfModule;
import dev.heapwalk.testkit.ThisMachine;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalLong;
import java.util.Set;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Copies a process in a stop, and reads the copy when the process has gone on. */
class CopyTest {
    private static final long MOST = 1L << 30;

    /**
     * Writes a number everywhere as fast as it can, one place after the other, in four kinds of memory. So at each
     * moment no two places differ by more than 1, and earlier ones are never behind later ones.
     */
    private static final String WRITER = """
            #include <fcntl.h>
            #include <pthread.h>
            #include <stdio.h>
            #include <stdlib.h>
            #include <sys/mman.h>
            #include <unistd.h>
            #define PLACES 300
            static volatile long data[PLACES * 512] = {1};
            static volatile long *places[4];
            static void *pause_for_ever(void *of)
            {
                for (;;)
                    pause();
                return of;
            }
            const char text[] = "a text that nobody writes to";
            int main(int argc, char **argv)
            {
                pthread_t thread;
                pthread_create(&thread, NULL, pause_for_ever, NULL);
                int file = open(argv[1], O_RDWR);
                places[0] = data;
                places[1] = malloc(PLACES * 4096);
                places[2] = mmap(0, PLACES * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, file, 0);
                places[3] = mmap(0, PLACES * 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
                void *guarded = mmap(0, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
                void *large = mmap(0, 1L << 40, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
                ((long *)large)[1L << 36] = 4711;
                void *untouched = mmap(0, PLACES * 4096, PROT_READ, MAP_PRIVATE, file, 0);
                for (int kind = 0; kind < 4; kind++)
                    printf("%lx\\n", (unsigned long)places[kind]);
                printf("%lx\\n%lx\\n%lx\\n%lx\\n", (unsigned long)guarded, (unsigned long)large,
                       (unsigned long)untouched, (unsigned long)text);
                fflush(stdout);
                fcntl(0, F_SETFL, O_NONBLOCK);
                for (long number = 1; ; number++) {
                    for (int place = 0; place < PLACES; place++)
                        for (int kind = 0; kind < 4; kind++)
                            places[kind][place * 512 + place] = number;
                    char c;
                    if (number % 64 == 0 && read(0, &c, 1) == 0)
                        return 0;
                }
            }
            """;

    private static final int PLACES = 300;
    private static final int KINDS = 4;
    private static final int PAGE = 4096;

    @TempDir
    Path folder;

    /** The writer, and what it has said of itself. */
    private final class Writer implements AutoCloseable {
        private final CTarget program;
        private final long[] kinds = new long[KINDS];
        private final long guarded;
        private final long large;
        private final long untouched;
        private final long text;

        private Writer() throws IOException {
            Path file = Files.createTempFile(folder, "mapped", "");
            Files.write(file, new byte[PLACES * PAGE]);
            program = CTarget.start("writer", WRITER, file.toString());
            for (int kind = 0; kind < KINDS; kind++) {
                kinds[kind] = program.hex();
            }
            guarded = program.hex();
            large = program.hex();
            untouched = program.hex();
            text = program.hex();
            awaitProgress();
        }

        private void awaitProgress() throws IOException {
            try (Target target = Target.observe(program.pid())) {
                long last = kinds[KINDS - 1] + (PLACES - 1) * (PAGE + 8L);
                long before = target.memory().readLong(last);
                long deadline = System.nanoTime() + ThisMachine.PATIENCE.toNanos();
                while (target.memory().readLong(last) == before) {
                    assertThat(System.nanoTime()).as("it goes on").isLessThan(deadline);
                    Thread.onSpinWait();
                }
            }
        }

        /** The numbers, in the order in which they are written. */
        private List<Long> numbers(AddressSpace memory) {
            List<Long> numbers = new ArrayList<>();
            for (int place = 0; place < PLACES; place++) {
                for (long kind : kinds) {
                    numbers.add(memory.readLong(kind + place * (PAGE + 8L)));
                }
            }
            return numbers;
        }

        @Override
        public void close() throws IOException {
            program.close();
        }
    }

    private static void ofOneMoment(List<Long> numbers) {
        assertThat(numbers.getFirst()).isPositive();
        assertThat(numbers.getFirst() - numbers.getLast()).isBetween(0L, 1L);
        for (int i = 1; i < numbers.size(); i++) {
            assertThat(numbers.get(i - 1) - numbers.get(i)).isBetween(0L, 1L);
        }
    }

    @Test
    void eachCopyShowsOneMoment() throws IOException {
        try (Writer writer = new Writer();
                Target target = Target.observe(writer.program.pid())) {
            Copier copier = target.copier(MOST);
            long before = 0;
            for (int round = 0; round < 20; round++) {
                List<Long> still;
                Target copy;
                List<ThreadState> threads;
                try (Target.Stop _ = target.stop()) {
                    copy = copier.copy();
                    still = writer.numbers(target.memory());
                    threads = target.threads();
                }
                writer.awaitProgress();
                try (copy) {
                    assertThat(copy.mode()).isEqualTo(Target.Mode.COPY);
                    assertThat(copy.still()).isTrue();
                    assertThat(copy.runsOn()).isFalse();
                    List<Long> numbers = writer.numbers(copy.memory());
                    ofOneMoment(numbers);
                    assertThat(numbers).isEqualTo(still);
                    assertThat(numbers.getFirst()).isGreaterThanOrEqualTo(before);
                    before = numbers.getFirst();
                    assertThat(copy.threads()).hasSize(2).hasSameSizeAs(threads);
                    for (int i = 0; i < threads.size(); i++) {
                        ThreadState one = copy.threads().get(i);
                        assertThat(one.tid()).isEqualTo(threads.get(i).tid());
                        assertThat(one.target()).isSameAs(copy);
                        assertThat(one.registers().orElseThrow().programCounter())
                                .isEqualTo(
                                        threads.get(i).registers().orElseThrow().programCounter());
                        assertThat(one.stack()).isPresent();
                    }
                }
                assertThat(writer.program.untouched()).isTrue();
            }
            assertThat(copier.bytes()).isBetween(3L * PLACES * PAGE, 64L << 20);
        }
    }

    /** Neither what was mapped nor files under its root are there any more. */
    @Test
    void aCopyOutlivesTheProcess() throws IOException {
        try (Writer writer = new Writer()) {
            Target copy;
            OptionalLong main;
            try (Target target = Target.attach(writer.program.pid())) {
                copy = target.copier(MOST).copy();
                main = module(target, "writer").symbol("main");
                assertThat(main).isPresent();
            }
            writer.program.finish();
            assertThat(writer.program.exit()).isZero();
            try (copy) {
                ofOneMoment(writer.numbers(copy.memory()));
                assertThat(copy.memory().readCString(writer.text, 100)).isEqualTo("a text that nobody writes to");
                assertThat(module(copy, "writer").symbol("main")).isEqualTo(main);
                assertThat(module(copy, "libc.so").symbol("malloc")).isPresent();
                // What was not in memory of a library comes from its file.
                ElfModule libc = module(copy, "libc.so");
                for (Mapping mapping : libc.mappings()) {
                    if (mapping.readable() && mapping.path().contains("libc")) {
                        assertThat(copy.memory().read(mapping.start(), bytes(mapping.length())))
                                .as("%s", mapping)
                                .isEqualTo(mapping.length());
                    }
                }
            }
        }
    }

    private static MemorySegment bytes(long length) {
        return MemorySegment.ofArray(new byte[Math.toIntExact(length)]);
    }

    private static ElfModule module(Target target, String name) {
        return target.modules().stream()
                .filter(module -> module.path().contains(name))
                .findFirst()
                .orElseThrow();
    }

    @Test
    void whatNobodyHasTouchedIsKnownAndTakesNoRoom() throws IOException {
        try (Writer writer = new Writer();
                Target target = Target.attach(writer.program.pid())) {
            Copier copier = target.copier(MOST);
            try (Target copy = copier.copy();
                    Window window = copy.memory().window()) {
                AddressSpace memory = copy.memory();
                assertThat(copier.bytes()).isLessThan(64L << 20);
                // A TiB, of which one page was touched.
                assertThat(memory.readLong(writer.large + (1L << 39))).isEqualTo(4711);
                for (long at = writer.large; at < writer.large + (1L << 40); at += 1L << 34) {
                    assertThat(memory.readLong(at)).isEqualTo(at == writer.large + (1L << 39) ? 4711 : 0);
                    assertThat(window.available(window.require(at, Window.MAX_LENGTH)))
                            .isGreaterThanOrEqualTo(Window.MAX_LENGTH);
                }
                long touched = writer.large + (1L << 39);
                assertThat(memory.touched().next(writer.large, writer.large + (1L << 40)))
                        .isBetween(touched - (64 << 10), touched);
                assertThat(window.segment().byteSize()).isPositive();
                long offset = window.require(touched - 8, 16);
                assertThat(window.segment().get(dev.heapwalk.memory.raw.Words.LONG, offset + 8))
                        .isEqualTo(4711);
                assertThatThrownBy(() -> memory.readLong(writer.guarded)).isInstanceOf(UnmappedAddressException.class);
                // A file that is no module, behind what a look for modules has read of it.
                assertThatThrownBy(() -> memory.readLong(writer.untouched + 200L * PAGE))
                        .isInstanceOf(UnmappedAddressException.class);
                assertThat(memory.nextReadable(writer.guarded, writer.guarded + PAGE))
                        .isEqualTo(writer.guarded + PAGE);
            }
        }
    }

    @Test
    void aProcessIsNotCopiedWhereThatTakesTooMuch() throws IOException {
        try (Writer writer = new Writer();
                Target target = Target.observe(writer.program.pid())) {
            Copier copier = target.copier(1 << 20);
            assertThat(copier.bytes()).isZero();
            try (Target.Stop _ = target.stop()) {
                assertThatThrownBy(copier::copy)
                        .isInstanceOfSatisfying(
                                TargetException.class,
                                e -> assertThat(e.reason()).isEqualTo(TargetException.Reason.NOT_COPIED))
                        .hasMessageMatching(
                                "process [0-9]+ \\(writer\\) has [0-9,]+ bytes in memory, and a copy of it may have 1,048,576");
                assertThat(copier.bytes()).isZero();
                // It is as it was.
                assertThat(target.still()).isTrue();
                ofOneMoment(writer.numbers(target.memory()));
            }
        }
    }

    @Test
    void aCopyIsMadeInAStopAndOneAtATime() throws IOException {
        try (Writer writer = new Writer();
                Target target = Target.observe(writer.program.pid())) {
            Copier copier = target.copier(MOST);
            assertThatThrownBy(copier::copy)
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessageContaining("runs: it can be copied while a stop of this target holds it");
            try (Target.Stop _ = target.stop()) {
                Target first = copier.copy();
                assertThatThrownBy(copier::copy)
                        .isInstanceOf(IllegalStateException.class)
                        .hasMessageContaining("close the copy");
                Window window = first.memory().window();
                window.require(writer.kinds[0], 8);
                first.close();
                first.close();
                assertThatThrownBy(() -> first.memory().readLong(writer.kinds[0]))
                        .isInstanceOf(IllegalStateException.class)
                        .hasMessageContaining("is closed");
                assertThatThrownBy(() -> window.require(writer.kinds[1], 8)).isInstanceOf(IllegalStateException.class);
                try (Target second = copier.copy()) {
                    ofOneMoment(writer.numbers(second.memory()));
                    // It stands still by itself.
                    assertThat(second.copier(0).copy()).isSameAs(second);
                    copier.close();
                    copier.close();
                    assertThatThrownBy(() -> second.memory().readLong(writer.kinds[0]))
                            .isInstanceOf(IllegalStateException.class)
                            .hasMessageContaining("is closed");
                }
                assertThat(copier.bytes()).isZero();
                assertThatThrownBy(copier::copy)
                        .isInstanceOf(IllegalStateException.class)
                        .hasMessageContaining("is closed");
            }
        }
    }

    /** A process that was let go while it was copied has gone on: there is no copy of it. */
    @Test
    void nothingIsCopiedOfAProcessThatWasLetGo() throws IOException, InterruptedException {
        try (Writer writer = new Writer()) {
            AtomicReference<TargetException> lost = new AtomicReference<>();
            TargetOptions options =
                    TargetOptions.DEFAULT.withMaxStop(Duration.ofMillis(100)).withWhenLost(lost::set);
            try (Target target = Target.observe(writer.program.pid(), options)) {
                Copier copier = target.copier(MOST);
                try (Target.Stop _ = target.stop()) {
                    long deadline = System.nanoTime() + ThisMachine.PATIENCE.toNanos();
                    while (lost.get() == null) {
                        assertThat(System.nanoTime()).isLessThan(deadline);
                        Thread.sleep(5);
                    }
                    assertThatThrownBy(copier::copy)
                            .isInstanceOfSatisfying(
                                    TargetException.class,
                                    e -> assertThat(e.reason()).isEqualTo(TargetException.Reason.STOPPED_TOO_LONG));
                }
            }
            assertThat(writer.program.untouched()).isTrue();
        }
    }

    /** A look at the process must not be taken for one that hangs because it takes long. */
    @Test
    void aCopyEndsWithTheProcess() throws IOException {
        try (Writer writer = new Writer();
                Target target = Target.observe(writer.program.pid())) {
            Copier copier = target.copier(MOST);
            writer.program.finish();
            assertThat(writer.program.exit()).isZero();
            assertThatThrownBy(() -> {
                        try (Target.Stop _ = target.stop()) {
                            copier.copy();
                        }
                    })
                    .isInstanceOf(dev.heapwalk.memory.NoSuchProcessException.class);
        }
    }

    /** A copy holds the root folder of the process open, from which it reads what was not in memory of a library. */
    @Test
    void aCopyThatNobodyClosedLeavesNothingOpen() throws IOException, InterruptedException {
        try (Writer writer = new Writer()) {
            List<ElfModule> modules;
            Set<Path> roots = rootsOpen();
            try (Target target = Target.attach(writer.program.pid())) {
                modules = target.copier(MOST).copy().modules();
            }
            Set<Path> own = rootsOpen();
            own.removeAll(roots);
            assertThat(own).hasSize(1);
            // Who has a module may still ask for its file.
            for (int i = 0; i < 5; i++) {
                System.gc();
                Thread.sleep(20);
            }
            assertThat(rootsOpen()).containsAll(own);
            assertThat(modules).isNotEmpty();
            modules = List.of();
            long deadline = System.nanoTime() + ThisMachine.PATIENCE.toNanos();
            while (rootsOpen().containsAll(own)) {
                assertThat(System.nanoTime()).as("time until it is closed").isLessThan(deadline);
                System.gc();
                Thread.sleep(20);
            }
        }
    }

    /** The descriptors by which this JVM has the root folder open. */
    private static Set<Path> rootsOpen() throws IOException {
        try (Stream<Path> descriptors = Files.list(Path.of("/proc/self/fd"))) {
            return descriptors
                    .filter(descriptor -> {
                        try {
                            return Files.readSymbolicLink(descriptor).equals(Path.of("/"));
                        } catch (IOException e) {
                            // That of this list.
                            return false;
                        }
                    })
                    .collect(Collectors.toSet());
        }
    }
}
