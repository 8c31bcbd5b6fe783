// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.python.gc;

import dev.heapwalk.python.layout.ReferenceTable;
import java.util.List;

/**
 * How the objects of a type are gone through.
 *
 * @param kind what they have beside fields
 * @param fields their fields
 * @param slots where they have the values of their {@code __slots__}
 * @param slotNames target addresses of the names of these, C strings
 * @param size the size of an object without items, behind which no field lies, in bytes
 * @param basic the size of an object of the type itself without items, in bytes
 * @param item the size of an item of the type itself, in bytes
 * @param hidden how many items a tuple has that are not counted
 * @param dictOffset {@code tp_dictoffset}, 0 if there is no dictionary that is found by it
 * @param managed whether an object has a managed dictionary or values in its place
 * @param values whether the values of its attributes may lie behind an object
 * @param followsType whether the collector goes from an object to its type
 * @param collected whether the collector goes through such objects at all
 */
record TypeRule(
        Kind kind,
        List<ReferenceTable.Field> fields,
        int[] slots,
        long[] slotNames,
        long size,
        long basic,
        long item,
        int hidden,
        long dictOffset,
        boolean managed,
        boolean values,
        boolean followsType,
        boolean collected) {

    /** What objects have beside fields. */
    enum Kind {
        /** Nothing. */
        PLAIN,
        LIST,
        TUPLE,
        /** A tuple with items that are not counted. */
        STRUCT,
        DICT,
        ODICT,
        SET,
        DEQUE,
        TYPE,
        MODULE,
        FRAME,
        GENERATOR,
        /** The results that a function is remembered to have. */
        LINKS,
        /** What {@code itertools.tee} has read. */
        TEE,
        /** As many words as the object has items. */
        ITEMS,
        /** The queue of {@code queue.SimpleQueue}. */
        RING,
        /** The stack of a pickler. */
        STACK,
        /** The children of an element of XML. */
        ELEMENT,
        /** The elements that an iterator over XML is in. */
        PARENTS,
        /** Nothing is known: any word that leads to an object is taken for a reference. */
        GUESSED
    }
}
