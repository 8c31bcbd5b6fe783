// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.sqlite.service;

import dev.heapwalk.heap.Heaps;
import dev.heapwalk.heap.usage.Categorizer;
import dev.heapwalk.heap.usage.CategorizerProvider;
import dev.heapwalk.natives.block.BlockSearch;

/** Knows the blocks of SQLite: connections, statements, the pages of databases, schemas. */
public final class SqliteBlocks implements CategorizerProvider {
    private static final String LIBRARY = "libsqlite3.so";

    /** For the service loader. */
    public SqliteBlocks() {}

    /** What shows by the structures themselves is known better than what a runtime's objects lead to. */
    @Override
    public int priority() {
        return OWNED_BLOCKS - 1;
    }

    @Override
    public Categorizer categorizer(Heaps heaps) {
        return BlockSearch.library(heaps.target(), LIBRARY, "sqlite3_open_v2").isPresent()
                ? new BlockSearch(
                        "structures of SQLite",
                        heaps,
                        (_, uses, reader, progress) -> new Databases(uses, reader).find(progress))
                : Categorizer.NONE;
    }
}
