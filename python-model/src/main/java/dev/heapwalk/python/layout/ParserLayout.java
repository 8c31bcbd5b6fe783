// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.python.layout;

/** C name {@code state}, of the parser's grammar up to 3.8, of which there are arrays among the static variables. */
public final class ParserLayout {
    /** {@code s_arc}: how far it lies before {@code s_accel}, in bytes. */
    public static final int ARCS_BEFORE = 16;
    /** {@code s_lower} and {@code s_upper}, a word with both: how far it lies before that, in bytes. */
    public static final int BOUNDS_BEFORE = 8;
    /** The size of an entry of {@code s_accel}, of which there are as many as lie between the bounds, in bytes. */
    public static final int ACCELERATOR_BYTES = 4;

    private ParserLayout() {}
}
