// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.code;

import static dev.heapwalk.ruby.code.Opcode.Place.ACCUMULATOR;
import static dev.heapwalk.ruby.code.Opcode.Place.CL;
import static dev.heapwalk.ruby.code.Opcode.Place.IMMEDIATE;
import static dev.heapwalk.ruby.code.Opcode.Place.NONE;
import static dev.heapwalk.ruby.code.Opcode.Place.ONE;
import static dev.heapwalk.ruby.code.Opcode.Place.OPCODE;
import static dev.heapwalk.ruby.code.Opcode.Place.OPERAND;
import static dev.heapwalk.ruby.code.Opcode.Place.REGISTER;

/**
 * The shape of an instruction, as its opcode tells it: the table of what is understood of x86-64. Integers in general
 * registers, memory, branches and calls are; an opcode that is not in the table ends the attempt.
 *
 * @param operation what is done; null where a field of ModRM tells, see {@link #operation(int, int)}
 * @param to where the result goes, and the first operand comes from
 * @param from where the other operand comes from
 * @param number how wide a number within the instruction is
 * @param octet whether the operands are bytes
 * @param source the width of {@code from} in bytes where it has its own, else 0
 */
record Opcode(Operation operation, Place to, Place from, Number number, boolean octet, int source) {
    /** Added to the second byte of an opcode that begins with {@code 0f}. */
    static final int EXTENDED = 0x100;

    /** Groups of operations from which a field of ModRM selects: for bytes, and behind that for other widths. */
    static final int ARITHMETIC_GROUP = 0x80;

    static final int SHIFT_GROUP = 0xc0;
    static final int MOVE_GROUP = 0xc6;
    static final int SHIFT_ONE_GROUP = 0xd0;
    static final int SHIFT_CL_GROUP = 0xd2;
    static final int UNARY_GROUP = 0xf6;
    static final int STEP_GROUP = 0xfe;
    /** As {@link #ARITHMETIC_GROUP}, with a number of one byte. */
    static final int ARITHMETIC_OCTET_GROUP = 0x83;
    /** Those on single bits. */
    static final int BIT_GROUP = EXTENDED | 0xba;

    /** Where an operand is. */
    enum Place {
        NONE,
        /** the register or memory that ModRM names */
        OPERAND,
        /** the register that ModRM names beside it */
        REGISTER,
        /** the register that the lowest bits of the opcode name */
        OPCODE,
        /** {@code rax}, or its lower part */
        ACCUMULATOR,
        /** a number within the instruction */
        IMMEDIATE,
        /** the lowest byte of {@code rcx} */
        CL,
        /** the number 1 */
        ONE
    }

    /** How wide a number within an instruction is. All but the widest are signed. */
    enum Number {
        ABSENT,
        /** 1 byte */
        OCTET,
        /** as wide as the operands, but at most 4 bytes */
        USUAL,
        /** 4 bytes */
        DISTANCE,
        /** as wide as the operands, up to 8 bytes */
        FULL
    }

    private static final Opcode[] ALL = new Opcode[2 * EXTENDED];

