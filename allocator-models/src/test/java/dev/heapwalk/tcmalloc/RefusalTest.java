// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.tcmalloc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.heapwalk.memory.Target;
import dev.heapwalk.memory.UnsupportedTargetException;
import dev.heapwalk.testkit.CProgram;
import org.junit.jupiter.api.Test;

/** What has the name, but is another allocator, or has nothing yet. */
class RefusalTest {
    /** As large as what Google's tcmalloc has for its page map, with the name of a property that it alone has. */
    private static final String GOOGLE = """
            #include <stdio.h>
            #include <unistd.h>
            static volatile char map[4 << 20];
            int main(int count, char **arguments) {
                map[count] = 1;
                puts(count > 1 ? "tcmalloc.per_cpu_caches_active" : "READY");
                fflush(stdout);
                return getchar();
            }
            """;

    @Test
    void googlesTcmallocIsNamed() throws Exception {
        Process process =
                new ProcessBuilder(CProgram.compile("google", GOOGLE, "-s").toString()).start();
        try {
            assertThat(process.inputReader().readLine()).isEqualTo("READY");
            try (Target target = Target.observe(process.pid())) {
                assertThat(TcmallocHeap.isLikely(target)).isTrue();
                assertThatThrownBy(() -> TcmallocHeap.locate(target))
                        .isInstanceOf(UnsupportedTargetException.class)
                        .hasMessageContaining("Google's own tcmalloc in")
                        .hasMessageContaining("MallocExtension::GetStats");
            }
        } finally {
            process.destroyForcibly().waitFor();
        }
    }

    @Test
    void whereThereIsNone() throws Exception {
        Process process = new ProcessBuilder("cat").start();
        try {
            // It waits for input as soon as it has loaded its libraries.
            Thread.sleep(100);
            try (Target target = Target.observe(process.pid())) {
                assertThat(TcmallocHeap.isLikely(target)).isFalse();
                assertThatThrownBy(() -> TcmallocHeap.locate(target))
                        .isInstanceOf(UnsupportedTargetException.class)
                        .hasMessageContaining("no tcmalloc in");
            }
        } finally {
            process.destroyForcibly().waitFor();
        }
    }
}
