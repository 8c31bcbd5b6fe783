// SPDX-License-Identifier: Apache-2.0
/**
 * What native libraries put into an allocator's blocks.
 */
module dev.heapwalk.natives {
    requires transitive dev.heapwalk.heap;

    exports dev.heapwalk.cpp;
    exports dev.heapwalk.glib;
    exports dev.heapwalk.jvm;
    exports dev.heapwalk.libc;
    exports dev.heapwalk.openssl;
    exports dev.heapwalk.sqlite;

    provides dev.heapwalk.heap.residency.ClaimProvider with
            dev.heapwalk.managed.GccMemory,
            dev.heapwalk.managed.GoMemory,
            dev.heapwalk.managed.JavaMemory,
            dev.heapwalk.managed.V8Memory;
    provides dev.heapwalk.heap.usage.CategorizerProvider with
            dev.heapwalk.cpp.service.CppObjects,
            dev.heapwalk.glib.service.GLibBlocks,
            dev.heapwalk.jvm.service.TaggedBlocks,
            dev.heapwalk.libc.service.CStringData,
            dev.heapwalk.libc.service.LibcBlocks,
            dev.heapwalk.libc.service.LibcShapes,
            dev.heapwalk.openssl.service.OpenSslBlocks,
            dev.heapwalk.sqlite.service.SqliteBlocks;
}
