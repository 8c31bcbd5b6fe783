// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.malloc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.heapwalk.memory.Target;
import dev.heapwalk.testkit.Cores;
import dev.heapwalk.testkit.LedgerProcess;
import dev.heapwalk.testkit.Release;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A cursor reads what its window shows without asking: whoever closes the core under it must not end the JVM. */
class ClosedCoreTest {
    @TempDir
    Path folder;

    @Test
    void aCursorTellsTheTruthUntilItMeetsTheEnd() throws Exception {
        Path core;
        try (LedgerProcess process = LedgerProcess.of(Release.HOST, "threads").start()) {
            core = Cores.gcore(process, folder);
        }
        List<Long> addresses = new ArrayList<>();
        try (Target target = Target.core(core)) {
            ChunkCursor chunk = MallocHeap.locate(target).chunks();
            while (chunk.next()) {
                addresses.add(chunk.address());
            }
        }
        ChunkCursor chunk = chunksOfAClosedCore(core, addresses);
        System.gc();
        System.gc();
        assertThatThrownBy(() -> {
                    for (int i = 10; chunk.next(); i++) {
                        assertThat(chunk.address()).isEqualTo(addresses.get(i));
                    }
                })
                .isInstanceOf(IllegalStateException.class)
                .hasMessageStartingWith("core file " + core)
                .hasMessageEndingWith(" is closed: it can't be read any more");
        assertThatThrownBy(chunk::next)
                .isInstanceOf(IllegalStateException.class)
                .hasMessageEndingWith(" is closed: it can't be read any more");
    }

    private static ChunkCursor chunksOfAClosedCore(Path core, List<Long> addresses) {
        try (Target target = Target.core(core)) {
            ChunkCursor chunk = MallocHeap.locate(target).chunks();
            for (int i = 0; i < 10; i++) {
                assertThat(chunk.next()).isTrue();
                assertThat(chunk.address()).isEqualTo(addresses.get(i));
            }
            return chunk;
        }
    }
}
