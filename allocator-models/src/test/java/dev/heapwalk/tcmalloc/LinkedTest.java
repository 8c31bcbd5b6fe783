// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.tcmalloc;

import dev.heapwalk.allocator.LinkedProgram;
import java.nio.file.Path;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Programs that are linked with tcmalloc, and have lost its names. */
class LinkedTest {
    @TempDir
    private Path folder;

    @ParameterizedTest
    @ValueSource(
            strings = {
                "-s -l:libtcmalloc_minimal.a -l:libstdc++.a -lm",
                "-s -static -Wl,-z,muldefs -Wl,--whole-archive -l:libtcmalloc_minimal.a -Wl,--no-whole-archive -l:libstdc++.a -lm"
            })
    void isFoundByStructure(String options) throws Exception {
        LinkedProgram.check(
                options,
                "tcmalloc 2.8.1",
                TcmallocHeap::locate,
                heap -> heap.threadCaches().stream()
                        .flatMap(cache -> cache.tid().stream().boxed())
                        .toList(),
                (heap, ledger) -> Walk.of(heap).check(ledger),
                folder);
    }
}
