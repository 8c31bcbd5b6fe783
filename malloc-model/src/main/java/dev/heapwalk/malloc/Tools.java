// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.malloc;

import dev.heapwalk.malloc.layout.MallocLayout;
import dev.heapwalk.memory.AddressSpace;
import dev.heapwalk.memory.LongTable;
import dev.heapwalk.memory.Reader;
import dev.heapwalk.memory.Target;
import dev.heapwalk.memory.TouchedPages;
import java.util.BitSet;

/**
 * What a heap is found with: all that has buffers. It is kept from one look at a process to the next, so that a look
 * makes none. For one thread at a time: who uses it holds its lock.
 */
final class Tools {
    private static final long CACHE = 20L << 20;

    private final AddressSpace memory;
    private final Reader reader;
    private final TouchedPages touched;
    private final MmapHeaders headers;
    private final LongTable seen = new LongTable();
    private final FreeChunks free = new FreeChunks();
    private ChunkCursor walk;
    private RunSearch runs;

    Tools(Target target) {
        this.memory = target.memory();
        this.reader = memory.reader(CACHE);
        this.touched = memory.touched();
        this.headers = new MmapHeaders(reader, target.pageSize());
    }

    Reader reader() {
        return reader;
    }

    TouchedPages touched() {
        return touched;
    }

    MmapHeaders headers() {
        return headers;
    }

    /** An empty table for chunks that were met. */
    LongTable seen() {
        seen.reuse();
        return seen;
    }

    /** Room to collect chunks in, empty. */
    FreeChunks free() {
        free.clear();
        return free;
    }

    RunSearch runs() {
        if (runs == null) {
            runs = new RunSearch(memory);
        }
        return runs;
    }

    /** A walk through some arenas of which it is not known yet what lies in thread caches and fastbins. */
    ChunkCursor walk(WalkPlan plan, MallocLayout layout) {
        if (walk == null) {
            walk = new ChunkCursor(memory, plan, FreeChunks.NONE, layout, new BitSet());
        } else {
            walk.rewind(memory, plan, FreeChunks.NONE, layout, new BitSet());
        }
        return walk;
    }

    /** Forgets what was read before, for a process that runs on. */
    void forget() {
        reader.forget();
        touched.forget();
        if (runs != null) {
            runs.forget();
        }
    }

    /** Frees what only the search for a heap needs, after which it is made again. */
    void rest() {
        if (walk != null) {
            walk.close();
            walk = null;
        }
        if (runs != null) {
            runs.close();
            runs = null;
        }
        seen.clear();
    }
}
