// SPDX-License-Identifier: Apache-2.0
/**
 * The heap of CPython in a target.
 */
module dev.heapwalk.python {
    requires transitive dev.heapwalk.heap;

    exports dev.heapwalk.python;
    exports dev.heapwalk.python.dump;
    exports dev.heapwalk.python.frame;
    exports dev.heapwalk.python.gc;
    exports dev.heapwalk.python.object;
    exports dev.heapwalk.python.owned;
    exports dev.heapwalk.python.usage;

    provides dev.heapwalk.heap.HeapProvider with
            dev.heapwalk.python.service.PythonHeapProvider;
    provides dev.heapwalk.heap.usage.CategorizerProvider with
            dev.heapwalk.python.service.PythonOwned;
}
