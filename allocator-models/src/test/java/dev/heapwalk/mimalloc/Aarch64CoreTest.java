// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.mimalloc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.params.provider.Arguments.arguments;

import dev.heapwalk.allocator.Aarch64Ledger;
import dev.heapwalk.testkit.Release;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Cores of a program for aarch64 that keeps a ledger, on mimalloc of each release, which qemu-aarch64 writes. */
class Aarch64CoreTest {
    @TempDir
    private Path folder;

    static Stream<Arguments> libraries() {
        return Aarch64Ledger.prepared(
                arguments(Release.BOOKWORM, "libmimalloc.so.2.0", "mimalloc 2"),
                arguments(Release.SID, "libmimalloc.so.3", "mimalloc 3"));
    }

    @ParameterizedTest
    @MethodSource("libraries")
    void everyBlockIsThatOfTheLedger(Release release, String library, String name) throws Exception {
        Aarch64Ledger.check(Aarch64Ledger.of(release).preload(library), folder, (target, ledger) -> {
            MimallocHeap heap = MimallocHeap.locate(target);
            assertThat(heap.name()).isEqualTo(name);
            Walk.of(heap).check(ledger);
        });
    }
}
