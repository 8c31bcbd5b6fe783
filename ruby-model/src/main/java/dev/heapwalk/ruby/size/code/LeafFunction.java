// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.size.code;

import dev.heapwalk.memory.UnmappedAddressException;
import dev.heapwalk.memory.struct.Words;
import dev.heapwalk.ruby.ObjectReader;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/**
 * Works out what a small function of the target's would return, from its machine code: one that reads memory, reckons,
 * branches and returns, but writes and calls nothing. Nothing of the target is run. Such are most functions that tell
 * the size of what a C extension holds, and the code tells it whatever the version of the extension. An instruction
 * that is not known here ends the attempt. For x86-64.
 */
public final class LeafFunction {
    /** What {@link #call} returns where it can't tell; no size is. */
    static final long UNKNOWN = -1;

    private static final int MOST_STEPS = 256;
    private static final int LONGEST_INSTRUCTION = 15;
    private static final int RAX = 0;
    private static final int RSP = 4;
    private static final int RBP = 5;
    private static final int RDI = 7;
    private static final int ENDBR64 = 0xfa1e0ff3;

    private final ObjectReader reader;
    private final long[] registers = new long[16];
    private final byte[] code = new byte[LONGEST_INSTRUCTION];
    private long next;
    private int at;
    private int rex;

    // The operand that a byte called ModRM names: a register, or memory at an address.
    private int register;
    private int operand;
    private long address;

    private boolean zero;
    private boolean sign;
    private boolean carry;
    private boolean overflow;

    /** Thrown, and caught here, where the code is not of the kind that is understood. */
    private static final class NotUnderstood extends RuntimeException {
        private static final long serialVersionUID = 1;
        private static final NotUnderstood ONE = new NotUnderstood();

        NotUnderstood() {
            super("an instruction that is not understood", null, false, false);
        }
    }

    public LeafFunction(ObjectReader reader) {
        this.reader = reader;
    }

    /**
     * Works out what a function returns.
     *
     * @param function target address of its first instruction
     * @param argument its only argument
     * @return what it returns, {@link #UNKNOWN} if that is not to be found out
     */
    public long call(long function, long argument) {
        Arrays.fill(registers, 0);
        registers[RDI] = argument;
        next = function;
        try {
            for (int step = 0; step < MOST_STEPS; step++) {
                if (step()) {
                    return registers[RAX] < 0 ? UNKNOWN : registers[RAX];
                }
            }
            return UNKNOWN;
        } catch (NotUnderstood | UnmappedAddressException e) {
            return UNKNOWN;
        }
    }

    private int octet() {
        return code[at++] & 0xff;
    }

    private int word() {
        int value = (code[at] & 0xff) | (code[at + 1] & 0xff) << 8 | (code[at + 2] & 0xff) << 16 | code[at + 3] << 24;
        at += 4;
        return value;
    }

    /** A number in the code, as wide as the operands. */
    private long immediate() {
        int value = word();
        return wide() ? value : value & 0xffffffffL;
    }

    private boolean wide() {
        return (rex & 8) != 0;
    }

    /** Takes one instruction. Returns whether it was the one that returns. */
    private boolean step() {
        long offset = reader.find(next, LONGEST_INSTRUCTION);
        if (offset < 0) {
            throw NotUnderstood.ONE;
        }
        MemorySegment.copy(reader.segment(), Words.BYTE, offset, code, 0, LONGEST_INSTRUCTION);
        at = 0;
        if (word() == ENDBR64) {
            next += 4;
            return false;
        }
        at = 0;
        rex = 0;
        int opcode = octet();
        boolean repeated = opcode == 0xf3;
        if (repeated) {
            opcode = octet();
        }
        if (opcode >= 0x40 && opcode <= 0x4f) {
            rex = opcode;
            opcode = octet();
        }
        if (opcode == 0xc3) {
            return true;
        }
        if (repeated) {
            throw NotUnderstood.ONE;
        }
        boolean jumps = opcode == 0x0f ? extended(octet()) : simple(opcode);
        if (!jumps) {
            next += at;
        }
        return false;
    }

