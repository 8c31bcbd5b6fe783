// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.object;

import java.util.Arrays;
import java.util.Locale;

/** What a {@code T_IMEMO} is. C name {@code enum imemo_type}, to which 4.0 gives new numbers from 9 on. */
public enum ImemoType {
    /** The values of a scope that outlives it: {@code rb_env_t}. */
    ENV,
    /** What a class body, or an eval, sees of classes: {@code rb_cref_t}. */
    CREF,
    /** The special variables of a method, such as {@code $~}. */
    SVAR,
    /** What travels up the stack for {@code break}, {@code return} and {@code throw}. */
    THROW_DATA,
    /** A block that is a C function. */
    IFUNC,
    /** What some C functions keep between calls. */
    MEMO,
    /** A method entry: {@code rb_method_entry_t}. */
    MENT,
    /** An instruction sequence: {@code rb_iseq_t}. */
    ISEQ,
    /** A buffer of values or bytes. */
    TMPBUF,
    /** A syntax tree, until 3.4. */
    AST,
    /** A here document that is being parsed, until 3.4. */
    PARSER_STRTERM,
    /** What a call site says of its call, since 3.0. */
    CALLINFO,
    /** What a call site has found, since 3.0. */
    CALLCACHE,
    /** What a place that names a constant has found, since 3.1. */
    CONSTCACHE,
    /** Where a class variable was found, since 4.0. */
    CVAR_ENTRY,
    /** The instance variables of another object, since 4.0. */
    FIELDS,
    /** A number that stands for none of these. */
    UNKNOWN;

    private static final ImemoType[] OLD = {
        ENV,
        CREF,
        SVAR,
        THROW_DATA,
        IFUNC,
        MEMO,
        MENT,
        ISEQ,
        TMPBUF,
        AST,
        PARSER_STRTERM,
        CALLINFO,
        CALLCACHE,
        CONSTCACHE
    };
    private static final ImemoType[] NEW = {
        ENV,
        CREF,
        SVAR,
        THROW_DATA,
        IFUNC,
        MEMO,
        MENT,
        ISEQ,
        TMPBUF,
        CVAR_ENTRY,
        CALLINFO,
        CALLCACHE,
        CONSTCACHE,
        FIELDS
    };

    private final String label = "imemo_" + name().toLowerCase(Locale.ROOT);

    /**
     * The types by their numbers.
     *
     * @param renumbered whether they are numbered as 4.0 does
     * @return a new array of 16, {@link #UNKNOWN} where a number stands for none
     */
    public static ImemoType[] numbered(boolean renumbered) {
        ImemoType[] known = renumbered ? NEW : OLD;
        ImemoType[] types = Arrays.copyOf(known, 16);
        Arrays.fill(types, known.length, types.length, UNKNOWN);
        return types;
    }

    /**
     * The C name.
     *
     * @return for example {@code imemo_ment}
     */
    public String label() {
        return label;
    }
}
