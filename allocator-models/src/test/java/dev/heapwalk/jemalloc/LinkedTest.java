// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.jemalloc;

import dev.heapwalk.allocator.LinkedProgram;
import java.nio.file.Path;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Programs that are linked with jemalloc, and have lost its names. */
class LinkedTest {
    @TempDir
    private Path folder;

    @ParameterizedTest
    @ValueSource(strings = {"-s -l:libjemalloc.a -lm", "-s -static -Wl,-z,muldefs -l:libjemalloc.a -lm"})
    void isFoundByStructure(String options) throws Exception {
        LinkedProgram.check(
                options,
                "jemalloc 5.2.1",
                JemallocHeap::locate,
                heap -> heap.threadCaches().stream()
                        .map(cache -> cache.tid().orElseThrow())
                        .toList(),
                (heap, ledger) -> Walk.of(heap).check(ledger),
                folder);
    }
}
