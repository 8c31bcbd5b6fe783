// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.code;

/**
 * Follows a function instruction by instruction, with what is known of the registers, the flags and the frame. It reads
 * the target's memory and writes to none of it.
 */
final class Emulator {
    private static final int PAGE = 4096;

    /** Functions of the target that are not followed. */
    interface Calls {
        /**
         * Takes the place of a function.
         *
         * @param function target address of a function that is about to begin, or of any instruction
         * @param emulator tells the {@linkplain Emulator#argument arguments}
         * @return whether the function is one of those; it then has returned 0
         */
        boolean take(long function, Emulator emulator);
    }

    // The selectors of arithmetic.
    private static final int ADD = 0;
    private static final int OR = 1;
    private static final int ADD_WITH_CARRY = 2;
    private static final int SUBTRACT_WITH_BORROW = 3;
    private static final int AND = 4;
    private static final int SUBTRACT = 5;
    private static final int XOR = 6;
    private static final int COMPARE = 7;

    /** In place of the word that guards a frame: a number that is no size and no object, if a function returns it. */
    private static final long GUARD = Long.MIN_VALUE | 0x5a5a00;

    /** The selectors of shifts. */
    private static final int LEFT = 4;

    private static final int RIGHT_WITH_SIGN = 7;

    private final CodeMemory memory;
    private final Calls calls;
    private final Registers registers = new Registers();
    private final Frame frame;
    private final Arithmetic arithmetic = new Arithmetic();
    private final Instruction instruction = new Instruction();
    private final byte[] code = new byte[Instruction.LONGEST];
    private final byte[] data = new byte[Long.BYTES];

    /** Target address of the next instruction. */
    private long next;

    /** Where the operand in memory is: a target address, or a distance in the frame. */
    private long place;

    private boolean inFrame;

    /** Which bytes of what was read last are known, or that it points into the frame: as {@link Registers#known}. */
    private int known;

    /**
     * Makes one that has nothing to follow yet.
     *
     * @param memory the target's memory
     * @param stack how much of a stack a function and what it calls may have, in bytes
     * @param calls takes the place of functions that are not to be followed
     */
    Emulator(CodeMemory memory, int stack, Calls calls) {
        this.memory = memory;
        this.frame = new Frame(stack);
        this.calls = calls;
    }

    /** Stands before the first instruction of a function that is called with one argument. */
    void begin(long function, long argument) {
        registers.begin(argument);
        frame.begin();
        arithmetic.forget();
        next = function;
    }

    /** As above, for a function that is called with two arguments. */
    void begin(long function, long first, long second) {
        begin(function, first);
        registers.second(second);
    }

    /**
     * What a function that is not followed is called with.
     *
     * @param register the register of the argument
     * @return the argument
     * @throws UnknownResultException if it is unknown, or points into the frame
     */
    long argument(int register) {
        return known(registers.value(register, 8), registers.known(register, 8), 8);
    }

    /**
     * What was pushed last.
     *
     * @param index 0 for that, 1 for what was pushed before
     * @return the word
     * @throws UnknownResultException if it is unknown, or points into the frame
     */
    long stacked(int index) {
        long place = top() + 8L * index;
        return known(frame.value(place, 8), frame.known(place, 8), 8);
    }

    /**
     * Goes on elsewhere.
     *
     * @param function target address of the next instruction
     * @param drop how many words to take off the stack before
     */
    void go(long function, int drop) {
        registers.set(Registers.RSP, 8, top() + 8L * drop, Registers.FRAME);
        next = function;
    }

    /** What the function returned, after {@link #step} said that it did. */
    long result() {
        return known(registers.value(Registers.RAX, 8), registers.known(Registers.RAX, 8), 8);
    }

