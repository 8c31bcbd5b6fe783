// SPDX-License-Identifier: Apache-2.0
/**
 * The heaps of allocators that take the place of the C library's, a package for each.
 */
module dev.heapwalk.allocators {
    requires transitive dev.heapwalk.heap;

    exports dev.heapwalk.jemalloc;
    exports dev.heapwalk.mimalloc;
    exports dev.heapwalk.musl;
    exports dev.heapwalk.tcmalloc;

    provides dev.heapwalk.heap.HeapProvider with
            dev.heapwalk.jemalloc.service.JemallocHeapProvider,
            dev.heapwalk.mimalloc.service.MimallocHeapProvider,
            dev.heapwalk.musl.service.MuslHeapProvider,
            dev.heapwalk.tcmalloc.service.TcmallocHeapProvider;
}
