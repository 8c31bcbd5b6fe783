// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.malloc;

import static org.assertj.core.api.Assertions.assertThat;

import dev.heapwalk.heap.Heaps;
import dev.heapwalk.heap.usage.UsageCursor;
import dev.heapwalk.heap.usage.UsageTotals;
import dev.heapwalk.jvm.JvmCategories;
import dev.heapwalk.memory.Target;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What a Java virtual machine tells of its blocks, on each JDK of the machine. */
class NativeMemoryTrackingTest {
    private static final Pattern COUNTED = Pattern.compile(
            "^- +([A-Z][A-Za-z ]+) \\(.*\\R(?: +\\([^m].*\\R)* +\\(malloc=(\\d+)[^#\\n]*#(\\d+)\\)", Pattern.MULTILINE);

    /** Parts of the virtual machine that do nothing while a program waits, and nothing to answer a question. */
    private static final List<String> AT_REST =
            List.of("Class", "Code", "GC", "Symbol", "Module", "Metaspace", "Arguments");

    static Stream<Path> jdks() throws IOException {
        List<Path> homes = new ArrayList<>(List.of(Path.of(System.getProperty("java.home"))));
        Path others = Path.of("/usr/lib/jvm");
        if (Files.isDirectory(others)) {
            try (Stream<Path> all = Files.list(others)) {
                homes.addAll(all.toList());
            }
        }
        List<Path> jdks = new ArrayList<>();
        for (Path home : homes) {
            if (Files.isExecutable(home.resolve("bin/jcmd")) && Files.isExecutable(home.resolve("bin/rmiregistry"))) {
                jdks.add(home.toRealPath());
            }
        }
        return jdks.stream().distinct();
    }

    private static String jcmd(Path jdk, long pid) throws Exception {
        Process process = new ProcessBuilder(
                        jdk.resolve("bin/jcmd").toString(),
                        Long.toString(pid),
                        "VM.native_memory",
                        "summary",
                        "scale=B")
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start();
        try (var lines = process.inputReader()) {
            return lines.readAllAsString();
        }
    }

    private record Sum(long count, long bytes) {}

    /** By part, what {@code jcmd} tells of it. */
    private static Map<String, Sum> counted(String told) {
        Map<String, Sum> counted = new TreeMap<>();
        for (MatchResult match : COUNTED.matcher(told).results().toList()) {
            if (AT_REST.contains(match.group(1))) {
                counted.put(match.group(1), new Sum(Long.parseLong(match.group(3)), Long.parseLong(match.group(2))));
            }
        }
        return counted;
    }

    @ParameterizedTest
    @MethodSource("jdks")
    void blocksAreThoseThatTheVirtualMachineCounts(Path jdk) throws Exception {
        String command = "echo pid $$; echo READY; exec \"$1\" -J-XX:NativeMemoryTracking=summary -J-XX:+UseSerialGC"
                + " -J-Xint 0 > /dev/null 2>&1";
        try (ToldProgram jvm = new ToldProgram(
                Map.of(),
                "sh",
                "-c",
                command,
                "sh",
                jdk.resolve("bin/rmiregistry").toString())) {
            String told = "";
            while (!told.contains("Total:")) {
                assertThat(jvm.process.isAlive()).isTrue();
                told = jcmd(jdk, jvm.pid);
            }
            // The first question is answered by threads that are begun for it.
            Map<String, Sum> before = counted(jcmd(jdk, jvm.pid));
            Map<String, Sum> seen = new TreeMap<>();
            try (Target target = Target.attach(jvm.pid);
                    UsageCursor cursor = UsageCursor.over(Heaps.of(target))) {
                UsageTotals.of(cursor).list().stream()
                        .filter(total -> total.category().domain().equals(JvmCategories.JVM))
                        .forEach(total -> seen.put(total.category().kind(), new Sum(total.count(), total.bytes())));
            }
            Map<String, Sum> after = counted(jcmd(jdk, jvm.pid));
            assertThat(before.keySet()).containsAll(AT_REST);
            before.forEach((part, sum) -> {
                Sum then = after.get(part);
                Sum blocks = seen.get(part);
                assertThat(blocks.count)
                        .as(part)
                        .isBetween(Math.min(sum.count, then.count), Math.max(sum.count, then.count));
                // Malloc adds a word and rounds up, the virtual machine has a header and a mark behind.
                assertThat(blocks.bytes)
                        .as(part)
                        .isBetween(
                                Math.min(sum.bytes, then.bytes) + 26 * blocks.count,
                                Math.max(sum.bytes, then.bytes) + 58 * blocks.count);
            });
        }
    }
}
