// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.layout;

/**
 * What differs between versions in the objects that hold values: strings, arrays, hashes, objects, structs and data.
 * Every object begins with {@code struct RBasic}: {@code flags} at 0 and {@code klass} at 8.
 *
 * @param stringEmbed where the bytes of an embedded String begin
 * @param stringLengthInFlags whether the length of an embedded String stands in bits 14 to 18 of the flags, and not in
 *     {@code len}
 * @param stringShared the flag of a String that shares its bytes with another
 * @param arrayEmbedLengthMask the length of an embedded Array, after a shift by 15
 * @param arrayShared the flag of an Array that shares its elements with another
 * @param hashDefault {@code ifnone} of a Hash
 * @param hashInline whether the table of a Hash stands in its slot at 24, and not behind a pointer at 16
 * @param objectHeapFlag the flag of an Object whose instance variables lie outside it, or 0 where {@code FL_USER1}
 *     tells that they are embedded
 * @param objectFields the pointer to instance variables that lie outside
 * @param structEmbedLengthMask the length of an embedded Struct, after a shift by 13
 * @param dataType {@code type} of typed data; its lowest bit is a flag since 4.0
 * @param dataTypedFlag {@code typed_flag}, or -1 where it stands in the flags of the object
 * @param dataFieldsObject {@code fields_obj}, or -1 before 4.0
 * @param genericIvarsByFlag whether {@code FL_EXIVAR} tells that an object has generic instance variables
 * @param shapesInFlags whether the upper half of the flags of a {@code T_OBJECT} is its shape
 * @param matchInline whether the registers of a MatchData follow in its slot at 32, and do not stand behind a pointer
 *     at 24
 * @param ioDescriptor {@code fd} of {@code rb_io_t}, 32 bits; {@code mode} follows it
 * @param ioPath {@code pathv} of {@code rb_io_t}
 * @param stringChilled the flags of a String of which any tells that it is chilled, or 0
 * @param arraySharedRoot the flag of an Array whose elements others share
 * @param bignumEmbedLengthMask the length of an embedded Integer, after a shift by 15
 * @param bignumFillsSlot whether an embedded Integer may have as many digits as the slot has room for
 * @param symbolMarksName whether a Symbol keeps its name alive
 * @param genericIvarsSymbol the variable that holds the table of generic instance variables
 */
public record ObjectLayout(
        int stringEmbed,
        boolean stringLengthInFlags,
        long stringShared,
        int arrayEmbedLengthMask,
        long arrayShared,
        int hashDefault,
        boolean hashInline,
        long objectHeapFlag,
        int objectFields,
        int structEmbedLengthMask,
        int dataType,
        int dataTypedFlag,
        int dataFieldsObject,
        boolean genericIvarsByFlag,
        boolean shapesInFlags,
        boolean matchInline,
        int ioDescriptor,
        int ioPath,
        long stringChilled,
        long arraySharedRoot,
        int bignumEmbedLengthMask,
        boolean bignumFillsSlot,
        boolean symbolMarksName,
        String genericIvarsSymbol) {

    /** Where the instance variables begin that stand in the slot of an Object. */
    public static final int EMBEDDED_IVARS = 16;

    /**
     * Whether the instance variables of an Object stand in its slot.
     *
     * @param flags its flags
     * @return {@code ROBJECT_EMBED}, no {@code ROBJECT_HEAP} since 4.0
     */
    public boolean embedsIvars(long flags) {
        return objectHeapFlag == 0 ? (flags & Flags.USER1) != 0 : (flags & objectHeapFlag) == 0;
    }

    /**
     * Whether objects of their own hold the instance variables of what is no Object.
     *
     * @return whether there are {@code imemo_fields}, since 4.0
     */
    public boolean fieldObjects() {
        return dataFieldsObject >= 0;
    }

    static ObjectLayout of(int version) {
        boolean embedsLong = version >= 302;
        boolean inlineTables = version >= 303;
        boolean newFlags = version >= 304;
        boolean fieldObjects = version >= 400;
        return new ObjectLayout(
                embedsLong ? 24 : 16,
                !embedsLong,
                newFlags ? Flags.USER0 : Flags.USER2,
                embedsLong ? 0x7f : 3,
                newFlags ? Flags.USER0 : Flags.USER2,
                inlineTables ? 16 : 24,
                inlineTables,
                fieldObjects ? Flags.USER4 : 0,
                embedsLong ? 16 : 24,
                inlineTables ? 0x7f : 3,
                fieldObjects ? 24 : 16,
                fieldObjects ? -1 : 24,
                fieldObjects ? 16 : -1,
                !fieldObjects,
                embedsLong,
                inlineTables,
                version >= 300 ? 16 : 8,
                version >= 300 ? 32 : 24,
                newFlags ? Flags.USER2 | Flags.USER3 : 0,
                1L << Flags.USHIFT + (embedsLong ? 12 : 5),
                fieldObjects ? 511 : 7,
                fieldObjects,
                fieldObjects,
                fieldObjects ? "generic_fields_tbl_" : version >= 300 ? "generic_iv_tbl_" : "generic_iv_tbl");
    }
}
