// SPDX-License-Identifier: Apache-2.0
/**
 * What every heap in a target has, whatever allocator or runtime it belongs to: blocks, what they are used for, what
 * they refer to.
 */
module dev.heapwalk.heap {
    requires transitive dev.heapwalk.memory;

    exports dev.heapwalk.heap;
    exports dev.heapwalk.heap.usage;
    exports dev.heapwalk.text;

    uses dev.heapwalk.heap.HeapProvider;
    uses dev.heapwalk.heap.usage.CategorizerProvider;
}