    private boolean simple(int opcode) {
        if (opcode < 0x40 && ((opcode & 7) == 1 || (opcode & 7) == 3)) {
            modrm(0);
            long first = (opcode & 2) != 0 ? get(register) : value();
            long second = (opcode & 2) != 0 ? value() : get(register);
            long result = reckon(opcode >>> 3, first, second);
            if (opcode >>> 3 != 7) {
                set((opcode & 2) != 0 ? register : target(), result);
            }
            return false;
        }
        if (opcode < 0x40 && (opcode & 7) == 5) {
            long result = reckon(opcode >>> 3, get(RAX), immediate());
            if (opcode >>> 3 != 7) {
                set(RAX, result);
            }
            return false;
        }
        if (opcode >= 0x70 && opcode <= 0x7f) {
            byte distance = (byte) octet();
            return jump(condition(opcode & 15), distance);
        }
        if (opcode >= 0xb8 && opcode <= 0xbf) {
            if (wide()) {
                throw NotUnderstood.ONE;
            }
            registers[opcode & 7 | (rex & 1) << 3] = word() & 0xffffffffL;
            return false;
        }
        switch (opcode) {
            case 0x63 -> {
                modrm(0);
                set(register, (int) value());
            }
            case 0x69, 0x6b -> {
                modrm(opcode == 0x69 ? 4 : 1);
                long value = value();
                set(register, value * (opcode == 0x69 ? word() : (byte) octet()));
            }
            case 0x80, 0x81, 0x83 -> immediate(opcode);
            case 0x85 -> {
                modrm(0);
                logic(value() & get(register));
            }
            case 0x89 -> {
                modrm(0);
                set(target(), get(register));
            }
            case 0x8b -> {
                modrm(0);
                set(register, value());
            }
            case 0x8d -> {
                modrm(0);
                if (operand >= 0) {
                    throw NotUnderstood.ONE;
                }
                set(register, address);
            }
            case 0x90 -> {}
            case 0x98 -> registers[RAX] = wide() ? (int) registers[RAX] : (short) registers[RAX] & 0xffffffffL;
            case 0xa8 -> logic((byte) (low(RAX) & octet()));
            case 0xa9 -> logic(get(RAX) & immediate());
            case 0xc1, 0xd1 -> shift(opcode);
            case 0xc7 -> {
                modrm(4);
                set(target(), word());
            }
            case 0xe9 -> {
                int distance = word();
                return jump(true, distance);
            }
            case 0xeb -> {
                byte distance = (byte) octet();
                return jump(true, distance);
            }
            case 0xf6 -> {
                modrm(1);
                long value = operand >= 0 ? low(operand) : reader.octet(address);
                if ((register & 7) != 0) {
                    throw NotUnderstood.ONE;
                }
                logic((byte) (value & octet()));
            }
            case 0xf7 -> unary();
            default -> throw NotUnderstood.ONE;
        }
        return false;
    }

    private boolean extended(int opcode) {
        if (opcode >= 0x80 && opcode <= 0x8f) {
            int distance = word();
            return jump(condition(opcode & 15), distance);
        }
        modrm(0);
        if (opcode >= 0x40 && opcode <= 0x4f) {
            long value = value();
            set(register, condition(opcode & 15) ? value : get(register));
            return false;
        }
        if (opcode >= 0x90 && opcode <= 0x9f && operand >= 0) {
            low(operand);
            registers[operand] = registers[operand] & ~0xffL | (condition(opcode & 15) ? 1 : 0);
            return false;
        }
        switch (opcode) {
            case 0x1f -> {}
            case 0xaf -> set(register, get(register) * value());
            case 0xb6 -> set(register, (operand >= 0 ? low(operand) : reader.octet(address)) & 0xff);
            case 0xbe -> set(register, (byte) (operand >= 0 ? low(operand) : reader.octet(address)));
            case 0xb7 -> set(register, half() & 0xffff);
            case 0xbf -> set(register, (short) half());
            default -> throw NotUnderstood.ONE;
        }
        return false;
    }

    private long half() {
        return operand >= 0
                ? registers[operand]
                : reader.octet(address) & 0xff | (reader.octet(address + 1) & 0xff) << 8;
    }

    /** The lowest byte of a register. Without a prefix the numbers from 4 on name other bytes. */
    private long low(int number) {
        if (rex == 0 && number >= RSP && number < 8) {
            throw NotUnderstood.ONE;
        }
        return registers[number] & 0xff;
    }

    private boolean jump(boolean taken, int distance) {
        if (taken) {
            next += at + distance;
        }
        return taken;
    }

