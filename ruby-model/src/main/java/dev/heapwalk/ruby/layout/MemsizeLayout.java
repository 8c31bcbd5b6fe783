// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.layout;

/**
 * The sizes of structures that {@code rb_obj_memsize_of} adds up, and where it finds their counts. Sizes in bytes,
 * offsets from the beginning of the structure that is named.
 *
 * @param io {@code rb_io_t}
 * @param ioShift how far its fields from {@code fd} on lie behind those of 2.7
 * @param regexp {@code regex_t}
 * @param regexpChain {@code regex_t.chain}
 * @param classExtension {@code rb_classext_t}, 0 where it lies in the slot
 * @param superclassDepth {@code superclass_depth} in the extension, a word, or -1
 * @param variationCount {@code variation_count} in the extension (a byte), or -1
 * @param iseqBody {@code struct rb_iseq_constant_body}
 * @param iseqBodyWithoutYjit the same if it was built without YJIT
 * @param callData {@code struct rb_call_data}
 * @param thread {@code rb_thread_t}
 * @param fiber {@code rb_fiber_t} and {@code rb_context_t} together
 * @param fiberChunk the chunk that malloc has for {@code rb_fiber_t}
 */
public record MemsizeLayout(
        int io,
        int ioShift,
        int regexp,
        int regexpChain,
        int classExtension,
        int superclassDepth,
        int variationCount,
        int iseqBody,
        int iseqBodyWithoutYjit,
        int callData,
        int thread,
        int fiber,
        int fiberChunk) {

    static MemsizeLayout of(int version) {
        return switch (version) {
            case 207 -> new MemsizeLayout(192, 0, 448, 440, 96, -1, -1, 288, 288, 80, 368, 1104, 608);
            case 300 -> new MemsizeLayout(200, 8, 448, 440, 104, -1, -1, 288, 288, 16, 408, 1112, 608);
            case 301 -> new MemsizeLayout(200, 8, 448, 440, 112, -1, -1, 312, 312, 16, 376, 1104, 608);
            case 302 -> new MemsizeLayout(208, 8, 456, 448, 0, 40, 116, 320, 312, 16, 320, 1120, 624);
            case 303 -> new MemsizeLayout(208, 8, 456, 448, 0, 40, 116, 344, 312, 16, 456, 1120, 624);
            case 304 -> new MemsizeLayout(208, 8, 456, 448, 0, 40, 116, 352, 320, 16, 472, 1088, 608);
            default -> new MemsizeLayout(248, 8, 456, 448, 0, -1, 124, 360, 304, 16, 472, 1152, 640);
        };
    }
}
