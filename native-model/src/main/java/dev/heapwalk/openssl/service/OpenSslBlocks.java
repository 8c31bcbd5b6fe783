// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.openssl.service;

import dev.heapwalk.heap.Heaps;
import dev.heapwalk.heap.usage.Categorizer;
import dev.heapwalk.heap.usage.CategorizerProvider;
import dev.heapwalk.natives.block.BlockSearch;

/** Knows the blocks of OpenSSL 1.1 and 3: contexts, connections, sessions. */
public final class OpenSslBlocks implements CategorizerProvider {
    private static final String LIBRARY = "libssl.so";

    /** For the service loader. */
    public OpenSslBlocks() {}

    /** What shows by the structures themselves is known better than what a runtime's objects lead to. */
    @Override
    public int priority() {
        return OWNED_BLOCKS - 1;
    }

    @Override
    public Categorizer categorizer(Heaps heaps) {
        return BlockSearch.library(heaps.target(), LIBRARY, "SSL_CTX_new")
                .<Categorizer>map(library -> new BlockSearch(
                        "structures of OpenSSL",
                        heaps,
                        (_, uses, reader, progress) -> new Connections(library, uses, reader).find(progress)))
                .orElse(Categorizer.NONE);
    }
}
