// SPDX-License-Identifier: Apache-2.0
/**
 * Memory, threads and ELF modules of another Linux process, or of its core file.
 */
// The modules that may read raw memory are built after this one.
@SuppressWarnings("module")
module dev.heapwalk.memory {
    exports dev.heapwalk.memory;
    exports dev.heapwalk.memory.core;
    exports dev.heapwalk.memory.elf;
    exports dev.heapwalk.memory.machine to
            dev.heapwalk.malloc,
            dev.heapwalk.natives,
            dev.heapwalk.ruby;
    exports dev.heapwalk.memory.raw to
            dev.heapwalk.allocators,
            dev.heapwalk.graph,
            dev.heapwalk.heap,
            dev.heapwalk.malloc,
            dev.heapwalk.natives,
            dev.heapwalk.python,
            dev.heapwalk.ruby;
    exports dev.heapwalk.memory.struct;
    exports dev.heapwalk.memory.unwind;
}