    /**
     * Takes one instruction.
     *
     * @return whether the function returned to its caller
     * @throws UnknownResultException if it is not understood, or depends on what is unknown
     */
    boolean step() {
        if (calls.take(next, this)) {
            registers.called();
            arithmetic.forget();
            return leave();
        }
        fetch();
        next += instruction.length();
        locate();
        int width = instruction.width();
        switch (instruction.operation()) {
            case ARITHMETIC -> arithmetic(width);
            case TEST -> bitwise(AND, width);
            case MOVE -> {
                long value = read(instruction.from(), width);
                write(instruction.to(), width, value, known);
            }
            case EXTEND_BY_ZEROS -> set(width, value(instruction.from(), instruction.sourceWidth()));
            case EXTEND_BY_SIGN ->
                set(
                        width,
                        Arithmetic.signed(
                                value(instruction.from(), instruction.sourceWidth()), instruction.sourceWidth()));
            case ADDRESS -> {
                if (instruction.from() != Instruction.MEMORY) {
                    throw UnknownResultException.ONE;
                }
                write(instruction.to(), width, place, inFrame ? Registers.FRAME : Registers.bytes(width));
            }
            case MULTIPLY -> {
                long first = value(instruction.to(), width);
                set(width, arithmetic.multiply(first, value(instruction.from(), width), width));
            }
            case MULTIPLY_IMMEDIATE -> {
                long first = value(instruction.from(), width);
                set(width, arithmetic.multiply(first, instruction.immediate(), width));
            }
            case MULTIPLY_WIDE -> {
                long first = value(Registers.RAX, width);
                long second = value(instruction.to(), width);
                two(width, arithmetic.multiplyWide(first, second, (instruction.selector() & 1) != 0, width));
            }
            case DIVIDE -> {
                long upper = value(Registers.RDX, width);
                long lower = value(Registers.RAX, width);
                long divisor = value(instruction.to(), width);
                two(width, arithmetic.divide(upper, lower, divisor, (instruction.selector() & 1) != 0, width));
            }
            case SHIFT -> shift(width);
            case NOT -> set(width, ~value(instruction.to(), width));
            case NEGATE -> set(width, arithmetic.subtract(0, value(instruction.to(), width), false, width));
            case INCREMENT -> set(width, arithmetic.step(value(instruction.to(), width), true, width));
            case DECREMENT -> set(width, arithmetic.step(value(instruction.to(), width), false, width));
            case BIT_TEST -> {
                // In memory, a bit beyond the operand would be another word's.
                if (instruction.to() == Instruction.MEMORY && instruction.from() != Instruction.IMMEDIATE) {
                    throw UnknownResultException.ONE;
                }
                long first = value(instruction.to(), width);
                arithmetic.bitTest(first, value(instruction.from(), width), width);
            }
            case WIDEN -> set(width, Arithmetic.signed(value(Registers.RAX, width / 2), width / 2));
            case SPREAD_SIGN -> {
                long value = Arithmetic.signed(value(Registers.RAX, width), width);
                registers.set(Registers.RDX, width, value >> 63, Registers.bytes(width));
            }
            case MOVE_IF -> {
                // Memory is read, and 4 bytes clear the others, even where nothing is moved.
                long value = read(instruction.from(), width);
                if (arithmetic.condition(instruction.selector())) {
                    write(instruction.to(), width, value, known);
                } else {
                    long same = read(instruction.to(), width);
                    write(instruction.to(), width, same, known);
                }
            }
            case SET_IF -> set(1, arithmetic.condition(instruction.selector()) ? 1 : 0);
            case JUMP_IF -> next += arithmetic.condition(instruction.selector()) ? instruction.immediate() : 0;
            case JUMP -> next += instruction.immediate();
            case JUMP_TO -> next = value(instruction.from(), 8);
            case CALL -> {
                push(next, Registers.ALL);
                next += instruction.immediate();
            }
            case CALL_TO -> {
                long function = value(instruction.from(), 8);
                push(next, Registers.ALL);
                next = function;
            }
            case RETURN -> {
                return leave();
            }
            case PUSH -> {
                long value = read(instruction.from(), 8);
                push(value, known);
            }
            case POP -> {
                long value = pop();
                write(instruction.to(), 8, value, known);
            }
            case LEAVE -> {
                registers.set(Registers.RSP, 8, registers.value(Registers.RBP, 8), registers.known(Registers.RBP, 8));
                long value = pop();
                registers.set(Registers.RBP, 8, value, known);
            }
            case NOTHING -> {}
        }
        return false;
    }

