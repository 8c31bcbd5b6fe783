// SPDX-License-Identifier: Apache-2.0
/**
 * The heap of glibc's malloc in a target: arenas, chunks, bins, thread caches.
 */
module dev.heapwalk.malloc {
    requires transitive dev.heapwalk.memory;

    exports dev.heapwalk.malloc;
    exports dev.heapwalk.malloc.usage;

    uses dev.heapwalk.malloc.usage.Categorizer;
    uses dev.heapwalk.malloc.usage.Suballocator;

    provides dev.heapwalk.malloc.usage.Categorizer with
            dev.heapwalk.malloc.usage.CStringData,
            dev.heapwalk.malloc.usage.LibcBlocks;
}
