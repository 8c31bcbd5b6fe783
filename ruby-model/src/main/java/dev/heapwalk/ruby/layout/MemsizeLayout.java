// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.layout;

import java.util.Arrays;

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
 * @param fiberUsable what malloc of the GNU C library makes of {@code rb_fiber_t}: {@code malloc_usable_size}
 * @param countsMissingIvars whether instance variables of an Object count that have no buffer yet
 * @param fieldsInObjects whether the instance variables and caches of classes count with objects of their own
 * @param keywordCall {@code struct rb_kwarg_call_data}, or 0 where none follow the call data
 * @param fiberStorage whether the storage of a fiber counts
 * @param ioBlockingOperations {@code blocking_operations} of {@code rb_io_t}, or -1 before 4.0
 * @param superclassDepthShort {@code superclass_depth} in the extension where it has 16 bits, or -1
 * @param ioForkGeneration {@code fork_generation} of {@code rb_io_t}, or -1 before 4.0
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
        int fiberUsable,
        boolean countsMissingIvars,
        boolean fieldsInObjects,
        int keywordCall,
        boolean fiberStorage,
        int ioBlockingOperations,
        int superclassDepthShort,
        int ioForkGeneration) {

    /** {@code sizeof(ar_table)}, of 2.7 to 3.2. */
    public static final int AR_TABLE = 128;
    /** {@code sizeof(OnigRegion)} with the end of its struct, and {@code allocated} (32 bits) at its beginning. */
    public static final int REGION = 24;
    /** What a region has for each group, in bytes. */
    public static final int REGION_GROUP = 16;
    /** {@code char_offset_num_allocated} of {@code struct rmatch}, 32 bits; {@code regs} is at its beginning. */
    public static final int MATCH_OFFSETS = 32;
    /** What a {@code struct rmatch} has for each of these, in bytes. */
    public static final int MATCH_OFFSET = 16;
    /** {@code sizeof(struct rmatch)}. */
    public static final int MATCH = 40;

    /** {@code alloc} of {@code regex_t}, 32 bits; the pointer to its code is at its beginning. */
    public static final int REGEXP_ALLOCATED = 12;
    /** {@code num_repeat} of {@code regex_t}, 32 bits. */
    public static final int REGEXP_REPEATS = 52;
    /** {@code repeat_range} of {@code regex_t}. */
    public static final int REGEXP_REPEAT_RANGE = 64;
    /** The size of a repeat range. */
    public static final int REPEAT_RANGE = 8;
    /** {@code exact} of {@code regex_t}, which {@code exact_end} follows. */
    public static final int REGEXP_EXACT = 136;
    /** {@code int_map} of {@code regex_t}, which {@code int_map_backward} follows. */
    public static final int REGEXP_MAP = 408;
    /** The size of such a map. */
    public static final int REGEXP_MAP_SIZE = 256 * 4;

    /** {@code capa} of {@code rb_io_buffer_t} (32 bits), which is packed: a pointer, an offset, a length before it. */
    public static final int IO_BUFFER_CAPACITY = 16;
    /** {@code sizeof(struct rb_io_blocking_operation)}. */
    public static final int IO_BLOCKING_OPERATION = 24;

    /** {@code sizeof(rb_econv_t)}. */
    public static final int CONVERTER = 184;
    /** {@code in_buf_start} of {@code rb_econv_t}, where {@code in_buf_end} is at {@link #CONVERTER_IN_END}. */
    public static final int CONVERTER_IN_START = 48;
    /** {@code in_buf_end} of {@code rb_econv_t}. */
    public static final int CONVERTER_IN_END = 72;
    /** {@code elems} of {@code rb_econv_t}. */
    public static final int CONVERTER_ELEMENTS = 80;
    /** {@code replacement_allocated} of {@code rb_econv_t}, 32 bits. */
    public static final int CONVERTER_REPLACED = 88;
    /** {@code replacement_len} of {@code rb_econv_t}. */
    public static final int CONVERTER_REPLACEMENT = 32;
    /** {@code num_allocated} of {@code rb_econv_t}, 32 bits. */
    public static final int CONVERTER_ALLOCATED = 92;
    /** {@code num_trans} of {@code rb_econv_t}, 32 bits. */
    public static final int CONVERTER_USED = 96;
    /** {@code sizeof(rb_econv_elem_t)}, which begins with the pointer to its {@code rb_transcoding}. */
    public static final int ELEMENT = 48;
    /** {@code out_buf_start} of {@code rb_econv_elem_t}. */
    public static final int ELEMENT_OUT_START = 8;
    /** {@code out_buf_end} of {@code rb_econv_elem_t}. */
    public static final int ELEMENT_OUT_END = 32;
    /** {@code sizeof(rb_transcoding)}, which begins with the pointer to its {@code rb_transcoder}. */
    public static final int TRANSCODING = 96;
    /** {@code max_input} of {@code rb_transcoder}, 32 bits. */
    public static final int TRANSCODER_INPUT = 60;
    /** {@code max_output} of {@code rb_transcoder}, 32 bits. */
    public static final int TRANSCODER_OUTPUT = 64;
    /** {@code state_size} of {@code rb_transcoder}. */
    public static final int TRANSCODER_STATE = 72;

    /** What a table of call caches has for each, in bytes. */
    public static final int CALL_CACHE = 16;
    /** What {@code struct rb_class_cc_entries} has but for its caches, where it has them itself. */
    public static final int CALL_CACHES = 16;
    /** The same where a pointer leads to them. */
    public static final int CALL_CACHES_WITH_POINTER = 24;
    /** {@code sizeof(struct gen_ivtbl)} without values. */
    public static final int GENERIC_IVARS = 8;
    /** The same of one with a table. */
    public static final int GENERIC_TABLE = 16;
    /** {@code kw_arg} of {@code struct rb_kwarg_call_data}. */
    public static final int KEYWORD_CALL_ARGUMENTS = 80;
    /** {@code sizeof(struct rb_callinfo_kwarg)} without keywords but one. */
    public static final int KEYWORD_ARGUMENTS = 16;
    /** The bits behind {@code variation_count} among which {@link #SUPERCLASSES_WITH_SELF} is, as 32 bits. */
    public static final int SUPERCLASSES_WITH_SELF = 1 << 13;
    /** {@code sizeof(marshal_compat_t)}. */
    public static final int COMPATIBILITY = 32;
    /** {@code sizeof(struct strscanner)} as it counts itself. */
    public static final int SCANNER = 48;
    /** {@code regs} of {@code struct strscanner}. */
    public static final int SCANNER_REGISTERS = 32;
    /** {@code sizeof(struct weakmap)} with two tables. */
    public static final int OLD_WEAK_MAP = 24;

    /** Where each of the three {@code rb_io_buffer_t} of {@code rb_io_t} is, in 2.7. */
    private static final int[] IO_BUFFERS = {40, 60, 128};

    /**
     * The {@code rb_io_buffer_t} of {@code rb_io_t}.
     *
     * @return their offsets, a new array
     */
    public int[] ioBuffers() {
        return Arrays.stream(IO_BUFFERS).map(at -> at + ioShift).toArray();
    }

    /**
     * The converters of {@code rb_io_t}: {@code readconv} and {@code writeconv}.
     *
     * @return their offsets, a new array
     */
    public int[] ioConverters() {
        return new int[] {120 + ioShift, 152 + ioShift};
    }

    static MemsizeLayout of(int version) {
        boolean missing = version >= 300;
        boolean fields = version >= 400;
        boolean storage = version >= 303;
        int call = version < 300 ? 88 : 0;
        int blocking = fields ? 208 : -1;
        int depth = fields ? 122 : -1;
        int forks = fields ? 240 : -1;
        return switch (version) {
            case 207 ->
                new MemsizeLayout(
                        192, 0, 448, 440, 96, -1, -1, 288, 288, 80, 368, 1104, 600, missing, fields, call, storage,
                        blocking, depth, forks);
            case 300 ->
                new MemsizeLayout(
                        200, 8, 448, 440, 104, -1, -1, 288, 288, 16, 408, 1112, 600, missing, fields, call, storage,
                        blocking, depth, forks);
            case 301 ->
                new MemsizeLayout(
                        200, 8, 448, 440, 112, -1, -1, 312, 312, 16, 376, 1104, 600, missing, fields, call, storage,
                        blocking, depth, forks);
            case 302 ->
                new MemsizeLayout(
                        208, 8, 456, 448, 0, 40, 116, 320, 312, 16, 320, 1120, 616, missing, fields, call, storage,
                        blocking, depth, forks);
            case 303 ->
                new MemsizeLayout(
                        208, 8, 456, 448, 0, 40, 116, 344, 312, 16, 456, 1120, 616, missing, fields, call, storage,
                        blocking, depth, forks);
            case 304 ->
                new MemsizeLayout(
                        208, 8, 456, 448, 0, 40, 116, 352, 320, 16, 472, 1088, 600, missing, fields, call, storage,
                        blocking, depth, forks);
            default ->
                new MemsizeLayout(
                        248, 8, 456, 448, 0, -1, 124, 360, 304, 16, 472, 1152, 632, missing, fields, call, storage,
                        blocking, depth, forks);
        };
    }
}
