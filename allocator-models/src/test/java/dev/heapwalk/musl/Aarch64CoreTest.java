// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.musl;

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

/** Cores of a program for aarch64 that keeps a ledger, on the musl of each release, which qemu-aarch64 writes. */
class Aarch64CoreTest {
    @TempDir
    private Path folder;

    static Stream<Arguments> releases() {
        return Aarch64Ledger.prepared(
                arguments(Release.BULLSEYE, "1.2.2"),
                arguments(Release.TRIXIE, "1.2.5"),
                arguments(Release.SID, "1.2.6"));
    }

    @ParameterizedTest
    @MethodSource("releases")
    void everyBlockIsThatOfTheLedger(Release release, String version) throws Exception {
        Aarch64Ledger.check(Aarch64Ledger.of(release).musl(false), folder, (target, ledger) -> {
            MuslHeap heap = MuslHeap.locate(target);
            assertThat(heap.name()).isEqualTo("musl's malloc " + version);
            LedgerTest.check(heap, ledger);
        });
    }
}
