// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli.command;

import java.nio.file.Files;
import java.nio.file.Path;

/** Tells an address or an index from a target where both are typed, in either order. */
final class TwoWords {
    private TwoWords() {}

    /**
     * Whether two words stand in the wrong order, beyond doubt.
     *
     * @param place should be an address or an index
     * @param target should name a target
     */
    static boolean swapped(String place, String target) {
        if (isHex(place) != isHex(target)) {
            return isHex(target) && !isFile(target);
        }
        if (Subject.isPid(place) && Subject.isPid(target)) {
            return !isProcess(target) && isProcess(place);
        }
        return isPlace(target) && !isPlace(place) && Subject.of(place).isPresent();
    }

    /**
     * Refuses two process ids of which the first would be the place: that is hardly meant, and another process than the
     * one that is meant would be read.
     *
     * @param place should be an address or an index
     * @param target should name a target
     * @param command the command that they were typed for
     */
    static void refuseDoubtful(String place, String target, AnyCommand command) {
        if (Subject.isPid(place)
                && Subject.isPid(target)
                && Long.parseLong(place) > Long.parseLong(target)
                && isProcess(place)
                && isProcess(target)) {
            throw command.wrong("both words are process ids; if %s is the one to be read, the command line is: %s %s %s"
                    .formatted(place, command.spec().qualifiedName(), target, place));
        }
    }

    /**
     * The object that is meant.
     *
     * @param address should be the id of an object
     * @param target should name a target
     * @param command the command that they were typed for
     * @return a target address
     */
    static long object(String address, String target, AnyCommand command) {
        String word = swapped(address, target) ? target : address;
        try {
            return Long.parseUnsignedLong(word.startsWith("0x") || word.startsWith("0X") ? word.substring(2) : "", 16);
        } catch (NumberFormatException e) {
            throw command.wrong("ADDRESS must be the id of an object, such as 0x7f0012345678, not '" + word + "'");
        }
    }

    private static boolean isHex(String word) {
        return word.matches("0[xX][0-9a-fA-F]+");
    }

    private static boolean isPlace(String word) {
        return isHex(word) || Subject.isPid(word) || word.equals(ArenaPart.MMAPPED);
    }

    private static boolean isFile(String word) {
        return Files.exists(Path.of(word));
    }

    private static boolean isProcess(String pid) {
        return Files.exists(Path.of("/proc", pid));
    }
}
