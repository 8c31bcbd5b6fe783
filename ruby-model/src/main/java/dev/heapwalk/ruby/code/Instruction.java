// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.code;

/** One instruction of x86-64, decoded: a view that is used again for the next. */
final class Instruction {
    /** No instruction of the processor is longer, in bytes. */
    static final int LONGEST = 15;

    /**
     * In place of a register's number: the operand is in memory, or a number within the instruction, or there is none.
     */
    static final int MEMORY = -1;

    static final int IMMEDIATE = -2;
    static final int NONE = -3;

    private static final int REX = 0x40;
    private static final int WIDE = 8;
    /** Where {@code fs} has the word that guards the frames of functions. */
    private static final int STACK_GUARD = 0x28;

    private byte[] code;
    private int end;
    private int at;

    private int rex;
    private boolean narrow;
    private boolean repeated;
    private boolean bounded;
    private boolean guarded;

    private Operation operation;
    private int selector;
    private int width;
    private int sourceWidth;
    private int to;
    private int from;
    private long immediate;

    private int mode;
    private int field;
    private int operand;
    private int base;
    private int index;
    private int scale;
    private int displacement;
    private boolean relative;

    /**
     * Decodes an instruction.
     *
     * @param bytes code
     * @param length how many bytes of it may be looked at
     * @throws UnknownResultException if it is not understood, or longer
     */
    void decode(byte[] bytes, int length) {
        code = bytes;
        end = Math.min(length, LONGEST);
        at = 0;
        int opcode = prefixes();
        if (opcode == 0x0f) {
            opcode = Opcode.EXTENDED | octet();
        }
        Opcode shape = Opcode.of(opcode);
        operation = shape.operation();
        selector = opcode & 15;
        width = shape.octet() ? 1 : (rex & WIDE) != 0 ? 8 : narrow ? 2 : 4;
        mode = 0;
        field = 0;
        base = NONE;
        index = NONE;
        relative = false;
        displacement = 0;
        if (shape.hasModRm()) {
            modRm();
        }
        Opcode.Number number = shape.number();
        if (operation == Operation.ARITHMETIC) {
            selector = opcode >>> 3;
        } else if (operation == null) {
            selector = field & 7;
            operation = Opcode.operation(opcode, selector);
        }
        if (stack()) {
            width = 8;
        }
        if ((opcode & 0xfe) == Opcode.UNARY_GROUP && operation != Operation.TEST) {
            number = Opcode.Number.ABSENT;
        }
        sourceWidth = shape.source() != 0 ? shape.source() : width;
        to = place(shape.to(), width, opcode);
        from = place(shape.from(), sourceWidth, opcode);
        immediate = shape.from() == Opcode.Place.ONE ? 1 : immediate(number);
        checkPrefixes(opcode);
    }

    private int prefixes() {
        rex = 0;
        narrow = false;
        repeated = false;
        bounded = false;
        guarded = false;
        while (true) {
            int octet = octet();
            switch (octet) {
                case 0x66 -> narrow = true;
                case 0xf2 -> bounded = true;
                case 0xf3 -> repeated = true;
                case 0x64 -> guarded = true;
                // These name segments that begin at 0, or advise how to predict a branch.
                case 0x26, 0x2e, 0x36, 0x3e -> {}
                default -> {
                    if ((octet & 0xf0) != REX) {
                        return octet;
                    }
                    rex = octet;
                    return octet();
                }
            }
        }
    }

    /** A prefix may make another instruction of one. */
    private void checkPrefixes(int opcode) {
        boolean endbr64 = opcode == (Opcode.EXTENDED | 0x1e);
        if (bounded && !branches()
                || narrow && stack()
                || repeated && operation != Operation.RETURN && !endbr64
                || endbr64 && !(repeated && mode == 3 && field == 7 && operand == 2)
                || opcode == 0x90 && (rex & 1) != 0
                || guarded && !readsGuard()) {
            throw UnknownResultException.ONE;
        }
    }

    /**
     * Of thread-local storage the one word is understood that functions put on their frame, and compare with what is
     * there in the end.
     */
    private boolean readsGuard() {
        return (operation == Operation.MOVE || operation == Operation.ARITHMETIC)
                && from == MEMORY
                && to >= 0
                && width == 8
                && base == NONE
                && index == NONE
                && !relative
                && displacement == STACK_GUARD;
    }

