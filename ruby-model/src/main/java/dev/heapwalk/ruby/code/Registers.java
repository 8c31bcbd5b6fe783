// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.code;

import java.util.Arrays;

/**
 * The general registers, with what is known of them. At first that is nothing but the argument and that {@code rsp}
 * points to the function's frame, whose address is nobody's business: it is a distance here, from the return address.
 */
final class Registers {
    static final int RAX = 0;
    static final int RCX = 1;
    static final int RDX = 2;
    static final int RSP = 4;
    static final int RBP = 5;
    static final int RSI = 6;
    static final int RDI = 7;
    private static final int R8 = 8;
    private static final int R11 = 11;

    /** With the number of one of the first four registers: its second byte, such as {@code ah}. */
    static final int SECOND_BYTE = 16;

    /** All bytes of a register are known. */
    static final int ALL = 0xff;
    /** In place of the bytes that are known: the register points into the frame. */
    static final int FRAME = 0x100;

    private final long[] values = new long[16];
    private final int[] known = new int[16];

    /** Forgets everything but what is so when a function of one argument begins. */
    void begin(long argument) {
        Arrays.fill(known, 0);
        known[RDI] = ALL;
        values[RDI] = argument;
        known[RSP] = FRAME;
        values[RSP] = 0;
    }

    /** Adds a second argument to what is known when a function begins. */
    void second(long argument) {
        known[RSI] = ALL;
        values[RSI] = argument;
    }

    /** Forgets what a function that was called and returned 0 may have changed. */
    void called() {
        known[RCX] = 0;
        known[RDX] = 0;
        known[RSI] = 0;
        known[RDI] = 0;
        Arrays.fill(known, R8, R11 + 1, 0);
        known[RAX] = ALL;
        values[RAX] = 0;
    }

    /** The bit for each byte of a width. */
    static int bytes(int width) {
        return (1 << width) - 1;
    }

    /** A value cut to a width in bytes. */
    static long cut(long value, int width) {
        return width == 8 ? value : value & (1L << 8 * width) - 1;
    }

    /** The lowest bytes of a register, whether known or not. */
    long value(int register, int width) {
        return register >= SECOND_BYTE ? values[register - SECOND_BYTE] >>> 8 & 0xff : cut(values[register], width);
    }

    /** Which bytes are known, a bit for each from the lowest on; or {@link #FRAME}. */
    int known(int register, int width) {
        if (register >= SECOND_BYTE) {
            return known[register - SECOND_BYTE] >>> 1 & 1;
        }
        return known[register] == FRAME && width == 8 ? FRAME : known[register] & bytes(width);
    }

    /** Sets the lowest bytes. As the processor has it, 4 bytes clear the others, and 1 or 2 leave them. */
    void set(int register, int width, long value, int which) {
        if (width >= 4) {
            values[register] = cut(value, width);
            known[register] = width == 4 ? which | 0xf0 : which;
            return;
        }
        boolean second = register >= SECOND_BYTE;
        int number = second ? register - SECOND_BYTE : register;
        int shift = second ? 8 : 0;
        long mask = cut(-1, width) << shift;
        int bytes = bytes(width) << (second ? 1 : 0);
        int before = known[number] == FRAME ? 0 : known[number];
        values[number] = values[number] & ~mask | value << shift & mask;
        known[number] = before & ~bytes | which << (second ? 1 : 0) & bytes;
    }
}
