// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.benchmarks;

import dev.heapwalk.testkit.LedgerProcess;
import dev.heapwalk.testkit.Release;
import java.io.IOException;

/** An allocator that takes the place of the C library's. */
enum Allocator {
    JEMALLOC("jemalloc", "libjemalloc.so.2"),
    TCMALLOC("tcmalloc", "libtcmalloc_minimal.so.4"),
    MIMALLOC("mimalloc", "libmimalloc.so.2"),
    /** The C library itself, with which the program is linked. */
    MUSL("musl", "");

    private final String label;
    private final String library;

    Allocator(String label, String library) {
        this.label = label;
        this.library = library;
    }

    /** As it stands in names. */
    String label() {
        return label;
    }

    /** Starts a ledger program in the release that has all of them; of its small blocks 30 % are freed at random. */
    LedgerProcess start(int mallocs) throws IOException {
        LedgerProcess.Launch launch = LedgerProcess.of(Release.BOOKWORM, "many");
        return (library.isEmpty() ? launch.musl(false) : launch.preload(library))
                .option("threads", 4)
                .option("count", mallocs)
                .start();
    }
}
