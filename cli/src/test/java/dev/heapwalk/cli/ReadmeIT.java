// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The program that the README shows compiles, and does what it says. */
final class ReadmeIT {
    @TempDir
    private Path folder;

    @Test
    void exampleCountsUsedBytes() throws IOException {
        String readme = Files.readString(Run.checkout().resolve("README.md"));
        Matcher block = Pattern.compile("```java\n(.*?)```", Pattern.DOTALL).matcher(readme);
        assertThat(block.find()).as("README.md has a Java example").isTrue();
        Path source = Files.writeString(folder.resolve("UsedBytes.java"), block.group(1));
        String jars = Jars.all().stream().map(Path::toString).collect(Collectors.joining(":"));
        try (KnownProcess known = KnownProcess.start()) {
            Run run = Run.of(new ProcessBuilder(List.of(
                    Path.of(System.getProperty("java.home"), "bin/java").toString(),
                    "--enable-native-access=ALL-UNNAMED",
                    "-cp",
                    jars,
                    source.toString(),
                    known.pid())));
            long used = Run.heapwalk("used", "--format=jsonl", known.pid()).exited(0).rows().stream()
                    .mapToLong(row -> row.get("size").longValue())
                    .sum();
            assertThat(run.exited(0).text()).isEqualTo(used + " bytes in use\n");
        }
    }
}
