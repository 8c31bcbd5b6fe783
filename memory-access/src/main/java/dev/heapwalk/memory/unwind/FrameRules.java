// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory.unwind;

import dev.heapwalk.memory.Reader;
import java.util.Arrays;

/**
 * The rules that hold at one place of a function: where the caller's registers are, counted from where the stack pointer
 * was before the frame was made (CFA). A flyweight that is worked out again for each frame.
 */
final class FrameRules {
    /** So many states a function may put aside. Compilers need one or two. */
    private static final int MOST_ASIDE = 32;

    private static final int COUNT = RegisterValues.COUNT;

    // The kinds of rules. Without one, a register is the caller's.
    private static final byte KEPT = 0;
    private static final byte UNDEFINED = 1;
    private static final byte AT_OFFSET = 2;
    private static final byte IS_OFFSET = 3;
    private static final byte IN_REGISTER = 4;
    private static final byte AT_EXPRESSION = 5;
    private static final byte IS_EXPRESSION = 6;

    // A state is an array: kinds and values of the registers' rules, and then these.
    private static final int CFA_REGISTER = 2 * COUNT;
    private static final int CFA_OFFSET = CFA_REGISTER + 1;
    /** The address of the expression that tells the CFA, or 0. */
    private static final int CFA_EXPRESSION = CFA_OFFSET + 1;
    /** Whether the return address is signed, on aarch64. */
    private static final int SIGNED = CFA_EXPRESSION + 1;

    private static final int SIZE = SIGNED + 1;

    private final Reader memory;
    private final StackMachine machine;
    private final long[] state = new long[SIZE];
    private final long[] initial = new long[SIZE];
    private final long[][] aside = new long[MOST_ASIDE][];
    private int asideCount;
    private FrameDescription description;

    FrameRules(Reader memory) {
        this.memory = memory;
        this.machine = new StackMachine(memory);
    }

    /**
     * Works out the rules at a place.
     *
     * @param read the description of the function
     * @param place a target address in it
     */
    void at(FrameDescription read, long place) {
        description = read;
        Arrays.fill(state, 0);
        state[CFA_REGISTER] = -1;
        asideCount = 0;
        run(read.commonInstructions(), Long.MIN_VALUE, 0);
        System.arraycopy(state, 0, initial, 0, SIZE);
        run(read.instructions(), read.start(), place);
    }

    private void run(RuleBytes bytes, long start, long place) {
        long location = start;
        while (!bytes.atEnd()) {
            int code = bytes.unsignedByte();
            long steps = -1;
            switch (code & 0xc0) {
                case 0x40 -> steps = code & 0x3f;
                case 0x80 -> offset(code & 0x3f, bytes.unsigned() * description.dataUnit(), AT_OFFSET);
                case 0xc0 -> restore(code & 0x3f);
                default -> {
                    switch (code) {
                        case 0x01 -> throw new DamagedRulesException("rules that no compiler makes");
                        case 0x02 -> steps = bytes.unsignedByte();
                        case 0x03 -> steps = bytes.unsignedShort();
                        case 0x04 -> steps = bytes.unsignedInt();
                        default -> other(code, bytes);
                    }
                }
            }
            if (steps >= 0) {
                location += steps * description.codeUnit();
                // What comes now holds from there on.
                if (Long.compareUnsigned(location, place) > 0) {
                    return;
                }
            }
        }
    }

