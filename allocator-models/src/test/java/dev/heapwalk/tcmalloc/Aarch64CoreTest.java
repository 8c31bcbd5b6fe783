// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.tcmalloc;

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

/** Cores of a program for aarch64 that keeps a ledger, on tcmalloc of each release, which qemu-aarch64 writes. */
class Aarch64CoreTest {
    @TempDir
    private Path folder;

    static Stream<Arguments> libraries() {
        return Aarch64Ledger.prepared(
                arguments(Release.BULLSEYE, "libtcmalloc_minimal.so.4", "tcmalloc 2.8.1"),
                arguments(Release.TRIXIE, "libtcmalloc_minimal.so.4", "tcmalloc 2.16"),
                arguments(Release.SID, "libtcmalloc_minimal.so.4", "tcmalloc 2.18.1"));
    }

    @ParameterizedTest
    @MethodSource("libraries")
    void everyBlockIsThatOfTheLedger(Release release, String library, String name) throws Exception {
        Aarch64Ledger.check(Aarch64Ledger.of(release).preload(library), folder, (target, ledger) -> {
            TcmallocHeap heap = TcmallocHeap.locate(target);
            assertThat(heap.name()).isEqualTo(name);
            Walk.of(heap).check(ledger);
        });
    }
}
