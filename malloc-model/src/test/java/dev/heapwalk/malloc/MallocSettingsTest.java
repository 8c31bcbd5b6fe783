// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.malloc;

import static org.assertj.core.api.Assertions.assertThat;

import dev.heapwalk.heap.Setting;
import dev.heapwalk.memory.Target;
import dev.heapwalk.testkit.CProgram;
import dev.heapwalk.testkit.Release;
import java.io.IOException;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What malloc is set to, held against what it was told, and against the rule by which it raises its thresholds. */
class MallocSettingsTest {
    private static final String PROGRAM = """
            #include <stdio.h>
            #include <stdlib.h>
            #include <unistd.h>
            int main(void) {
                char text[50], c;
                static char *volatile small, *volatile large;
                small = malloc(100);
                small[0] = 1;
                // Mapped on its own, with a header of 16 bytes, in whole pages.
                large = malloc(1000000);
                free(large);
                write(1, text, sprintf(text, "pid %d\\nREADY\\n", (int) getpid()));
                while (read(0, &c, 1) > 0);
                _exit(0);
            }
            """;

    static List<Release> releases() {
        return Release.debian();
    }

    private static Map<String, Setting> settings(Release release, Map<String, String> environment) throws IOException {
        String program = CProgram.portableSource("settings", PROGRAM).install(release, false);
        List<String> command =
                release.commandBeside(Path.of(System.getProperty("java.io.tmpdir")), false, List.of(program));
        try (ToldProgram told = new ToldProgram(environment, command.toArray(String[]::new));
                Target target = Target.attach(told.pid)) {
            Map<String, Setting> settings = new HashMap<>();
            MallocHeap.locate(target).settings().forEach(setting -> settings.put(setting.name(), setting));
            return settings;
        }
    }

    @ParameterizedTest
    @MethodSource("releases")
    void thresholdsGrowWithABlockThatWasFreed(Release release) throws IOException {
        Map<String, Setting> settings = settings(release, Map.of());
        // The size of the chunk, which 2.43 counts without the words before it.
        long size = 245 * 4096 - (release == Release.SID ? 16 : 0);
        assertThat(settings.get("mmap_threshold").value()).isEqualTo(size);
        assertThat(settings.get("trim_threshold").value()).isEqualTo(2 * size);
        assertThat(settings.get("top_pad").value()).isEqualTo(128 << 10);
        assertThat(settings.get("mmap_threshold").dynamic()).isTrue();
        assertThat(settings.get("trim_threshold").dynamic()).isTrue();
        assertThat(settings).doesNotContainKey("arena_max");
    }

    @ParameterizedTest
    @MethodSource("releases")
    void areWhatTheEnvironmentSays(Release release) throws IOException {
        Map<String, Setting> settings = settings(
                release,
                Map.of(
                        "MALLOC_TRIM_THRESHOLD_", "300000",
                        "MALLOC_MMAP_THRESHOLD_", "200000",
                        "MALLOC_TOP_PAD_", "70000",
                        "MALLOC_ARENA_MAX", "3"));
        assertThat(settings.get("mmap_threshold").value()).isEqualTo(200_000);
        assertThat(settings.get("trim_threshold").value()).isEqualTo(300_000);
        assertThat(settings.get("top_pad").value()).isEqualTo(70_000);
        assertThat(settings.get("arena_max").value()).isEqualTo(3);
        assertThat(settings.get("mmap_threshold").dynamic()).isFalse();
        assertThat(settings.get("trim_threshold").dynamic()).isFalse();
    }
}
