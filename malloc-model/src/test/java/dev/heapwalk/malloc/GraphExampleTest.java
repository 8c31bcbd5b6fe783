// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.malloc;

import static org.assertj.core.api.Assertions.assertThat;

import dev.heapwalk.heap.BlockCursor;
import dev.heapwalk.heap.BlockState;
import dev.heapwalk.heap.Heaps;
import dev.heapwalk.memory.Target;
import dev.heapwalk.testkit.Release;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The program that docs/graph.md shows compiles, and does what it says. */
class GraphExampleTest {
    @TempDir
    Path folder;

    @Test
    void tellsWhatHoldsAHeap() throws Exception {
        String page = Files.readString(Path.of("../docs/graph.md"));
        Matcher example = Pattern.compile("```java\n(.*?)```", Pattern.DOTALL).matcher(page);
        assertThat(example.find()).isTrue();
        Path source = Files.writeString(folder.resolve("Holders.java"), example.group(1));
        try (ToldProgram told = ToldProgram.in(Release.TRIXIE, "held", Map.of())) {
            Process process = new ProcessBuilder(
                            Path.of(System.getProperty("java.home"), "bin/java").toString(),
                            "--enable-native-access=ALL-UNNAMED",
                            "-cp",
                            System.getProperty("java.class.path"),
                            source.toString(),
                            Long.toString(told.pid))
                    .redirectError(ProcessBuilder.Redirect.INHERIT)
                    .start();
            String text = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            assertThat(process.waitFor()).isZero();
            long used = 0;
            try (Target target = Target.attach(told.pid);
                    BlockCursor block = Heaps.of(target).blocks()) {
                while (block.next()) {
                    used += block.state() == BlockState.USED ? 1 : 0;
                }
            }
            assertThat(text)
                    .contains(" bytes would be freed with glibc's malloc: bookkeeping\n")
                    .endsWith(used + " blocks are in use\n");
        }
    }
}
