// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.malloc;

import dev.heapwalk.malloc.layout.MallocLayout;
import dev.heapwalk.memory.Reader;
import dev.heapwalk.memory.struct.StructView;
import java.lang.foreign.MemorySegment;

/**
 * Lays views over malloc's own structures. One that can't be read is all zero, which no check takes for sound. Each
 * view is good until the reader reads something else.
 */
final class Structures {
    private static final MemorySegment ZEROS =
            MemorySegment.ofArray(new long[512]).asReadOnly();

    private Structures() {}

    private static <T extends StructView> T at(Reader reader, long address, long length, T view) {
        long offset = reader.find(address, length);
        view.lay(offset < 0 ? ZEROS : reader.segment(), Math.max(offset, 0), address, length);
        return view;
    }

    static MallocState arena(Reader reader, long address, MallocLayout.State layout) {
        return at(reader, address, layout.size(), new MallocState(layout));
    }

    static MallocPar parameters(Reader reader, long address, MallocLayout.Par layout) {
        return at(reader, address, layout.size(), new MallocPar(layout));
    }

    static HeapInfo heapInfo(Reader reader, long address) {
        return at(reader, address, HeapInfo.SIZE, new HeapInfo());
    }

    /** The size word of a chunk, or 0, which no chunk has, if it can't be read. */
    static long sizeWord(Reader reader, long chunk) {
        return reader.readLong(chunk + 8, 0);
    }
}
