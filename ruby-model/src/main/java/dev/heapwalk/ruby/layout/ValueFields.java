// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.layout;

import java.util.Arrays;

/**
 * Fields of a C structure that are each a {@code VALUE}.
 *
 * @param offsets where they are; not to be changed
 * @param names their names in C, an empty one where it is not known; not to be changed
 */
public record ValueFields(int[] offsets, String[] names) {
    /** Stands for a name that is not known. */
    private static final String UNNAMED = "-";

    /**
     * Fields whose names are not known.
     *
     * @param offsets where they are
     * @return the fields
     */
    public static ValueFields at(int... offsets) {
        String[] names = new String[offsets.length];
        Arrays.fill(names, "");
        return new ValueFields(offsets, names);
    }

    /**
     * Where a field is.
     *
     * @param name its name in C
     * @return its offset, -1 if none of these has that name
     */
    public int offset(String name) {
        int index = Arrays.asList(names).indexOf(name);
        return index < 0 ? -1 : offsets[index];
    }

    /** Fields and their names with a space between them, {@code -} for one that is not known. */
    static ValueFields of(String names, int... offsets) {
        String[] each = names.isEmpty() ? new String[0] : names.split(" ");
        if (each.length != offsets.length) {
            throw new IllegalArgumentException("%d offsets of %s".formatted(offsets.length, names));
        }
        for (int i = 0; i < each.length; i++) {
            each[i] = each[i].equals(UNNAMED) ? "" : each[i];
        }
        return new ValueFields(offsets, each);
    }
}
