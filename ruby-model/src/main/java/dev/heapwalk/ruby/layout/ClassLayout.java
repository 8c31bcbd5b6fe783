// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.layout;

import static dev.heapwalk.ruby.layout.Flags.USER0;
import static dev.heapwalk.ruby.layout.Flags.USER1;
import static dev.heapwalk.ruby.layout.Flags.USER3;
import static dev.heapwalk.ruby.layout.Flags.USER5;
import static dev.heapwalk.ruby.layout.Flags.USER8;

/**
 * C names {@code struct RClass} and {@code rb_classext_t}. Offsets in the extension are from its own beginning.
 *
 * @param superclass {@code super}; in the object, or in the extension if {@code superInExtension}
 * @param superInExtension whether {@code super} is a field of the extension
 * @param extension where the extension begins in the object, if {@code extensionInline}; else the pointer to it
 * @param extensionInline whether the extension lies in the slot
 * @param methods {@code m_tbl}; in the object, or in the extension if {@code methodsInExtension}
 * @param methodsInExtension whether {@code m_tbl} is a field of the extension
 * @param ivIndexTable {@code iv_index_tbl}, or -1 since there are shapes
 * @param ivars {@code iv_tbl} (2.7 to 3.1), {@code iv_ptr} (3.2 to 3.4) or {@code fields_obj} (4.0)
 * @param constants {@code const_tbl}
 * @param callables {@code callable_m_tbl}
 * @param callCaches {@code cc_tbl}, or -1 in 2.7
 * @param classVariables {@code cvc_tbl}, or -1 in 2.7 and 3.0
 * @param origin {@code origin_}
 * @param refinedClass {@code refined_class}
 * @param includer {@code includer}
 * @param attachedObject {@code attached_object}, or -1 where it is the instance variable {@code __attached__}
 * @param classpath {@code classpath}, or -1 where it is an instance variable
 * @param permanentClasspath the byte that holds the bit {@code permanent_classpath}, or -1
 * @param permanentBit the number of that bit
 * @param singleton {@code FL_SINGLETON}
 * @param iclassBits the byte that tells the two that follow, or -1 where the flags of a module's place do
 * @param isOrigin the bit {@code iclass_is_origin}, {@code RICLASS_IS_ORIGIN}
 * @param sharedMethods the bit {@code iclass_origin_shared_mtbl}, {@code RICLASS_ORIGIN_SHARED_MTBL}; 0 in 2.7
 * @param ivIndexIndirect whether {@code iv_index_tbl} leads to where the index stands, and not to the index
 * @param marksClassVariables whether the caches of class variables are marked
 * @param marksIncluder whether a module's place keeps alive what includes it
 * @param marksCallables whether a class keeps {@code callable_m_tbl} alive
 * @param cachesInObjects whether {@code cc_tbl} is an object, and {@code iv} one too
 */
public record ClassLayout(
        int superclass,
        boolean superInExtension,
        int extension,
        boolean extensionInline,
        int methods,
        boolean methodsInExtension,
        int ivIndexTable,
        int ivars,
        int constants,
        int callables,
        int callCaches,
        int classVariables,
        int origin,
        int refinedClass,
        int includer,
        int attachedObject,
        int classpath,
        int permanentClasspath,
        int permanentBit,
        long singleton,
        int iclassBits,
        long isOrigin,
        long sharedMethods,
        boolean ivIndexIndirect,
        boolean marksClassVariables,
        boolean marksIncluder,
        boolean marksCallables,
        boolean cachesInObjects) {

    /** The size of {@code rb_const_entry_t}, which begins with its flags (32 bits). */
    public static final int CONSTANT_SIZE = 24;
    /** {@code line} of {@code rb_const_entry_t}, 32 bits. */
    public static final int CONSTANT_LINE = 4;
    /** {@code value} of {@code rb_const_entry_t}. */
    public static final int CONSTANT_VALUE = 8;
    /** {@code file} of {@code rb_const_entry_t}. */
    public static final int CONSTANT_FILE = 16;
    /** {@code cref} of {@code struct rb_cvar_class_tbl_entry}. */
    public static final int CLASS_VARIABLE_CREF = 16;

    static ClassLayout of(int version) {
        boolean indirect = version >= 300;
        boolean marks = version >= 302;
        boolean fields = version >= 400;
        return switch (version) {
            case 207 ->
                new ClassLayout(
                        16, false, 24, false, 16, true, 0, 8, 24, 32, -1, -1, 64, 72, 88, -1, -1, -1, 0, USER0, -1,
                        USER5, 0, indirect, marks, marks, fields, fields);
            case 300 ->
                new ClassLayout(
                        16, false, 24, false, 16, true, 0, 8, 24, 32, 40, -1, 72, 80, 96, -1, -1, -1, 0, USER0, -1,
                        USER5, USER8, indirect, marks, marks, fields, fields);
            case 301 ->
                new ClassLayout(
                        16, false, 24, false, 16, true, 0, 8, 24, 32, 40, 48, 80, 88, 104, -1, -1, -1, 0, USER0, -1,
                        USER5, USER8, indirect, marks, marks, fields, fields);
            case 302 ->
                new ClassLayout(
                        16, false, 32, true, 24, false, -1, 0, 8, 16, 24, 32, 80, 88, 104, -1, -1, -1, 0, USER0, -1,
                        USER0, USER3, indirect, marks, marks, fields, fields);
            case 303 ->
                new ClassLayout(
                        16, false, 32, true, 24, false, -1, 0, 8, 16, 24, 32, 80, 88, 104, 96, 120, 117, 0, USER0, -1,
                        USER0, USER3, indirect, marks, marks, fields, fields);
            case 304 ->
                new ClassLayout(
                        16, false, 32, true, 24, false, -1, 0, 8, 16, 24, 32, 80, 88, 104, 96, 120, 117, 0, USER1, -1,
                        USER0, USER3, indirect, marks, marks, fields, fields);
            default ->
                new ClassLayout(
                        8, true, 24, true, 24, true, -1, 16, 32, 40, 48, 56, 96, 104, 112, 112, 128, 125, 0, USER1, 125,
                        1 << 3, 1 << 4, indirect, marks, marks, fields, fields);
        };
    }

    /**
     * Whether a module's place has a table of methods of its own. C name {@code RICLASS_OWNS_M_TBL_P}.
     *
     * @param bits its flags, or the byte {@link #iclassBits} where there is one
     * @return whether it does
     */
    public boolean ownsMethods(long bits) {
        return (bits & (isOrigin | sharedMethods)) == isOrigin;
    }
}
