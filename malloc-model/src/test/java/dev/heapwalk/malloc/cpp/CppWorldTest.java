// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.malloc.cpp;

import static org.assertj.core.api.Assertions.assertThat;

import dev.heapwalk.cpp.CppCategories;
import dev.heapwalk.heap.Heaps;
import dev.heapwalk.heap.usage.Category;
import dev.heapwalk.heap.usage.UsageCursor;
import dev.heapwalk.memory.Target;
import dev.heapwalk.testkit.CProgram;
import dev.heapwalk.testkit.CoreEditor;
import dev.heapwalk.testkit.Cores;
import dev.heapwalk.testkit.Grandchild;
import dev.heapwalk.testkit.MiniDebugInfo;
import dev.heapwalk.testkit.Release;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Programs in C++ that make known numbers of objects and containers: each number is the program's own. */
final class CppWorldTest {
    @TempDir
    private Path folder;

    /** Two classes whose destructors are one function, as linkers make one of the same code, and one more. */
    private static final String FOLDED = """
            #include <cstdio>
            #include <unistd.h>
            struct One { virtual int value(); virtual ~One(); };
            struct Two { virtual int value(); virtual ~Two(); };
            struct Other { virtual ~Other() { puts("gone"); } virtual int value() { return 3; } };
            int One::value() { return 1; }
            int Two::value() { return 2; }
            One::~One() {}
            asm(".globl _ZN3TwoD0Ev, _ZN3TwoD1Ev; .type _ZN3TwoD0Ev, @function; .type _ZN3TwoD1Ev, @function;"
                ".set _ZN3TwoD0Ev, _ZN3OneD0Ev; .set _ZN3TwoD1Ev, _ZN3OneD1Ev");
            void *kept[35];
            int main() {
                for (int i = 0; i < 10; i++) kept[i] = new One;
                for (int i = 10; i < 15; i++) kept[i] = new Two;
                for (int i = 15; i < 35; i++) kept[i] = new Other;
                printf("folded\\t\\t1\\nREADY\\t\\t1\\n");
                fflush(stdout);
                pause();
            }
            """;

    private static final String TABLES = """
            #include <cstdio>
            #include <cstdlib>
            #include <string>
            #include <unistd.h>
            struct Table { void **entries; size_t used, room; size_t other[2]; };
            static Table tables[300];
            static std::string text(100, 'x');
            int main() {
                for (int i = 0; i < 300; i++) {
                    size_t room = 16 + i % 32;
                    tables[i] = {static_cast<void **>(calloc(1, room + 1)), i % 3 == 0 ? 0 : room - i % 5, room, {}};
                    if (i % 2 == 0) tables[i].entries[1] = &tables[i];
                }
                printf("tables\\t\\t300\\nREADY\\t\\t1\\n");
                fflush(stdout);
                pause();
            }
            """;

    @ParameterizedTest
    @ValueSource(
            strings = {
                "g++ -O0",
                "g++ -O2 -s",
                "g++ -O1 -fno-rtti",
                "g++ -O2 -static -no-pie -s",
                "clang++ -O0 -stdlib=libc++",
                "clang++ -O2 -s -stdlib=libc++"
            })
    void everyNumberIsTheProgramsOwn(String line) throws Exception {
        try (World world = new World(line);
                Target target = Target.attach(world.process.pid())) {
            assertThat(counts(target)).isEqualTo(world.expected);
        }
    }

    /** Fedora's programs have the symbols of functions alone, and so those of destructors, in a section of their own. */
    @Test
    void symbolsThatWereCompressedNameClasses() throws Exception {
        Path program = World.compile("g++ -O1 -fno-rtti");
        try (World world = new World(MiniDebugInfo.strip(program, folder.resolve("stripped")));
                Target target = Target.attach(world.process.pid())) {
            assertThat(counts(target)).isEqualTo(world.expected);
        }
    }

