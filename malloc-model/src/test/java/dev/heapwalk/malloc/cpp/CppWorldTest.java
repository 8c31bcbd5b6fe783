// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.malloc.cpp;

import static org.assertj.core.api.Assertions.assertThat;

import dev.heapwalk.cpp.CppCategories;
import dev.heapwalk.heap.Heaps;
import dev.heapwalk.heap.usage.Category;
import dev.heapwalk.heap.usage.UsageCursor;
import dev.heapwalk.memory.Target;
import dev.heapwalk.testkit.CProgram;
import dev.heapwalk.testkit.Grandchild;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Programs in C++ that make known numbers of objects and containers: each number is the program's own. */
final class CppWorldTest {
    private static String source() throws IOException {
        try (InputStream in = CppWorldTest.class.getResourceAsStream("world.cc")) {
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        }
    }

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
        List<String> words = new ArrayList<>(List.of(line.split(" ")));
        String compiler = words.removeFirst();
        Path program = CProgram.compileCpp(compiler, "cpp-world", source(), words.toArray(String[]::new));
        Process process =
                Grandchild.start(new ProcessBuilder(program.toString()).redirectError(ProcessBuilder.Redirect.INHERIT));
        try {
            Map<String, Long> expected = new TreeMap<>();
            while (true) {
                String said = process.inputReader().readLine();
                assertThat(said).as("the program ended early").isNotNull();
                String[] fields = said.split("\t");
                if (fields[0].equals("READY")) {
                    break;
                }
                expected.put(fields[0] + ", " + fields[1], Long.parseLong(fields[2]));
            }
            try (Target target = Target.attach(process.pid())) {
                assertThat(counts(target)).isEqualTo(expected);
            }
        } finally {
            process.destroyForcibly().waitFor();
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
