// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.code;

import java.util.Arrays;
import java.util.Random;

/**
 * Makes functions of random instructions that are harmless to run: they read what their argument points to and their
 * own code, write to their own stack, and return. Registers that belong to the caller are left alone.
 */
final class RandomCode {
    /** How many bytes a function may have, and how many its argument points to. */
    static final int SIZE = 512;

    static final int DATA = 128;

    /** {@code rax rcx rdx rsi r8 r9 r10 r11}: {@code rdi} stays the argument. */
    private static final int[] REGISTERS = {0, 1, 2, 6, 8, 9, 10, 11};
    /** Without a prefix, bytes by these numbers are {@code al cl dl ah ch dh}. */
    private static final int[] OLD_BYTES = {0, 1, 2, 4, 5, 6};

    private static final int[] WIDTHS = {1, 2, 4, 4, 4, 8, 8, 8};
    /** All but those that look at parity. */
    private static final int[] CONDITIONS = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 13, 14, 15};

    private static final int RDI = 7;
    private static final int RSP = 4;

    private final Random random;
    private byte[] code;
    private int at;

    RandomCode(long seed) {
        random = new Random(seed);
    }

    /** A function of so many random instructions and some that bring all registers into the result. */
    byte[] function(int instructions) {
        code = new byte[SIZE];
        at = 0;
        for (int place = 0; place < REGISTERS.length; place++) {
            int register = REGISTERS[place];
            emit(0x48 | (register & 8) >> 1, 0x8b, 0x47 | (register & 7) << 3, 8 * random.nextInt(DATA / 8 - 1));
            // mov [rsp-8*n], register
            emit(0x48 | (register & 8) >> 1, 0x89, 0x44 | (register & 7) << 3, 0x24, -8 * (place + 1));
        }
        emit(0x31, 0xc0, 0x8b, 0x47, 8 * random.nextInt(DATA / 8 - 1));
        for (int count = 0; count < instructions; count++) {
            instruction();
        }
        for (int register : REGISTERS) {
            // imul rax, rax, odd number; add rax, register
            emit(0x48, 0x6b, 0xc0, 2 * random.nextInt(60) + 3);
            emit(0x48 | (register & 8) >> 1, 0x01, 0xc0 | (register & 7) << 3);
        }
        emit(0x48, 0xd1, 0xe8, 0xc3);
        return Arrays.copyOf(code, at);
    }

    private void instruction() {
        int width = WIDTHS[random.nextInt(WIDTHS.length)];
        int wide = width == 1 ? 0 : 1;
        int wider = Math.max(width, 2);
        int extension = 8 * random.nextInt(8);
        switch (random.nextInt(26)) {
            case 0, 1 -> operands(width, extension | wide, any(), false);
            case 2, 3 -> operands(width, extension | 2 | wide, any(), true);
            case 4 -> {
                operands(width, 0x80 | wide, extension >> 3, false);
                number(Math.min(width, 4));
            }
            case 5 -> {
                operands(wider, 0x83, extension >> 3, false);
                number(1);
            }
            case 6 -> {
                prefixes(width, 0, 0, 0);
                emit((random.nextBoolean() ? extension | 4 : 0xa8) | wide);
                number(Math.min(width, 4));
            }
            case 7 -> operands(width, 0x84 | wide, any(), true);
            case 8 -> {
                operands(width, 0xf6 | wide, 0, true);
                number(Math.min(width, 4));
            }
            case 9 -> operands(width, 0x88 | wide, any(), false);
            case 10 -> operands(width, 0x8a | wide, any(), true);
            case 11 -> {
                int kind = random.nextInt(5);
                int opcode = new int[] {0x0fb6, 0x0fbe, 0x0fb7, 0x0fbf, 0x63}[kind];
                operands(opcode == 0x63 ? 8 : wider, opcode, any(), true);
            }
            case 12 -> address();
            case 13 -> operands(wider, 0x0faf, any(), true);
            case 14 -> {
                boolean octet = random.nextBoolean();
                operands(wider, octet ? 0x6b : 0x69, any(), true);
                number(octet ? 1 : Math.min(wider, 4));
            }
            case 15 -> {
                int shift = new int[] {4, 5, 7}[random.nextInt(3)];
                int kind = random.nextInt(3);
                operands(width, new int[] {0xc0, 0xd0, 0xd2}[kind] | wide, shift, false);
                if (kind == 0) {
                    emit(random.nextInt(256));
                }
            }
            case 16 -> operands(width, 0xf6 | wide, 2 + random.nextInt(2), false);
            case 17 -> operands(width, 0xfe | wide, random.nextInt(2), false);
            case 18 -> {
                // A bit beyond the operand in memory would be another's.
                register(wider, random.nextBoolean() ? 0x0fa3 : 0x0fba, any());
                if (code[at - 2] == (byte) 0xba) {
                    code[at - 1] = (byte) (code[at - 1] & ~0x38 | 0x20);
                    emit(random.nextInt(256));
                }
            }
            case 19 -> {
                prefixes(wider, 0, 0, 0);
                emit(0x98);
            }
            case 20 -> operands(wider, 0x0f40 | condition(), any(), true);
            case 21 -> operands(1, 0x0f90 | condition(), 0, false);
            case 22 -> {
                // Over an instruction of three bytes.
                if (random.nextBoolean()) {
                    emit(0x70 | condition(), 3);
                } else {
                    emit(0x0f, 0x80 | condition(), 3, 0, 0, 0);
                }
                emit(0x48, 0x01, 0xc0 | OLD_BYTES[random.nextInt(3)] << 3 | OLD_BYTES[random.nextInt(3)]);
            }
            case 23 -> division(wider);
            case 24 -> operands(wider, 0xf7, 4 + random.nextInt(2), true);
            default -> moreMoves(width, wide);
        }
    }

    private void division(int width) {
        int divisor = new int[] {1, 6, 8, 9, 10, 11}[random.nextInt(6)];
        boolean signed = random.nextBoolean();
        // or divisor, 1
        emit(0x48 | divisor >> 3, 0x83, 0xc8 | divisor & 7, 1);
        prefixes(signed ? width : 4, 0, 0, 0);
        if (signed) {
            emit(0x99);
        } else {
            emit(0x31, 0xd2);
        }
        prefixes(width, 0, divisor, 0);
        emit(0xf7, (signed ? 0xf8 : 0xf0) | divisor & 7);
    }

    private void moreMoves(int width, int wide) {
        int register = any();
        switch (random.nextInt(5)) {
            case 0 -> {
                int from = any();
                // push, pop
                emit(0x40 | from >> 3, 0x50 | from & 7, 0x40 | register >> 3, 0x58 | register & 7);
            }
            case 1 -> {
                prefixes(width, 0, register, 0);
                emit((width == 1 ? 0xb0 : 0xb8) | register & 7);
                number(width);
            }
            case 2 -> {
                operands(width, 0xc6 | wide, 0, false);
                number(Math.min(width, 4));
            }
            case 3 -> {
                // and ecx, 7; mov register, [rdi + rcx * scale + displacement]
                emit(0x83, 0xe1, 7);
                int scale = random.nextInt(4);
                prefixes(width, register, 0, 0);
                emit(0x8a | wide, 0x44 | (register & 7) << 3, scale << 6 | 1 << 3 | RDI, random.nextInt(DATA - 64));
            }
            default -> {
                // Its own code, which is a constant: mov register, [rip - distance]
                prefixes(8, register, 0, 0);
                emit(0x8b, (register & 7) << 3 | 5);
                int distance = -(at + 4) + random.nextInt(40);
                emit(distance, distance >> 8, distance >> 16, distance >> 24);
            }
        }
    }

    private void address() {
        int register = any();
        int index = any();
        int base = any();
        int width = new int[] {2, 4, 8}[random.nextInt(3)];
        int mode = random.nextInt(3);
        prefixes(width, register, base, index);
        emit(0x8d, mode << 6 | (register & 7) << 3 | RSP, random.nextInt(4) << 6 | (index & 7) << 3 | base & 7);
        if (mode != 0) {
            number(mode == 1 ? 1 : 4);
        }
    }

    private int any() {
        return REGISTERS[random.nextInt(REGISTERS.length)];
    }

    private int condition() {
        return CONDITIONS[random.nextInt(CONDITIONS.length)];
    }

    /** Opcode and operands: two registers, or one and memory, which may be the argument's only if it is read. */
    private void operands(int width, int opcode, int field, boolean reads) {
        switch (random.nextInt(reads ? 4 : 3)) {
            case 0 -> {
                // [rsp - distance]
                prefixes(width, field, 0, 0);
                opcode(opcode);
                emit(0x44 | (field & 7) << 3, 0x24, -8 * (1 + random.nextInt(8)));
            }
            case 3 -> {
                boolean near = random.nextBoolean();
                prefixes(width, field, 0, 0);
                opcode(opcode);
                emit((near ? 0x40 : 0x80) | (field & 7) << 3 | RDI, random.nextInt(DATA - 8));
                if (!near) {
                    emit(0, 0, 0);
                }
            }
            default -> register(width, opcode, field);
        }
    }

    private void register(int width, int opcode, int field) {
        if (width == 1 && opcode < 0x100 && random.nextBoolean() && field < 8) {
            int other = OLD_BYTES[random.nextInt(OLD_BYTES.length)];
            opcode(opcode);
            emit(0xc0 | field << 3 | other);
            return;
        }
        int other = any();
        prefixes(width, field, other, 0);
        opcode(opcode);
        emit(0xc0 | (field & 7) << 3 | other & 7);
    }

    private void prefixes(int width, int field, int base, int index) {
        if (width == 2) {
            emit(0x66);
        }
        emit(0x40 | (width == 8 ? 8 : 0) | field >> 3 << 2 | index >> 3 << 1 | base >> 3);
    }

    private void opcode(int opcode) {
        if (opcode >= 0x100) {
            emit(opcode >> 8);
        }
        emit(opcode);
    }

    private void number(int bytes) {
        boolean small = random.nextBoolean();
        byte sign = (byte) -random.nextInt(2);
        for (int place = 0; place < bytes; place++) {
            emit(small && place > 0 ? sign : random.nextInt(256));
        }
    }

    private void emit(int... bytes) {
        for (int octet : bytes) {
            code[at++] = (byte) octet;
        }
    }
}
