// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.dump;

/**
 * What {@code ObjectSpace.dump_all} of a version writes that others do not, or write in another way. Where the
 * structures differ the layout says so; this is about the lines alone.
 *
 * @param ownFloats whether Ruby spells Floats itself, and not the C library
 * @param lineZero whether the line that an object was made in is told if it is 0
 * @param madeUpNames whether a class without a name is given one
 * @param classKeys whether classes have the keys {@code superclass}, {@code real_class_name} and {@code singleton}
 * @param shapes whether there are lines of shapes, and the keys {@code shape_id}, {@code slot_size} and
 *     {@code variation_count}
 * @param imemoShapes whether what the virtual machine keeps for itself has a {@code shape_id} too
 * @param codeRanges whether Strings have the key {@code coderange}, and those that were never scanned are not scanned
 * @param emptyArraysEmbedded whether an Array without elements may be {@code embedded}
 * @param objectsEmbedded whether an Object may be {@code embedded}
 * @param callSites whether call information and caches have keys of their own
 * @param everyName whether every ID has its name, and not only those of instance variables
 * @param singletonClassesOnly whether only a class may be {@code singleton}, and not a refinement
 * @param shapeIndexes whether {@code shape_id} is the place in the list, for a class that of what holds its instance
 *     variables
 * @param edgeCounts whether the {@code memsize} of a shape adds how many edges it has, and not what they take
 * @param flagsMore whether {@code flags} have the age, {@code remembered}, {@code object_id} and {@code shareable}
 * @param refinementNames whether the real class of a refinement is what it refines
 */
record ObjectSpaceFormat(
        boolean ownFloats,
        boolean lineZero,
        boolean madeUpNames,
        boolean classKeys,
        boolean shapes,
        boolean imemoShapes,
        boolean codeRanges,
        boolean emptyArraysEmbedded,
        boolean objectsEmbedded,
        boolean callSites,
        boolean everyName,
        boolean singletonClassesOnly,
        boolean shapeIndexes,
        boolean edgeCounts,
        boolean flagsMore,
        boolean refinementNames) {

    /** The format of a {@linkplain dev.heapwalk.ruby.RubyVm#series() series of versions}. */
    static ObjectSpaceFormat of(int version) {
        boolean newest = version >= 400;
        return new ObjectSpaceFormat(
                version >= 300,
                version < 300,
                version < 300,
                version >= 301,
                version >= 302,
                version >= 302 && !newest,
                version >= 302,
                version >= 302,
                version >= 303,
                version >= 303,
                version >= 303,
                version >= 304,
                newest,
                newest,
                newest,
                newest);
    }
}
