// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.heap.dump;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;

/**
 * What a dump has written.
 *
 * @param objects how many lines of objects
 * @param bytes how many bytes in all
 * @param unknownSizes how many objects have no size in their line, because only a function of a C extension could tell
 *     it, by the name of their type
 * @param unknownReferences of how many objects the references are not known, because only a function of a C extension
 *     could tell them that is not understood, by the name of their type
 * @param guessedReferences how many references of these were guessed and written, by the name of the type of what has
 *     them: what its memory holds that looks like one
 * @param damaged how many objects have lines that lack something because it could not be read
 * @param damage the first of those, by their addresses
 * @param holes what else could not be read, a line of text each
 * @param left how many objects may have no line because the dump has reached its limit, at most: all slots that are
 *     left count, unless it was found out which are reached; of a Python heap at least, as variables of modules do not
 *     count; 0 if the dump is whole
 */
public record DumpSummary(
        long objects,
        long bytes,
        Map<String, Long> unknownSizes,
        Map<String, Long> unknownReferences,
        Map<String, Long> guessedReferences,
        long damaged,
        List<Damage> damage,
        List<String> holes,
        long left) {
    /** How much damage is told. */
    public static final int MOST_DAMAGE = 100;

    /**
     * An object that could not be read in full.
     *
     * @param address its target address
     * @param what what is wrong
     */
    public record Damage(long address, String what) {}

    /**
     * Of lines that are no objects.
     *
     * @param bytes how many bytes they have
     * @param holes what could not be read for them
     * @return the summary
     */
    public static DumpSummary head(long bytes, List<String> holes) {
        return new DumpSummary(0, bytes, Map.of(), Map.of(), Map.of(), 0, List.of(), holes, 0);
    }

    /**
     * The same with other holes.
     *
     * @param moreHoles what could not be read
     * @return a new summary
     */
    public DumpSummary with(List<String> moreHoles) {
        return new DumpSummary(
                objects, bytes, unknownSizes, unknownReferences, guessedReferences, damaged, damage, moreHoles, left);
    }

    /**
     * The same of a dump that has reached its limit, of which fewer lines were written than made.
     *
     * @param objectsWritten how many lines of objects were written
     * @param bytesWritten how many bytes in all
     * @param objectsLeft how many objects may have no line, at most
     * @return a new summary
     */
    public DumpSummary cut(long objectsWritten, long bytesWritten, long objectsLeft) {
        return new DumpSummary(
                objectsWritten,
                bytesWritten,
                unknownSizes,
                unknownReferences,
                guessedReferences,
                damaged,
                damage,
                holes,
                objectsLeft);
    }

    /**
     * The parts of a dump as one.
     *
     * @param parts what was written by each thread
     * @return a new summary of all
     */
    public static DumpSummary of(List<DumpSummary> parts) {
        long objects = 0;
        long bytes = 0;
        Counts sizes = new Counts();
        Counts references = new Counts();
        Counts guesses = new Counts();
        long damaged = 0;
        List<Damage> damage = new ArrayList<>();
        List<String> holes = new ArrayList<>();
        for (DumpSummary part : parts) {
            objects += part.objects;
            bytes += part.bytes;
            sizes.add(part.unknownSizes);
            references.add(part.unknownReferences);
            guesses.add(part.guessedReferences);
            damaged += part.damaged;
            damage.addAll(part.damage);
            holes.addAll(part.holes);
        }
        damage.sort(Comparator.comparingLong(Damage::address));
        return new DumpSummary(
                objects,
                bytes,
                sizes.asMap(),
                references.asMap(),
                guesses.asMap(),
                damaged,
                damage.stream().limit(MOST_DAMAGE).toList(),
                List.copyOf(holes),
                0);
    }
}