    /** Reads the operands. What follows them of the instruction matters to addresses that count from its end. */
    private void modrm(int following) {
        int modrm = octet();
        int mode = modrm >>> 6;
        register = modrm >>> 3 & 7 | (rex & 4) << 1;
        int base = modrm & 7;
        if (mode == 3) {
            operand = base | (rex & 1) << 3;
            return;
        }
        operand = -1;
        long sum = 0;
        boolean relative = base == RBP && mode == 0;
        boolean noBase = false;
        if (base == RSP) {
            int sib = octet();
            int index = sib >>> 3 & 7 | (rex & 2) << 2;
            sum = index == RSP ? 0 : registers[index] << (sib >>> 6);
            base = sib & 7;
            noBase = base == RBP && mode == 0;
            relative = false;
        }
        int number = base | (rex & 1) << 3;
        if (!relative && !noBase) {
            if (number == RSP) {
                throw NotUnderstood.ONE;
            }
            sum += registers[number];
        }
        int displacement = mode == 1 ? (byte) octet() : mode == 2 || relative || noBase ? word() : 0;
        address = sum + displacement + (relative ? next + at + following : 0);
    }

    private int target() {
        if (operand < 0) {
            throw NotUnderstood.ONE;
        }
        return operand;
    }

    private long value() {
        return operand >= 0 ? get(operand) : wide() ? reader.word(address) : reader.half(address) & 0xffffffffL;
    }

    private long get(int number) {
        return wide() ? registers[number] : registers[number] & 0xffffffffL;
    }

    private void set(int number, long value) {
        if (number == RSP) {
            throw NotUnderstood.ONE;
        }
        registers[number] = wide() ? value : value & 0xffffffffL;
    }

    private void immediate(int opcode) {
        modrm(opcode == 0x81 ? 4 : 1);
        int operation = register & 7;
        if (opcode == 0x80) {
            // A byte is compared, or the attempt ends.
            long value = operand >= 0 ? low(operand) : reader.octet(address) & 0xff;
            int other = octet();
            if (operation != 7) {
                throw NotUnderstood.ONE;
            }
            zero = value == other;
            carry = value < other;
            sign = (byte) (value - other) < 0;
            overflow = (byte) (value - other) != (byte) value - (byte) other;
            return;
        }
        long value = value();
        long other = opcode == 0x81 ? word() : (byte) octet();
        long result = reckon(operation, value, wide() ? other : other & 0xffffffffL);
        if (operation != 7) {
            set(target(), result);
        }
    }

    private long reckon(int operation, long first, long second) {
        return switch (operation) {
            case 0 -> {
                long sum = first + second;
                flags(sum, false);
                carry = wide() ? Long.compareUnsigned(sum, first) < 0 : sum >>> 32 != 0;
                overflow = negative(~(first ^ second) & (first ^ sum));
                yield sum;
            }
            case 1 -> logic(first | second);
            case 3 -> {
                long borrowed = carry ? 1 : 0;
                long rest = first - second - borrowed;
                boolean less = Long.compareUnsigned(first, second) < 0 || first == second && borrowed == 1;
                flags(rest, less);
                overflow = negative((first ^ second) & (first ^ rest));
                yield rest;
            }
            case 4 -> logic(first & second);
            case 5, 7 -> {
                long rest = first - second;
                flags(rest, Long.compareUnsigned(first, second) < 0);
                overflow = negative((first ^ second) & (first ^ rest));
                yield rest;
            }
            case 6 -> logic(first ^ second);
            default -> throw NotUnderstood.ONE;
        };
    }

    private boolean negative(long value) {
        return wide() ? value < 0 : (int) value < 0;
    }

    private long logic(long result) {
        flags(result, false);
        overflow = false;
        return result;
    }

    private void flags(long result, boolean less) {
        zero = wide() ? result == 0 : (int) result == 0;
        sign = negative(result);
        carry = less;
    }

    private void shift(int opcode) {
        modrm(opcode == 0xc1 ? 1 : 0);
        long value = value();
        int count = (opcode == 0xc1 ? octet() : 1) & (wide() ? 63 : 31);
        long result = switch (register & 7) {
            case 4 -> value << count;
            case 5 -> value >>> count;
            case 7 -> wide() ? value >> count : (int) value >> count;
            default -> throw NotUnderstood.ONE;
        };
        set(target(), result);
        logic(result);
    }

    private void unary() {
        modrm((code[at] >>> 3 & 7) == 0 ? 4 : 0);
        long value = value();
        switch (register & 7) {
            case 0 -> logic(value & immediate());
            case 2 -> set(target(), ~value);
            case 3 -> {
                set(target(), -value);
                flags(-value, value != 0);
            }
            default -> throw NotUnderstood.ONE;
        }
    }

    private boolean condition(int number) {
        boolean holds = switch (number >>> 1) {
            case 1 -> carry;
            case 2 -> zero;
            case 3 -> carry || zero;
            case 4 -> sign;
            case 6 -> sign != overflow;
            case 7 -> zero || sign != overflow;
            default -> throw NotUnderstood.ONE;
        };
        return holds == ((number & 1) == 0);
    }
}
