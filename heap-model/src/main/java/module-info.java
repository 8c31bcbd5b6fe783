// SPDX-License-Identifier: Apache-2.0
/**
 * What every heap in a target has, whatever allocator or runtime it belongs to: blocks, what they are used for, what
 * they refer to.
 */
// The modules that write JSON are built after this one.
@SuppressWarnings("module")
module dev.heapwalk.heap {
    requires transitive dev.heapwalk.memory;

    exports dev.heapwalk.heap;
    exports dev.heapwalk.heap.dump;
    exports dev.heapwalk.heap.residency;
    exports dev.heapwalk.heap.usage;
    exports dev.heapwalk.text to
            dev.heapwalk.cli,
            dev.heapwalk.python,
            dev.heapwalk.ruby;

    uses dev.heapwalk.heap.HeapProvider;
    uses dev.heapwalk.heap.residency.ClaimProvider;
    uses dev.heapwalk.heap.usage.CategorizerProvider;
}