    /** One function of several classes tells none of them. */
    @Test
    void functionsThatTheLinkerMadeOneNameNoClass() throws Exception {
        Path program = CProgram.compileCpp("g++", "folded", FOLDED, "-fno-rtti");
        try (World world = new World(MiniDebugInfo.strip(program, folder.resolve("stripped")));
                Target target = Target.attach(world.process.pid())) {
            assertThat(world.expected).containsEntry("folded, ", 1L);
            assertThat(counts(target)).isEqualTo(Map.of("Other, ", 20L));
        }
        try (World world = new World(program);
                Target target = Target.attach(world.process.pid())) {
            assertThat(counts(target)).isEqualTo(Map.of("One, ", 10L, "Two, ", 5L, "Other, ", 20L));
        }
    }

    /** Tables with what is in use of them and how large they are, as C has them, where the library is loaded. */
    @Test
    void whatOnlyLooksLikeAStringIsNone() throws Exception {
        try (World world = new World(CProgram.compileCpp("g++", "tables", TABLES, "-O1"));
                Target target = Target.attach(world.process.pid())) {
            assertThat(world.expected).containsEntry("tables, ", 300L);
            assertThat(counts(target)).isEqualTo(Map.of("std::string, buffer", 1L));
        }
    }

    /** Also where its words lead to anywhere. */
    @Test
    void aCoreTellsAsMuchAndADamagedOneEnds() throws Exception {
        Path core;
        List<Long> addresses = new ArrayList<>();
        try (World world = new World("g++ -O0")) {
            core = Cores.gcore(Release.HOST, world.process.pid(), folder);
            try (Target target = Target.core(core);
                    UsageCursor usage = UsageCursor.over(Heaps.of(target))) {
                assertThat(counts(target)).isEqualTo(world.expected);
                while (usage.next()) {
                    if (usage.category().domain().equals(CppCategories.CPP)) {
                        for (long at = 0; at < Math.min(usage.usableSize(), 64); at += Long.BYTES) {
                            addresses.add(usage.address() + at);
                        }
                    }
                }
            }
        }
        Random random = new Random(1);
        for (int round = 0; round < 10; round++) {
            try (CoreEditor editor = new CoreEditor(core)) {
                for (int i = 0; i < 500; i++) {
                    long value = addresses.get(random.nextInt(addresses.size()));
                    editor.set(
                            addresses.get(random.nextInt(addresses.size())),
                            switch (random.nextInt(4)) {
                                case 0 -> editor.word(value);
                                case 1 -> random.nextLong();
                                default -> value;
                            });
                }
            }
            try (Target target = Target.core(core)) {
                assertThat(counts(target)).isNotEmpty();
            }
        }
    }

    /** The program, and what it says of itself. */
    private static final class World implements AutoCloseable {
        final Process process;
        final Map<String, Long> expected = new TreeMap<>();

        World(String line) throws IOException {
            this(compile(line));
        }

        static Path compile(String line) throws IOException {
            List<String> words = new ArrayList<>(List.of(line.split(" ")));
            String compiler = words.removeFirst();
            return CProgram.cpp(compiler, "world", words.toArray(String[]::new));
        }

        World(Path program) throws IOException {
            process = Grandchild.start(
                    new ProcessBuilder(program.toString()).redirectError(ProcessBuilder.Redirect.INHERIT));
            while (true) {
                String said = process.inputReader().readLine();
                assertThat(said).as("the program ended early").isNotNull();
                String[] fields = said.split("\t");
                if (fields[0].equals("READY")) {
                    break;
                }
                expected.put(fields[0] + ", " + fields[1], Long.parseLong(fields[2]));
            }
        }

        @Override
        public void close() {
            process.destroyForcibly();
        }
    }

    private static Map<String, Long> counts(Target target) {
        Map<String, Long> counts = new TreeMap<>();
        try (UsageCursor usage = UsageCursor.over(Heaps.of(target))) {
            while (usage.next()) {
                Category use = usage.category();
                if (use.domain().equals(CppCategories.CPP)) {
                    counts.merge(use.kind() + ", " + use.detail(), 1L, Long::sum);
                }
            }
        }
        return counts;
    }
}