    static {
        for (int operation = 0; operation < 8; operation++) {
            int first = operation << 3;
            pair(first, Operation.ARITHMETIC, OPERAND, REGISTER, Number.ABSENT);
            pair(first + 2, Operation.ARITHMETIC, REGISTER, OPERAND, Number.ABSENT);
            pair(first + 4, Operation.ARITHMETIC, ACCUMULATOR, IMMEDIATE, Number.USUAL);
        }
        for (int register = 0; register < 8; register++) {
            one(0x50 + register, Operation.PUSH, NONE, OPCODE, Number.ABSENT);
            one(0x58 + register, Operation.POP, OPCODE, NONE, Number.ABSENT);
            put(0xb0 + register, Operation.MOVE, OPCODE, IMMEDIATE, Number.OCTET, true, 0);
            one(0xb8 + register, Operation.MOVE, OPCODE, IMMEDIATE, Number.FULL);
        }
        put(0x63, Operation.EXTEND_BY_SIGN, REGISTER, OPERAND, Number.ABSENT, false, 4);
        one(0x68, Operation.PUSH, NONE, IMMEDIATE, Number.DISTANCE);
        one(0x69, Operation.MULTIPLY_IMMEDIATE, REGISTER, OPERAND, Number.USUAL);
        one(0x6a, Operation.PUSH, NONE, IMMEDIATE, Number.OCTET);
        one(0x6b, Operation.MULTIPLY_IMMEDIATE, REGISTER, OPERAND, Number.OCTET);
        pair(ARITHMETIC_GROUP, null, OPERAND, IMMEDIATE, Number.USUAL);
        one(ARITHMETIC_OCTET_GROUP, null, OPERAND, IMMEDIATE, Number.OCTET);
        pair(0x84, Operation.TEST, OPERAND, REGISTER, Number.ABSENT);
        pair(0x88, Operation.MOVE, OPERAND, REGISTER, Number.ABSENT);
        pair(0x8a, Operation.MOVE, REGISTER, OPERAND, Number.ABSENT);
        one(0x8d, Operation.ADDRESS, REGISTER, OPERAND, Number.ABSENT);
        one(0x90, Operation.NOTHING, NONE, NONE, Number.ABSENT);
        one(0x98, Operation.WIDEN, ACCUMULATOR, NONE, Number.ABSENT);
        one(0x99, Operation.SPREAD_SIGN, NONE, NONE, Number.ABSENT);
        pair(0xa8, Operation.TEST, ACCUMULATOR, IMMEDIATE, Number.USUAL);
        pair(SHIFT_GROUP, null, OPERAND, IMMEDIATE, Number.OCTET);
        one(0xc3, Operation.RETURN, NONE, NONE, Number.ABSENT);
        pair(MOVE_GROUP, null, OPERAND, IMMEDIATE, Number.USUAL);
        one(0xc9, Operation.LEAVE, NONE, NONE, Number.ABSENT);
        pair(SHIFT_ONE_GROUP, null, OPERAND, ONE, Number.ABSENT);
        pair(SHIFT_CL_GROUP, null, OPERAND, CL, Number.ABSENT);
        one(0xe8, Operation.CALL, NONE, IMMEDIATE, Number.DISTANCE);
        one(0xe9, Operation.JUMP, NONE, IMMEDIATE, Number.DISTANCE);
        one(0xeb, Operation.JUMP, NONE, IMMEDIATE, Number.OCTET);
        pair(UNARY_GROUP, null, OPERAND, IMMEDIATE, Number.USUAL);
        pair(STEP_GROUP, null, OPERAND, OPERAND, Number.ABSENT);

        one(EXTENDED | 0x1e, Operation.NOTHING, OPERAND, NONE, Number.ABSENT);
        one(EXTENDED | 0x1f, Operation.NOTHING, OPERAND, NONE, Number.ABSENT);
        for (int condition = 0; condition < 16; condition++) {
            one(0x70 + condition, Operation.JUMP_IF, NONE, IMMEDIATE, Number.OCTET);
            one(EXTENDED | 0x80 + condition, Operation.JUMP_IF, NONE, IMMEDIATE, Number.DISTANCE);
            one(EXTENDED | 0x40 + condition, Operation.MOVE_IF, REGISTER, OPERAND, Number.ABSENT);
            put(EXTENDED | 0x90 + condition, Operation.SET_IF, OPERAND, NONE, Number.ABSENT, true, 0);
        }
        one(EXTENDED | 0xa3, Operation.BIT_TEST, OPERAND, REGISTER, Number.ABSENT);
        one(EXTENDED | 0xaf, Operation.MULTIPLY, REGISTER, OPERAND, Number.ABSENT);
        put(EXTENDED | 0xb6, Operation.EXTEND_BY_ZEROS, REGISTER, OPERAND, Number.ABSENT, false, 1);
        put(EXTENDED | 0xb7, Operation.EXTEND_BY_ZEROS, REGISTER, OPERAND, Number.ABSENT, false, 2);
        one(BIT_GROUP, null, OPERAND, IMMEDIATE, Number.OCTET);
        put(EXTENDED | 0xbe, Operation.EXTEND_BY_SIGN, REGISTER, OPERAND, Number.ABSENT, false, 1);
        put(EXTENDED | 0xbf, Operation.EXTEND_BY_SIGN, REGISTER, OPERAND, Number.ABSENT, false, 2);
    }

