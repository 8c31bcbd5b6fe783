// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.layout;

/**
 * The sizes of structures that {@code rb_obj_memsize_of} adds up, and where it finds their counts. Sizes in bytes, offsets from
 * the beginning of the structure that is named.
 *
 * @param io {@code rb_io_t}
 * @param ioShift how far its fields from {@code fd} on lie behind those of 2.7
 * @param regexp {@code regex_t}
 * @param regexpChain {@code regex_t.chain}
 * @param matchInline whether a match holds its registers in the slot
 * @param classExtension {@code rb_classext_t}, 0 where it lies in the slot
 * @param superclassDepth {@code superclass_depth} in the extension, or -1
 * @param variationCount {@code variation_count} in the extension (a byte), or -1
 * @param callCacheEntry what {@code rb_class_cc_entries} has for each call cache
 * @param iseqBody {@code struct rb_iseq_constant_body}
 * @param iseqBodyWithoutYjit the same if it was built without YJIT
 * @param iseqShift how far its fields from {@code insns_info} on lie before those of 3.1
 * @param iseqLocals {@code local_table_size} in it
 * @param iseqInlineStorages the first of the counts of inline storages in it; of four since 3.2
 * @param iseqCallData {@code ci_size} in it
 * @param iseqMarkBits whether it has a bit for each word of its code
 * @param instructionInfo {@code struct iseq_insn_info_entry} with its position
 * @param inlineStorage {@code union iseq_inline_storage_entry}
 * @param callData {@code struct rb_call_data}
 * @param thread {@code rb_thread_t}, or -1 if it is not known
 * @param threadContext {@code ec} in it
 * @param threadRootFiber {@code root_fiber} in it
 * @param contextStorage {@code local_storage} in the {@code rb_execution_context_t}
 * @param fiber {@code rb_fiber_t} and {@code rb_context_t} together, or -1 if it is not known
 * @param fiberChunk the chunk that malloc has for {@code rb_fiber_t}
 */
public record MemsizeLayout(
        int io,
        int ioShift,
        int regexp,
        int regexpChain,
        boolean matchInline,
        int classExtension,
        int superclassDepth,
        int variationCount,
        int callCacheEntry,
        int iseqBody,
        int iseqBodyWithoutYjit,
        int iseqShift,
        int iseqLocals,
        int iseqInlineStorages,
        int iseqCallData,
        boolean iseqMarkBits,
        int instructionInfo,
        int inlineStorage,
        int callData,
        int thread,
        int threadContext,
        int threadRootFiber,
        int contextStorage,
        int fiber,
        int fiberChunk) {

    static MemsizeLayout of(int version) {
        return switch (version) {
            case 207 -> new MemsizeLayout(
                    192, 0, 448, 440, false, 96, -1, -1, 16, 288, 288, 0, 232, 236, 240, false, 12, 24, 80, 368, 32, 312, 64, 1104, 608);
            case 300 -> new MemsizeLayout(
                    200, 8, 448, 440, false, 104, -1, -1, 16, 288, 288, 0, 232, 236, 240, false, 12, 16, 16, 408, 40, 320, 64, 1112, 608);
            case 301 -> new MemsizeLayout(
                    200, 8, 448, 440, false, 112, -1, -1, 16, 312, 312, 0, 240, 244, 248, false, 16, 16, 16, 376, 40, 328, 56, 1104, 608);
            case 302 -> new MemsizeLayout(
                    208, 8, 456, 448, false, 0, 40, 116, 16, 320, 312, 8, 232, 236, 252, true, 16, 16, 16, 320, 48, 280, 56, 1120, 624);
            case 303 -> new MemsizeLayout(
                    208, 8, 456, 448, true, 0, 40, 116, 16, 344, 312, 8, 232, 236, 252, true, 16, 16, 16, 456, 48, 408, 56, 1120, 624);
            case 304 -> new MemsizeLayout(
                    208, 8, 456, 448, true, 0, 40, 116, 16, 352, 320, 8, 232, 236, 252, true, 16, 16, 16, 472, 48, 424, 56, 1088, 608);
            default -> new MemsizeLayout(
                    208, 8, 456, 448, true, 0, 64, 124, 16, 360, 328, 8, 240, 244, 260, true, 16, 16, 16, -1, 48, -1, 56, -1, -1);
        };
    }
}
