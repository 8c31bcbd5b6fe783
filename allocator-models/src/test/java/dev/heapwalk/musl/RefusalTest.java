// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.musl;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.heapwalk.memory.Target;
import dev.heapwalk.memory.UnsupportedTargetException;
import dev.heapwalk.testkit.CProgram;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;

/** What is musl, but has another malloc, and what is not musl. */
class RefusalTest {
    /** It exports what musl's dynamic linker exports, and has the text of a version; no release has one so old. */
    private static final String OLD = """
            #include <stdio.h>
            volatile char version[] = "xx";
            const char text[] = "\\0" "1.1.24";
            void __dls3(void) {}
            int main(void) {
                puts(version[0] == 'x' ? "READY" : text);
                fflush(stdout);
                return getchar();
            }
            """.replace("\\\\\\\\", "\\\\");

    private static void check(Path program, String... words) throws Exception {
        Process process = new ProcessBuilder(program.toString()).start();
        try {
            assertThat(process.inputReader().readLine()).isEqualTo("READY");
            try (Target target = Target.observe(process.pid())) {
                assertThat(MuslHeap.isLikely(target)).isEqualTo(words.length > 1);
                assertThatThrownBy(() -> MuslHeap.locate(target))
                        .isInstanceOf(UnsupportedTargetException.class)
                        .hasMessageContainingAll(words);
            }
        } finally {
            process.destroyForcibly().waitFor();
        }
    }

    @Test
    void theOldMallocIsNamed() throws Exception {
        check(
                CProgram.compile("old", OLD, "-rdynamic"),
                "is a program on musl (old, version 1.1.24)",
                "before 1.2.1 was another one");
    }

    @Test
    void whereThereIsNone() throws Exception {
        String other = OLD.replace("__dls3", "another");
        check(CProgram.compile("other", other, "-rdynamic"), "no malloc of musl in");
        check(CProgram.compile("other", other, "-static"), "no malloc of musl in");
    }
}
