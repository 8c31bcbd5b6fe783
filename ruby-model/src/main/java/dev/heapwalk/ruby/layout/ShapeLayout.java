// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.layout;

/**
 * C name {@code rb_shape_t}, since 3.2. The upper half of {@code RBasic.flags} is the shape of an object.
 *
 * @param size the size of a shape, in bytes, or 0 where there are none
 * @param edges {@code edges}
 * @param edgeName {@code edge_name}
 * @param nextIvIndex {@code next_iv_index}, {@code next_field_index} in 4.0
 * @param capacity {@code capacity}
 * @param shortIndexes whether these two have 16 bits, and not 32
 * @param type {@code type}, one byte
 * @param parent {@code parent_id}, 32 bits
 * @param tooComplexType the type of the shape of objects that keep a table, or -1 where a bit of the number tells it
 * @param indexMask the bits of a shape's number that are its place in the list
 * @param tooComplexBit the bit of a shape's number that tells that an object keeps a table, or 0
 * @param objectIdBit the bit of a shape's number that tells that an object was given a number, or 0
 * @param numbering the types by their numbers
 * @param othersTooComplex whether anything but an Object may keep a table too
 * @param singleChild whether the lowest bit of {@code edges} tells that it is a shape itself
 * @param edgesInObject whether {@code edges} is an object that holds the table
 * @param treeInPlace whether the tree is a static variable, and not behind a pointer in one
 * @param treeCount {@code next_shape_id} of the tree, 32 bits
 */
public record ShapeLayout(
        int size,
        int edges,
        int edgeName,
        int nextIvIndex,
        int capacity,
        boolean shortIndexes,
        int type,
        int parent,
        int tooComplexType,
        int indexMask,
        int tooComplexBit,
        int objectIdBit,
        Numbering numbering,
        boolean othersTooComplex,
        boolean singleChild,
        boolean edgesInObject,
        boolean treeInPlace,
        int treeCount) {
    /** C name {@code enum shape_type}, which was numbered in three ways. */
    public enum Numbering {
        /** ROOT, IVAR, FROZEN, CAPACITY_CHANGE, INITIAL_CAPACITY, T_OBJECT, OBJ_TOO_COMPLEX. */
        WITH_CAPACITY,
        /** ROOT, IVAR, FROZEN, T_OBJECT, OBJ_TOO_COMPLEX. */
        WITHOUT_CAPACITY,
        /** ROOT, IVAR, OBJ_ID. */
        WITH_OBJECT_ID
    }

    /** {@code root_shape} of the tree. */
    public static final int TREE_ROOT = 8;
    /** How much of the tree is read, in bytes. */
    public static final int TREE_SIZE = 40;

    /** The bit of {@code edges} that tells that it is a shape itself. */
    public static final long SINGLE_CHILD = 1;
    /** {@code SHAPE_IVAR}, the same in all versions. */
    public static final int IVAR = 1;
    /** {@code SHAPE_OBJ_ID}, in 4.0. */
    public static final int OBJ_ID = 2;

    static ShapeLayout of(int version) {
        boolean pointers = version >= 303;
        boolean tree = version >= 400;
        int count = tree ? 24 : 16;
        Numbering numbering =
                tree ? Numbering.WITH_OBJECT_ID : pointers ? Numbering.WITHOUT_CAPACITY : Numbering.WITH_CAPACITY;
        return switch (version) {
            case 207, 300, 301 ->
                new ShapeLayout(
                        0, 0, 0, 0, 0, false, 0, 0, -1, 0, 0, 0, numbering, pointers, pointers, tree, tree, count);
            case 302 ->
                new ShapeLayout(
                        32, 0, 8, 16, 20, false, 24, 28, 6, -1, 0, 0, numbering, pointers, pointers, tree, tree, count);
            case 303, 304 ->
                new ShapeLayout(
                        40, 0, 8, 16, 20, false, 24, 28, 4, -1, 0, 0, numbering, pointers, pointers, tree, tree, count);
            default ->
                new ShapeLayout(
                        40,
                        0,
                        8,
                        28,
                        30,
                        true,
                        32,
                        24,
                        -1,
                        (1 << 19) - 1,
                        1 << 27,
                        1 << 26,
                        numbering,
                        pointers,
                        pointers,
                        tree,
                        tree,
                        count);
        };
    }
}