    private boolean branches() {
        return switch (operation) {
            case JUMP, JUMP_IF, JUMP_TO, CALL, CALL_TO, RETURN -> true;
            default -> false;
        };
    }

    /** Whether its operands are 8 bytes without a prefix that says so. */
    private boolean stack() {
        return branches()
                || switch (operation) {
                    case PUSH, POP, LEAVE -> true;
                    default -> false;
                };
    }

    private void modRm() {
        int octet = octet();
        mode = octet >>> 6;
        field = octet >>> 3 & 7 | (rex & 4) << 1;
        int low = octet & 7;
        operand = low | (rex & 1) << 3;
        if (mode == 3) {
            return;
        }
        base = operand;
        if (low == Registers.RSP) {
            int sib = octet();
            scale = sib >>> 6;
            index = sib >>> 3 & 7 | (rex & 2) << 2;
            if (index == Registers.RSP) {
                index = NONE;
            }
            low = sib & 7;
            base = low | (rex & 1) << 3;
            if (low == Registers.RBP && mode == 0) {
                base = NONE;
                displacement = (int) number(4);
            }
        } else if (low == Registers.RBP && mode == 0) {
            base = NONE;
            relative = true;
            displacement = (int) number(4);
        }
        if (mode != 0) {
            displacement = (int) number(mode == 1 ? 1 : 4);
        }
    }

    private int place(Opcode.Place place, int wide, int opcode) {
        return switch (place) {
            case NONE -> NONE;
            case OPERAND -> mode == 3 ? register(operand, wide) : MEMORY;
            case REGISTER -> register(field, wide);
            case OPCODE -> register(opcode & 7 | (rex & 1) << 3, wide);
            case ACCUMULATOR -> Registers.RAX;
            case IMMEDIATE, ONE -> IMMEDIATE;
            case CL -> Registers.RCX;
        };
    }

    /** Without a prefix, four of the numbers of bytes name the second bytes of the first four registers. */
    private int register(int number, int wide) {
        return wide == 1 && rex == 0 && number >= 4 ? Registers.SECOND_BYTE | number - 4 : number;
    }

    private long immediate(Opcode.Number number) {
        return switch (number) {
            case ABSENT -> 0;
            case OCTET -> number(1);
            case USUAL -> number(Math.min(width, 4));
            case DISTANCE -> number(4);
            case FULL -> number(width);
        };
    }

    private int octet() {
        if (at >= end) {
            throw UnknownResultException.ONE;
        }
        return code[at++] & 0xff;
    }

    /** A signed number, the least significant byte first. */
    private long number(int bytes) {
        long value = 0;
        for (int place = 0; place < bytes; place++) {
            value |= (long) octet() << 8 * place;
        }
        int unused = Long.SIZE - 8 * bytes;
        return value << unused >> unused;
    }

    /** What it does. */
    Operation operation() {
        return operation;
    }

    /** Which of several things that go under one operation, or which condition, by the processor's own number. */
    int selector() {
        return selector;
    }

    /** How many bytes the result has: 1, 2, 4 or 8. */
    int width() {
        return width;
    }

    /** How many bytes {@link #from} has. */
    int sourceWidth() {
        return sourceWidth;
    }

    /** The register that the result goes to, or {@link #MEMORY} or {@link #NONE}. */
    int to() {
        return to;
    }

    /** The register of the other operand, or {@link #MEMORY}, {@link #IMMEDIATE} or {@link #NONE}. */
    int from() {
        return from;
    }

    /** The number within it, sign-extended; 0 if there is none. */
    long immediate() {
        return immediate;
    }

    /** The register from which an address in memory counts, or {@link #NONE}. */
    int base() {
        return base;
    }

    /** The register that is added to an address, shifted by {@link #scale}, or {@link #NONE}. */
    int index() {
        return index;
    }

    /** By how many bits the index is shifted. */
    int scale() {
        return scale;
    }

    /** What is added to an address. */
    int displacement() {
        return displacement;
    }

    /** Whether the operand in memory is the word of thread-local storage that guards the frame. */
    boolean guarded() {
        return guarded;
    }

    /** Whether an address counts from the next instruction. */
    boolean relative() {
        return relative;
    }

    /** How many bytes it has. */
    int length() {
        return at;
    }
}
