// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.vm;

import dev.heapwalk.ruby.RubyType;
import dev.heapwalk.ruby.layout.Flags;
import dev.heapwalk.ruby.layout.RubyLayout;

/** What an object that the interpreter keeps for itself is. C name {@code enum imemo_type}. */
public enum ImemoType {
    /** Local variables that outlived their frame. */
    ENV("env"),
    /** The class that code stands in. */
    CREF("cref"),
    /** Special variables such as {@code $~}. */
    SVAR("svar"),
    /** A jump out of a block. */
    THROW_DATA("throw_data"),
    /** A function in C that serves as a block. */
    IFUNC("ifunc"),
    /** Anything that C code needs for a moment. */
    MEMO("memo"),
    /** A method. */
    MENT("ment"),
    /** Compiled code. */
    ISEQ("iseq"),
    /** A buffer of C code. */
    TMPBUF("tmpbuf"),
    /** The tree of a parsed program. */
    AST("ast"),
    /** A string that is being parsed. */
    PARSER_STRTERM("parser_strterm"),
    /** An entry of the cache of a class variable. Since 4.0. */
    CVAR_ENTRY("cvar_entry"),
    /** What a call looks like. */
    CALLINFO("callinfo"),
    /** What a call found. */
    CALLCACHE("callcache"),
    /** What the name of a constant led to. */
    CONSTCACHE("constcache"),
    /** Instance variables outside their object. Since 4.0. */
    FIELDS("fields");

    private static final ImemoType[] OLD = {
        ENV, CREF, SVAR, THROW_DATA, IFUNC, MEMO, MENT, ISEQ, TMPBUF, AST, PARSER_STRTERM, CALLINFO, CALLCACHE, CONSTCACHE
    };
    private static final ImemoType[] NEW = {
        ENV, CREF, SVAR, THROW_DATA, IFUNC, MEMO, MENT, ISEQ, TMPBUF, CVAR_ENTRY, CALLINFO, CALLCACHE, CONSTCACHE, FIELDS
    };

    private final String label;

    ImemoType(String label) {
        this.label = label;
    }

    /**
     * The name, as {@code ObjectSpace.dump_all} writes it.
     *
     * @return for example {@code iseq}
     */
    public String label() {
        return label;
    }

    /**
     * The type of an object.
     *
     * @param flags its {@code RBasic.flags}
     * @param layout the acting layout
     * @return the type; null if it is no imemo or of a type that the version does not have
     */
    public static ImemoType of(long flags, RubyLayout layout) {
        if ((flags & Flags.TYPE_MASK) != RubyType.IMEMO.tag()) {
            return null;
        }
        ImemoType[] known = layout.since(4, 0) ? NEW : OLD;
        int number = (int) (flags >>> Flags.USHIFT) & 0xf;
        return number < known.length ? known[number] : null;
    }
}
