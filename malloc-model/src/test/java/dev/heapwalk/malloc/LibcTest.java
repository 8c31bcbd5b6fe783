// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.malloc;

import static org.assertj.core.api.Assertions.assertThat;

import dev.heapwalk.heap.Heaps;
import dev.heapwalk.libc.LibcCategories;
import dev.heapwalk.memory.Target;
import dev.heapwalk.testkit.Release;
import java.util.Map;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What the C library makes for a program, and for itself. */
class LibcTest {
    @ParameterizedTest
    @MethodSource("dev.heapwalk.testkit.Release#all")
    void blocksAreWhatTheLibraryMade(Release release) throws Exception {
        String library = ToldProgram.compiled("variables", "-shared", "-fPIC").install(release, false);
        try (ToldProgram told = ToldProgram.in(release, "libc", Map.of(), library);
                Target target = Target.attach(told.pid)) {
            assertThat(told.uses)
                    .containsKeys("libc stdio FILE", "libc DIR", "libc addrinfo", "libc locale locale t", "other");
            Map<String, Long> others = ToldProgram.counts(told.otherUses(Heaps.of(target), LibcCategories.LIBC, ""));
            // 32 of the functions are in a list that is a variable. The program tells the data of one category.
            assertThat(others)
                    .containsEntry("libc atexit exit_function_list", 2L)
                    .containsEntry("libc locale data", 11L)
                    .containsEntry("libc dtv thread-local storage vector", 2L)
                    .containsEntry("libc stdio wide buffer", 1L)
                    .doesNotContainKeys("libc DIR", "libc addrinfo", "libc locale locale_t", "libc stdio FILE");
        }
    }
}
