// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.python.owned;

import dev.heapwalk.memory.Reader;
import dev.heapwalk.python.PythonRuntime;
import dev.heapwalk.python.layout.PymallocLayout;

/** How many bytes a block has, as far as its allocator tells that where the block lies. */
final class BlockRoom {
    private final Reader memory;
    private final PythonRuntime runtime;
    private final int poolSize;
    private final int alignment;
    private final boolean debugHeads;

    BlockRoom(PythonRuntime runtime, Reader memory) {
        this.memory = memory;
        this.runtime = runtime;
        this.poolSize =
                runtime.arenas().isEmpty() ? 0 : runtime.pymallocs().getFirst().poolSize();
        this.alignment =
                runtime.arenas().isEmpty() ? 0 : runtime.pymallocs().getFirst().alignment();
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
        if (runtime.arenaAt(address) < 0) {
            return -1;
        }
        int sizeClass = memory.readInt((address & -poolSize) + PymallocLayout.POOL_SIZE_INDEX, -1);
        return sizeClass < 0 || sizeClass >= PymallocLayout.LARGEST_BLOCK / alignment
                ? -1
                : (sizeClass + 1L) * alignment;
    }
}
