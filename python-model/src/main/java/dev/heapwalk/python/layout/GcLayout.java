// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.python.layout;

import java.util.List;

/**
 * C names {@code PyGC_Head} and {@code struct gc_generation}, of which there is a list for each generation.
 *
 * @param generations where the first of three generations lies in an interpreter, or -1 where they are variables
 * @param strides how far the heads of two lists are from each other, in bytes, in the latest patch levels first
 * @param permanent how far the list of frozen objects is from the first one, in bytes, or -1 where there is none
 * @param collecting how far {@code collecting}, an {@code int}, is from the first list, in bytes, or -1 where it is a
 *     variable of its own
 * @param refs {@code gc_refs}, which tells whether an object is tracked, or -1 where an empty {@code _gc_next} does
 * @param untracked {@code gc_refs} of an object that is not tracked, without the bits that {@code refsShift} leaves out
 * @param refsShift how many bits of {@code gc_refs} are flags
 */
public record GcLayout(
        int generations,
        List<Integer> strides,
        int permanent,
        int collecting,
        int refs,
        long untracked,
        int refsShift) {
    /** {@code _gc_next}. */
    public static final int NEXT = 0;
    /** {@code _gc_prev}. */
    public static final int PREV = 8;
    /** The bits of both that are flags. */
    public static final long FLAGS = 3;
    /** The bit of {@code _gc_prev} that an object has which was finalized; one that is not tracked has nothing else. */
    public static final long FINALIZED = 1;
    /** How many generations there are. */
    public static final int COUNT = 3;
    /** What heads of lists are aligned to. */
    public static final int ALIGNMENT = 4;

    private static final long OLD_UNTRACKED = -2;

    static GcLayout of(int version) {
        return switch (version) {
            case 207 -> new GcLayout(-1, List.of(40, 48), -1, -1, 16, OLD_UNTRACKED, 0);
            case 306 -> new GcLayout(-1, List.of(48), -1, -1, 16, OLD_UNTRACKED, 1);
            case 307 -> new GcLayout(-1, List.of(48), 160, 280, 16, OLD_UNTRACKED, 1);
            case 308 -> new GcLayout(-1, List.of(24), 80, 176, -1, 0, 0);
            case 309, 310 -> new GcLayout(640, List.of(24), 80, 176, -1, 0, 0);
            case 311 -> new GcLayout(672, List.of(24), 80, 176, -1, 0, 0);
            case 312 -> new GcLayout(136, List.of(24), 80, 176, -1, 0, 0);
            case 313 -> new GcLayout(7424, List.of(24), 80, 176, -1, 0, 0);
            case 314 -> new GcLayout(7432, List.of(24), 72, -1, -1, 0, 0);
            default -> new GcLayout(7408, List.of(24), 72, -1, -1, 0, 0);
        };
    }
}