    /** Returns from a function. Returns whether it was the first one. */
    private boolean leave() {
        if (top() == 0) {
            return true;
        }
        next = known(pop(), known, 8);
        return false;
    }

    /** Reads the next instruction. What follows it may lie in a page that is not there. */
    private void fetch() {
        int length = Instruction.LONGEST;
        if (!memory.read(next, code, length)) {
            length = Math.min(length, PAGE - (int) (next & PAGE - 1));
            if (length == Instruction.LONGEST || !memory.read(next, code, length)) {
                throw UnknownResultException.ONE;
            }
        }
        instruction.decode(code, length);
    }

    /** Finds out where the operand in memory is, if there is one. */
    private void locate() {
        inFrame = false;
        if (instruction.guarded()) {
            return;
        }
        if (instruction.to() != Instruction.MEMORY && instruction.from() != Instruction.MEMORY
                || instruction.operation() == Operation.NOTHING) {
            return;
        }
        place = instruction.displacement() + (instruction.relative() ? next : 0);
        int base = instruction.base();
        if (base != Instruction.NONE) {
            inFrame = registers.known(base, 8) == Registers.FRAME;
            place += inFrame ? registers.value(base, 8) : value(base, 8);
        }
        int index = instruction.index();
        if (index != Instruction.NONE) {
            place += value(index, 8) << instruction.scale();
        }
    }

    private void arithmetic(int width) {
        int operation = instruction.selector();
        int to = instruction.to();
        int from = instruction.from();
        boolean same = to == from && to >= 0;
        if (same && (operation == SUBTRACT || operation == XOR)) {
            // Compilers clear a register so, whatever it holds.
            set(width, arithmetic.logic(0, width));
            return;
        }
        if (same && operation == SUBTRACT_WITH_BORROW) {
            set(width, arithmetic.subtract(0, 0, arithmetic.carry(), width));
            return;
        }
        if (operation == AND || operation == OR || operation == XOR) {
            long result = bitwise(operation, width);
            write(to, width, result, known);
            return;
        }
        if (to >= 0 && width == 8 && registers.known(to, 8) == Registers.FRAME) {
            frameArithmetic(operation, to, value(from, 8));
            return;
        }
        long first = value(to, width);
        long second = value(from, width);
        long result = switch (operation) {
            case ADD -> arithmetic.add(first, second, false, width);
            case ADD_WITH_CARRY -> arithmetic.add(first, second, arithmetic.carry(), width);
            case SUBTRACT_WITH_BORROW -> arithmetic.subtract(first, second, arithmetic.carry(), width);
            default -> arithmetic.subtract(first, second, false, width);
        };
        if (operation != COMPARE) {
            set(width, result);
        }
    }

    /**
     * What goes bit by bit, with the flags. Where an operand has bytes that are unknown, the other may make out what
     * the result has there: compilers load single bytes and mask the rest. {@link #known} tells what is known of it.
     */
    private long bitwise(int operation, int width) {
        long first = read(instruction.to(), width);
        int ofFirst = known;
        long second = read(instruction.from(), width);
        int ofSecond = known;
        if (ofFirst == Registers.FRAME || ofSecond == Registers.FRAME) {
            throw UnknownResultException.ONE;
        }
        long result = switch (operation) {
            case AND -> first & second;
            case OR -> first | second;
            default -> first ^ second;
        };
        known = ofFirst & ofSecond;
        if (operation != XOR) {
            int deciding = operation == AND ? 0 : 0xff;
            known |= ofFirst & places(first, deciding, width) | ofSecond & places(second, deciding, width);
        }
        if (known != Registers.bytes(width)) {
            arithmetic.forget();
            return result;
        }
        return arithmetic.logic(result, width);
    }

