// SPDX-License-Identifier: Apache-2.0
/**
 * The heap of CRuby in a target.
 */
module dev.heapwalk.ruby {
    requires transitive dev.heapwalk.heap;

    exports dev.heapwalk.ruby;
    exports dev.heapwalk.ruby.dump;
    exports dev.heapwalk.ruby.gc;
    exports dev.heapwalk.ruby.name;
    exports dev.heapwalk.ruby.object;
    exports dev.heapwalk.ruby.size;
    exports dev.heapwalk.ruby.usage;
    exports dev.heapwalk.ruby.vm;

    provides dev.heapwalk.heap.HeapProvider with
            dev.heapwalk.ruby.service.RubyHeapProvider;
    provides dev.heapwalk.heap.usage.CategorizerProvider with
            dev.heapwalk.ruby.service.RubyOwned;
}
