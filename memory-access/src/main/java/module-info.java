// SPDX-License-Identifier: Apache-2.0
/**
 * Memory, threads and ELF modules of another Linux process, or of its core file.
 */
module dev.heapwalk.memory {
    exports dev.heapwalk.memory;
    exports dev.heapwalk.memory.elf;
    exports dev.heapwalk.memory.struct;
}