    /** The bytes of a value that are the same as one, a bit for each. */
    private static int places(long value, int octet, int width) {
        int which = 0;
        for (int place = 0; place < width; place++) {
            which |= (value >>> 8 * place & 0xff) == octet ? 1 << place : 0;
        }
        return which;
    }

    /** Makes room in the frame and gives it back. The flags would tell where the stack is. */
    private void frameArithmetic(int operation, int to, long by) {
        if (operation != ADD && operation != SUBTRACT) {
            throw UnknownResultException.ONE;
        }
        long before = registers.value(to, 8);
        registers.set(to, 8, operation == ADD ? before + by : before - by, Registers.FRAME);
        arithmetic.forget();
    }

    private void shift(int width) {
        long value = value(instruction.to(), width);
        int count = (int) value(instruction.from(), 1);
        set(
                width,
                instruction.selector() == LEFT
                        ? arithmetic.shiftLeft(value, count, width)
                        : arithmetic.shiftRight(value, count, instruction.selector() == RIGHT_WITH_SIGN, width));
    }

    /** Where {@code rsp} points to in the frame. */
    private long top() {
        if (registers.known(Registers.RSP, 8) != Registers.FRAME) {
            throw UnknownResultException.ONE;
        }
        return registers.value(Registers.RSP, 8);
    }

    private void push(long value, int which) {
        long top = top() - 8;
        frame.set(top, 8, value, which);
        registers.set(Registers.RSP, 8, top, Registers.FRAME);
    }

    /** Takes a value off the stack; {@link #known} tells what is known of it. */
    private long pop() {
        long top = top();
        known = frame.known(top, 8);
        registers.set(Registers.RSP, 8, top + 8, Registers.FRAME);
        return frame.value(top, 8);
    }

    /** Writes a result, all of which is known, to where it belongs. */
    private void set(int width, long value) {
        write(instruction.to(), width, value, Registers.bytes(width));
    }

    private void write(int to, int width, long value, int which) {
        if (to >= 0) {
            registers.set(to, width, value, which == Registers.FRAME && width < 8 ? 0 : which);
        } else if (to == Instruction.MEMORY && inFrame) {
            frame.set(place, width, value, which == Registers.FRAME && width < 8 ? 0 : which);
        } else {
            throw UnknownResultException.ONE;
        }
    }

    /** Writes the two results of what has two. */
    private void two(int width, long low) {
        registers.set(Registers.RAX, width, low, Registers.bytes(width));
        registers.set(Registers.RDX, width, arithmetic.high(), Registers.bytes(width));
    }

    /** An operand, all of which must be known. */
    private long value(int from, int width) {
        long value = read(from, width);
        return known(value, known, width);
    }

    private static long known(long value, int which, int width) {
        if (which != Registers.bytes(width)) {
            throw UnknownResultException.ONE;
        }
        return value;
    }

    /** An operand; {@link #known} tells what is known of it. */
    private long read(int from, int width) {
        if (from >= 0) {
            known = registers.known(from, width);
            return registers.value(from, width);
        }
        if (from == Instruction.MEMORY && inFrame) {
            known = frame.known(place, width);
            return frame.value(place, width);
        }
        known = Registers.bytes(width);
        if (from == Instruction.MEMORY && instruction.guarded()) {
            return GUARD;
        }
        if (from == Instruction.IMMEDIATE) {
            return Registers.cut(instruction.immediate(), width);
        }
        if (from != Instruction.MEMORY || !memory.read(place, data, width)) {
            throw UnknownResultException.ONE;
        }
        long value = 0;
        for (int at = 0; at < width; at++) {
            value |= (data[at] & 0xffL) << 8 * at;
        }
        return value;
    }
}
