// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.python.owned;

import dev.heapwalk.memory.Reader;
import dev.heapwalk.python.Arena;
import dev.heapwalk.python.PythonRuntime;
import dev.heapwalk.python.layout.PymallocLayout;
import java.util.List;

/** How many bytes a block has, as far as its allocator tells that where the block lies. */
final class BlockRoom {
    private final Reader memory;
    private final List<Arena> arenas;
    private final int arenaSize;
    private final int poolSize;
    private final int alignment;
    private final boolean debugHeads;

    BlockRoom(PythonRuntime runtime, Reader memory) {
        this.memory = memory;
        this.arenas = runtime.arenas();
        this.arenaSize = runtime.arenaSize();
        this.poolSize = arenas.isEmpty() ? 0 : runtime.pymallocs().getFirst().poolSize();
        this.alignment = arenas.isEmpty() ? 0 : runtime.pymallocs().getFirst().alignment();
        this.debugHeads = runtime.debugHeads();
    }

    /** How many bytes there are from an address to the end of the block that begins there; -1 if nothing tells it. */
    long room(long address) {
        if (debugHeads) {
            long head = address - PymallocLayout.DEBUG_HEAD;
            long size = memory.readLong(head, -1);
            return PymallocLayout.isDebugHead(size, memory.readLong(head + PymallocLayout.DEBUG_LETTER, 0))
                    ? Long.reverseBytes(size)
                    : -1;
        }
        if (!inArena(address)) {
            return -1;
        }
        int sizeClass = memory.readInt((address & -poolSize) + PymallocLayout.POOL_SIZE_INDEX, -1);
        return sizeClass < 0 || sizeClass >= PymallocLayout.LARGEST_BLOCK / alignment
                ? -1
                : (sizeClass + 1L) * alignment;
    }

    private boolean inArena(long address) {
        int low = 0;
        int high = arenas.size() - 1;
        while (low <= high) {
            int middle = low + high >>> 1;
            long start = arenas.get(middle).address();
            if (address < start) {
                high = middle - 1;
            } else if (address >= start + arenaSize) {
                low = middle + 1;
            } else {
                return true;
            }
        }
        return false;
    }
}
