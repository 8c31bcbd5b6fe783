// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.code;

import java.util.Arrays;

/**
 * The function's part of the stack, all that it may write to. Places in it are distances from where {@code rsp} points
 * when the function begins, so negative; what lies there at first, and what lies beyond, is unknown.
 */
final class Frame {
    private final int size;
    private final byte[] bytes;
    private final boolean[] known;
    /** Whether what begins here, 8 bytes that are not known, points into the frame. */
    private final boolean[] pointer;
    /** Nothing was written before this place. */
    private int lowest;

    /** Makes one of a size in bytes. */
    Frame(int size) {
        this.size = size;
        this.bytes = new byte[size];
        this.known = new boolean[size];
        this.pointer = new boolean[size];
        this.lowest = size;
    }

    /** Forgets what was written. */
    void begin() {
        Arrays.fill(known, lowest, size, false);
        Arrays.fill(pointer, lowest, size, false);
        lowest = size;
    }

    /** A value, whether known or not. */
    long value(long distance, int width) {
        int at = at(distance, width);
        long value = 0;
        for (int place = 0; place < width; place++) {
            value |= (bytes[at + place] & 0xffL) << 8 * place;
        }
        return value;
    }

    /** Which bytes of a value are known, as {@link Registers#known}. */
    int known(long distance, int width) {
        int at = at(distance, width);
        if (width == 8 && pointer[at]) {
            return Registers.FRAME;
        }
        int which = 0;
        for (int place = 0; place < width; place++) {
            which |= known[at + place] ? 1 << place : 0;
        }
        return which;
    }

    /** Writes a value. */
    void set(long distance, int width, long value, int which) {
        int at = at(distance, width);
        lowest = Math.min(lowest, at);
        for (int place = 0; place < width; place++) {
            bytes[at + place] = (byte) (value >>> 8 * place);
            known[at + place] = (which >>> place & 1) != 0;
        }
        for (int before = Math.max(at - 7, 0); before < at + width; before++) {
            pointer[before] = false;
        }
        pointer[at] = which == Registers.FRAME;
    }

    private int at(long distance, int width) {
        if (distance < -size || distance > -width) {
            throw UnknownResultException.ONE;
        }
        return (int) (size + distance);
    }
}
