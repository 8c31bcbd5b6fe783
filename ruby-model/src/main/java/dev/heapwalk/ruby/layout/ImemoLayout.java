// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.layout;

/**
 * What the virtual machine keeps for itself, in slots of type {@code T_IMEMO}: five words, of which the first is the
 * flags. C names {@code rb_env_t}, {@code rb_cref_t}, {@code rb_method_entry_t}, {@code rb_iseq_t} and others; with the
 * structures that they point to. What is the same in all versions supported stands in the constants.
 *
 * @param renumbered whether the types are numbered as 4.0 does, from 9 on
 * @param hasClass whether the second word is taken for a class by {@code ObjectSpace.dump_all}, until 3.1
 * @param crefHoldsSelf whether {@code klass} of a cref may be an object, and is called {@code klass_or_self}
 * @param strtermLiteral the flag of a here document whose first word is a value, or 0 where none is one
 * @param bufferStart {@code ptr} of a buffer
 * @param bufferCount {@code cnt} of a buffer
 * @param buffersChained whether a buffer has a {@code next}
 * @param constantCref {@code ic_cref} of what a place that names a constant has found
 * @param uncacheable the flag of a call cache that never counts
 * @param callCacheMarksEntry whether every call cache marks its method
 * @param callCacheMarksClass whether one that marks its method marks its class too
 * @param overloads the bit of a method definition whose entry is marked itself, or 0
 * @param blockMethodHasHooks whether the definition of a method made from a block has hooks
 * @param refinedMarksOwner whether the definition of a refined method marks its owner
 * @param codeHasHooks whether the fourth word of code may be hooks
 * @param keywordsAfterCompiling whether the defaults of keywords are not marked while the code is compiled
 * @param callsMarked whether the information and the caches of calls beside the code are objects
 * @param callCachesForgotten whether code forgets its caches of calls when it is marked, in place of marking them
 * @param constantCacheInOperand whether a cache of a constant among the operands is an object, or points to one
 */
public record ImemoLayout(
        boolean renumbered,
        boolean hasClass,
        boolean crefHoldsSelf,
        long strtermLiteral,
        int bufferStart,
        int bufferCount,
        boolean buffersChained,
        int constantCref,
        long uncacheable,
        boolean callCacheMarksEntry,
        boolean callCacheMarksClass,
        int overloads,
        boolean blockMethodHasHooks,
        boolean refinedMarksOwner,
        boolean codeHasHooks,
        boolean keywordsAfterCompiling,
        boolean callsMarked,
        boolean callCachesForgotten,
        boolean constantCacheInOperand) {

    /** The word behind the flags. */
    public static final int FIRST = 8;
    /** The word behind that. */
    public static final int SECOND = 16;
    /** The word behind that. */
    public static final int THIRD = 24;
    /** The last word. */
    public static final int FOURTH = 32;

    /** {@code iseq} of an environment. */
    public static final int ENV_ISEQ = 8;
    /** {@code ep} of an environment. */
    public static final int ENV_EP = 16;
    /** {@code env} of an environment: its values. */
    public static final int ENV_VALUES = 24;
    /** {@code env_size} of an environment, 32 bits. */
    public static final int ENV_SIZE = 32;

    /** {@code cref_or_me} of special variables. */
    public static final int SVAR_METHOD = 8;
    /** {@code lastline} of special variables. */
    public static final int SVAR_LAST_LINE = 16;
    /** {@code backref} of special variables. */
    public static final int SVAR_LAST_MATCH = 24;

    /** {@code svar_lep} of a block in C: where it looks for special variables since 3.3; a reserved 0 before. */
    public static final int IFUNC_SVAR_LEP = 8;

    /** {@code defined_class} of a method entry. */
    public static final int METHOD_DEFINED_CLASS = 8;
    /** {@code def} of a method entry. */
    public static final int METHOD_DEFINITION = 16;
    /** {@code called_id} of a method entry. */
    public static final int METHOD_CALLED_ID = 24;
    /** {@code owner} of a method entry. */
    public static final int METHOD_OWNER = 32;
    /** The size of a method entry. */
    public static final int METHOD_SIZE = 40;
    /** {@code IMEMO_FL_USER5}: a method entry that no longer counts. */
    public static final long METHOD_INVALIDATED = 1L << Flags.USHIFT + 9;

    /** {@code body} of {@code rb_method_definition_t}, three words. */
    public static final int DEFINITION_BODY = 8;
    /** The second word of that. */
    public static final int DEFINITION_SECOND = 16;
    /** The third word of that. */
    public static final int DEFINITION_THIRD = 24;
    /** {@code original_id} of {@code rb_method_definition_t}. */
    public static final int DEFINITION_ORIGINAL_ID = 32;

    /** {@code next} of a buffer, where it has one. */
    public static final int BUFFER_NEXT = 24;

    /** {@code mid} of call information. */
    public static final int CALL_INFO_METHOD = 16;
    /** {@code klass} of a call cache. */
    public static final int CALL_CACHE_CLASS = 8;
    /** {@code cme_} of a call cache. */
    public static final int CALL_CACHE_ENTRY = 16;
    /** {@code VM_CALLCACHE_SUPER} and {@code VM_CALLCACHE_REFINEMENT}, since 3.3. */
    public static final long CALL_CACHE_UNCHAINED = 3L << Flags.USHIFT + 6;

    /** {@code IMEMO_FL_USER0}. */
    public static final long USER0 = Flags.USER4;
    /** {@code ISEQ_NOT_LOADED_YET}. */
    public static final long CODE_NOT_LOADED = 1L << Flags.USHIFT + 5;
    /** {@code ISEQ_USE_COMPILE_DATA}. */
    public static final long CODE_COMPILING = 1L << Flags.USHIFT + 6;
    /** {@code ISEQ_MARKABLE_ISEQ}, until 3.1. */
    public static final long CODE_MARKABLE = 1L << Flags.USHIFT + 8;

    /** The first value, or the pointer to them, of the instance variables of another object. */
    public static final int FIELDS_VALUES = 16;
    /** {@code OBJ_FIELD_HEAP}: these lie outside the slot. */
    public static final long FIELDS_HEAP = Flags.USER4;

    static ImemoLayout of(int edition, int version) {
        boolean newest = version >= 400;
        return new ImemoLayout(
                newest,
                version < 302,
                version >= 301,
                version < 303 ? USER0 : 0,
                newest ? 8 : 16,
                newest ? 16 : 32,
                !newest,
                newest ? 16 : 32,
                version < 302 ? USER0 : Flags.FREEZE,
                version < 303,
                version >= 304,
                version >= 301 ? 1 << 4 : 0,
                !newest,
                version < 303,
                !newest,
                version < 304,
                version >= 300,
                // It asks whether the empty cache of super is there, in place of whether the cache is that one.
                version == 304,
                version >= 300 && edition != RubyLayout.FIRST_300);
    }
}
