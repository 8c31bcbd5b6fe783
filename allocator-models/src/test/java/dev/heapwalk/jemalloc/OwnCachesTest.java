// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.jemalloc;

import static org.assertj.core.api.Assertions.assertThat;

import dev.heapwalk.memory.Target;
import dev.heapwalk.testkit.CProgram;
import dev.heapwalk.testkit.Grandchild;
import java.io.BufferedReader;
import java.util.HashSet;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** A program that has made arenas and caches of its own, and frees into these, as memkind does. */
class OwnCachesTest {
    private static final String SOURCE = """
            #define _GNU_SOURCE
            #include <dlfcn.h>
            #include <stdio.h>
            #include <stdlib.h>
            #include <unistd.h>
            int main(void) {
                int (*mallctl)(const char *, void *, size_t *, void *, size_t);
                void *(*mallocx)(size_t, int);
                void (*dallocx)(void *, int);
                *(void **) &mallctl = dlsym(RTLD_DEFAULT, "mallctl");
                *(void **) &mallocx = dlsym(RTLD_DEFAULT, "mallocx");
                *(void **) &dallocx = dlsym(RTLD_DEFAULT, "dallocx");
                static void *blocks[3000];
                for (int c = 0; c < 3; c++) {
                    unsigned arena, cache;
                    size_t length = sizeof arena;
                    if (mallctl("arenas.create", &arena, &length, NULL, 0) != 0
                            || mallctl("tcache.create", &cache, &length, NULL, 0) != 0) return 1;
                    int flags = (int) ((arena + 1) << 20 | (cache + 2) << 8);
                    for (int i = 0; i < 1000; i++) blocks[1000 * c + i] = mallocx(1 + i * 37 % 9000, flags);
                    for (int i = 0; i < 1000; i += 3) dallocx(blocks[1000 * c + i], flags);
                }
                for (int i = 0; i < 3000; i++) printf("%s %p\\n", i % 1000 % 3 == 0 ? "freed" : "live", blocks[i]);
                puts("READY");
                fflush(stdout);
                pause();
                return 0;
            }
            """;

    @Test
    void whatTheyHoldIsCached() throws Exception {
        ProcessBuilder builder =
                new ProcessBuilder(CProgram.compile("caches", SOURCE, "-ldl").toString());
        builder.environment().put("LD_PRELOAD", LedgerTest.LIBRARY);
        Grandchild process = Grandchild.start(builder);
        try (BufferedReader lines = process.inputReader()) {
            Set<Long> live = new HashSet<>();
            Set<Long> freed = new HashSet<>();
            for (String line = lines.readLine(); !line.equals("READY"); line = lines.readLine()) {
                String[] words = line.split(" ");
                (words[0].equals("live") ? live : freed).add(Long.decode(words[1]));
            }
            // What was freed may have been handed out once more.
            freed.removeAll(live);
            assertThat(live).hasSize(1998);
            assertThat(freed).isNotEmpty();
            try (Target target = Target.attach(process.pid())) {
                JemallocHeap heap = JemallocHeap.locate(target);
                Walk walk = Walk.of(heap);
                assertThat(walk.used)
                        .containsKeys(live.toArray(Long[]::new))
                        .doesNotContainKeys(freed.toArray(Long[]::new));
                assertThat(heap.threadCaches()).hasSize(4);
                assertThat(heap.threadCaches().stream()
                                .flatMap(cache -> cache.tid().stream().boxed()))
                        .containsExactly(process.pid());
            }
        } finally {
            process.destroyForcibly().waitFor();
        }
    }
}
