// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.heap;

/** Where a heap has its memory from. */
public enum HeapLayer {
    /** From the kernel: what serves the program's {@code malloc}. */
    ALLOCATOR,
    /**
     * From an allocator or from the kernel, to keep objects of its own in: the heap of a language, an arena, a pool.
     */
    RUNTIME
}