    /**
     * The shape of an instruction.
     *
     * @param number the opcode, with {@link #EXTENDED} if it begins with {@code 0f}
     * @return its shape
     * @throws UnknownResultException if it is not understood
     */
    static Opcode of(int number) {
        Opcode found = ALL[number];
        if (found == null) {
            throw UnknownResultException.ONE;
        }
        return found;
    }

    /**
     * What an instruction of a group does.
     *
     * @param number the opcode, as in {@link #of}
     * @param selector the lower three bits of the field of ModRM that selects
     * @return what it does
     * @throws UnknownResultException if it is not understood
     */
    static Operation operation(int number, int selector) {
        Operation found = switch (number) {
            case ARITHMETIC_GROUP, ARITHMETIC_GROUP + 1, ARITHMETIC_OCTET_GROUP -> Operation.ARITHMETIC;
            case SHIFT_GROUP,
                    SHIFT_GROUP + 1,
                    SHIFT_ONE_GROUP,
                    SHIFT_ONE_GROUP + 1,
                    SHIFT_CL_GROUP,
                    SHIFT_CL_GROUP + 1 -> selector == 4 || selector == 5 || selector == 7 ? Operation.SHIFT : null;
            case MOVE_GROUP, MOVE_GROUP + 1 -> selector == 0 ? Operation.MOVE : null;
            case UNARY_GROUP, UNARY_GROUP + 1 ->
                switch (selector) {
                    case 0 -> Operation.TEST;
                    case 2 -> Operation.NOT;
                    case 3 -> Operation.NEGATE;
                    case 4, 5 -> number == UNARY_GROUP ? null : Operation.MULTIPLY_WIDE;
                    case 6, 7 -> number == UNARY_GROUP ? null : Operation.DIVIDE;
                    default -> null;
                };
            case STEP_GROUP, STEP_GROUP + 1 ->
                switch (selector) {
                    case 0 -> Operation.INCREMENT;
                    case 1 -> Operation.DECREMENT;
                    default -> number == STEP_GROUP ? null : pointed(selector);
                };
            case BIT_GROUP -> selector == 4 ? Operation.BIT_TEST : null;
            default -> null;
        };
        if (found == null) {
            throw UnknownResultException.ONE;
        }
        return found;
    }

    private static Operation pointed(int selector) {
        return switch (selector) {
            case 2 -> Operation.CALL_TO;
            case 4 -> Operation.JUMP_TO;
            case 6 -> Operation.PUSH;
            default -> null;
        };
    }

    /** Whether a byte called ModRM follows the opcode. */
    boolean hasModRm() {
        return to == OPERAND || from == OPERAND || to == REGISTER || from == REGISTER;
    }

    private static void put(
            int opcode, Operation operation, Place to, Place from, Number number, boolean octet, int source) {
        ALL[opcode] = new Opcode(operation, to, from, number, octet, source);
    }

    private static void one(int opcode, Operation operation, Place to, Place from, Number number) {
        put(opcode, operation, to, from, number, false, 0);
    }

    /** One for bytes, and behind it the same one for all other widths. */
    private static void pair(int opcode, Operation operation, Place to, Place from, Number number) {
        put(opcode, operation, to, from, number == Number.ABSENT ? number : Number.OCTET, true, 0);
        one(opcode + 1, operation, to, from, number);
    }
}
