// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.layout;

/**
 * C names {@code rb_iseq_t} and {@code struct rb_iseq_constant_body}. What is the same in all versions supported stands
 * in the constants. Offsets are in the body, except {@link #BODY}.
 *
 * @param insnsInfo {@code insns_info}: the entries, and behind them {@code positions} (+8), {@code size} (+16, 32 bits)
 *     and {@code succ_index_table} (+24)
 * @param insnInfoSize the size of {@code struct iseq_insn_info_entry}, which begins with {@code line_no} (32 bits)
 * @param localTable {@code local_table}
 * @param parentIseq {@code parent_iseq}
 * @param localIseq {@code local_iseq}
 * @param localTableSize {@code local_table_size} (32 bits)
 * @param builtinAttributes {@code builtin_attrs} (32 bits), or -1 before 3.4, where nothing is read from it
 * @param firstLineIsValue whether {@code location.first_lineno} is an Integer of Ruby and not of C
 */
public record IseqLayout(
        int insnsInfo,
        int insnInfoSize,
        int localTable,
        int parentIseq,
        int localIseq,
        int localTableSize,
        int builtinAttributes,
        boolean firstLineIsValue) {
    /** {@code rb_iseq_t.wrapper}. */
    public static final int WRAPPER = 8;
    /** {@code rb_iseq_t.body}. */
    public static final int BODY = 16;
    /** {@code type}, 32 bits. */
    public static final int TYPE = 0;
    /** {@code iseq_size}, 32 bits: how many words the code has. */
    public static final int ISEQ_SIZE = 4;
    /** {@code iseq_encoded}. */
    public static final int ISEQ_ENCODED = 8;
    /** {@code param.flags}, 32 bits: has_lead, has_opt, has_rest, has_post, has_kw, has_kwrest, has_block … */
    public static final int PARAM_FLAGS = 16;
    /** {@code param.lead_num}, 32 bits. */
    public static final int PARAM_LEAD_NUM = 24;
    /** {@code param.opt_num}, 32 bits. */
    public static final int PARAM_OPT_NUM = 28;
    /** {@code param.rest_start}, 32 bits. */
    public static final int PARAM_REST_START = 32;
    /** {@code param.post_start}, 32 bits. */
    public static final int PARAM_POST_START = 36;
    /** {@code param.post_num}, 32 bits. */
    public static final int PARAM_POST_NUM = 40;
    /** {@code param.block_start}, 32 bits. */
    public static final int PARAM_BLOCK_START = 44;
    /** {@code param.keyword}: num, required_num, bits_start, rest_start (32 bits each), table, default_values. */
    public static final int PARAM_KEYWORD = 56;
    /** {@code required_num} of the keywords, 32 bits, behind {@code num}. */
    public static final int KEYWORD_REQUIRED = 4;
    /** {@code bits_start} of the keywords, 32 bits. */
    public static final int KEYWORD_BITS = 8;
    /** {@code rest_start} of the keywords, 32 bits. */
    public static final int KEYWORD_REST = 12;
    /** {@code default_values} of the keywords. */
    public static final int KEYWORD_DEFAULTS = 24;
    /** The size of what the keywords have but for tables. */
    public static final int KEYWORD_SIZE = 32;
    /** The bit of {@code param.flags} that is {@code has_kw}. */
    public static final int HAS_KEYWORDS = 0x10;
    /** {@code positions} of {@code insns_info}. */
    public static final int INFO_POSITIONS = 8;
    /** {@code size} of {@code insns_info}, 32 bits. */
    public static final int INFO_SIZE = 16;
    /** {@code succ_index_table} of {@code insns_info}. */
    public static final int INFO_INDEX = 24;
    /** What a catch table has before its entries: {@code size}, 32 bits. */
    public static final int CATCH_ENTRIES = 4;
    /** The size of {@code struct iseq_catch_table_entry}. */
    public static final int CATCH_ENTRY_SIZE = 32;
    /** {@code iseq} of a {@code struct iseq_catch_table_entry}. */
    public static final int CATCH_ENTRY_ISEQ = 8;
    /** {@code once.value} of {@code union iseq_inline_storage_entry}. */
    public static final int ONCE_VALUE = 8;
    /** {@code cref} of the cache of a class variable. */
    public static final int CLASS_VARIABLE_CREF = 24;
    /** {@code segments} of {@code struct iseq_inline_constant_cache}, behind {@code entry}. */
    public static final int CONSTANT_SEGMENTS = 8;
    /** {@code value} of {@code struct iseq_inline_constant_cache_entry} where it is no object. */
    public static final int CONSTANT_VALUE = 16;
    /** The size of {@code struct rb_call_data}, since 3.0: information and cache. */
    public static final int CALL_SIZE = 16;
    /** {@code cc} of {@code struct rb_call_data}. */
    public static final int CALL_CACHE = 8;

    /** {@code location.pathobj}: a String, or an Array of the path and the real path. */
    public static final int PATHOBJ = 64;
    /** {@code location.base_label}. */
    public static final int BASE_LABEL = 72;
    /** {@code location.label}. */
    public static final int LABEL = 80;
    /** {@code location.first_lineno}. */
    public static final int FIRST_LINENO = 88;
    /** Where the counts of lines are in what {@code coverage} leads to: {@code COVERAGE_INDEX_LINES}. */
    public static final int COVERAGE_LINES = 0;
    /** Where those of branches are: {@code COVERAGE_INDEX_BRANCHES}. */
    public static final int COVERAGE_BRANCHES = 1;
    /** {@code COVERAGE_TARGET_ONESHOT_LINES}. */
    public static final int COVERAGE_ONESHOT = 8;
    /** {@code BUILTIN_ATTR_C_TRACE}: a method written in Ruby that backtraces show as if it were written in C. */
    public static final int C_TRACE = 0x08;

    static IseqLayout of(int version) {
        return switch (version) {
            case 207, 300 -> new IseqLayout(120, 8, 152, 168, 176, 232, -1, true);
            case 301 -> new IseqLayout(120, 12, 152, 168, 176, 240, -1, true);
            case 302, 303 -> new IseqLayout(112, 12, 144, 160, 168, 232, -1, false);
            case 304 -> new IseqLayout(112, 12, 144, 160, 168, 232, 260, false);
            default -> new IseqLayout(112, 12, 144, 168, 176, 240, 268, false);
        };
    }
}