    private void other(int code, RuleBytes bytes) {
        long unit = description.dataUnit();
        switch (code) {
            case 0x00 -> {}
            case 0x05 -> offset(bytes.unsigned(), bytes.unsigned() * unit, AT_OFFSET);
            case 0x06 -> restore(bytes.unsigned());
            case 0x07 -> set(bytes.unsigned(), UNDEFINED, 0);
            case 0x08 -> set(bytes.unsigned(), KEPT, 0);
            case 0x09 -> set(bytes.unsigned(), IN_REGISTER, bytes.unsigned());
            case 0x0a -> putAside();
            case 0x0b -> takeBack();
            case 0x0c -> defineCfa(bytes.unsigned(), bytes.unsigned());
            case 0x0d -> defineCfa(bytes.unsigned(), state[CFA_OFFSET]);
            case 0x0e -> state[CFA_OFFSET] = bytes.unsigned();
            case 0x0f -> state[CFA_EXPRESSION] = expression(bytes);
            case 0x10 -> set(bytes.unsigned(), AT_EXPRESSION, expression(bytes));
            case 0x11 -> offset(bytes.unsigned(), bytes.signed() * unit, AT_OFFSET);
            case 0x12 -> defineCfa(bytes.unsigned(), bytes.signed() * unit);
            case 0x13 -> state[CFA_OFFSET] = bytes.signed() * unit;
            case 0x14 -> offset(bytes.unsigned(), bytes.unsigned() * unit, IS_OFFSET);
            case 0x15 -> offset(bytes.unsigned(), bytes.signed() * unit, IS_OFFSET);
            case 0x16 -> set(bytes.unsigned(), IS_EXPRESSION, expression(bytes));
            // DW_CFA_AARCH64_negate_ra_state and its newer form; SPARC, which has another one, is not read.
            case 0x2c, 0x2d -> state[SIGNED] ^= 1;
            case 0x2e -> bytes.unsigned();
            case 0x2f -> offset(bytes.unsigned(), -bytes.unsigned() * unit, AT_OFFSET);
            default -> throw new DamagedRulesException("a rule of an unknown kind");
        }
    }

    private static long expression(RuleBytes bytes) {
        long block = bytes.at();
        long length = bytes.unsigned();
        if (length < 0) {
            throw new DamagedRulesException("an expression is longer than its rules");
        }
        bytes.skip(length);
        return block;
    }

    private void offset(long register, long offset, byte kind) {
        set(register, kind, offset);
    }

    private void set(long register, byte kind, long value) {
        // Other registers, such as those of vectors, tell nothing of stacks.
        if (register >= 0 && register < COUNT) {
            state[(int) register] = kind;
            state[COUNT + (int) register] = value;
        }
    }

    private void restore(long register) {
        if (register >= 0 && register < COUNT) {
            set(register, (byte) initial[(int) register], initial[COUNT + (int) register]);
        }
    }

    private void defineCfa(long register, long offset) {
        state[CFA_REGISTER] = register;
        state[CFA_OFFSET] = offset;
        state[CFA_EXPRESSION] = 0;
    }

    private void putAside() {
        if (asideCount == MOST_ASIDE) {
            throw new DamagedRulesException("rules put aside too much");
        }
        if (aside[asideCount] == null) {
            aside[asideCount] = new long[SIZE];
        }
        System.arraycopy(state, 0, aside[asideCount++], 0, SIZE);
    }

    private void takeBack() {
        if (asideCount == 0) {
            throw new DamagedRulesException("rules take back what they have not put aside");
        }
        System.arraycopy(aside[--asideCount], 0, state, 0, SIZE);
    }

    /** Whether the rules say that there is no caller. */
    boolean outermost() {
        int register = description.returnRegister();
        return register >= COUNT || state[register] == UNDEFINED;
    }

    /** Whether the return address bears a signature (pointer authentication). */
    boolean signedReturn() {
        return state[SIGNED] != 0;
    }

    /** Where the stack pointer was before the frame was made. */
    long callFrameAddress(RegisterValues registers) {
        return state[CFA_EXPRESSION] != 0
                ? machine.evaluate(state[CFA_EXPRESSION], registers)
                : registers.get(state[CFA_REGISTER]) + state[CFA_OFFSET];
    }

    /**
     * Works out the caller's registers.
     *
     * @param registers those of the frame
     * @param cfa its {@link #callFrameAddress}
     * @param caller receives them
     */
    void apply(RegisterValues registers, long cfa, RegisterValues caller) {
        caller.copy(registers);
        for (int register = 0; register < COUNT; register++) {
            long value = state[COUNT + register];
            switch ((byte) state[register]) {
                case UNDEFINED -> caller.forget(register);
                case AT_OFFSET -> caller.set(register, memory.readLong(cfa + value));
                case IS_OFFSET -> caller.set(register, cfa + value);
                case IN_REGISTER -> caller.set(register, registers.get(value));
                case AT_EXPRESSION -> caller.set(register, memory.readLong(machine.evaluate(value, registers, cfa)));
                case IS_EXPRESSION -> caller.set(register, machine.evaluate(value, registers, cfa));
                default -> {}
            }
        }
    }

    /** Whether a register has a rule. */
    boolean hasRule(int register) {
        return state[register] != KEPT;
    }
}
