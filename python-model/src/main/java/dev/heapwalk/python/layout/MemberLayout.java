// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.python.layout;

/** C name {@code PyMemberDef}, laid out alike in all versions. */
public final class MemberLayout {
    /** {@code name}, a C string. */
    public static final int NAME = 0;
    /** {@code type}, 32 bits. */
    public static final int TYPE = 8;
    /** {@code offset}. */
    public static final int OFFSET = 16;
    /** {@code T_OBJECT_EX}, the type of a member that {@code __slots__} made. */
    public static final int OBJECT = 16;

    private MemberLayout() {}
}
