// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory.unwind;

import dev.heapwalk.memory.Reader;

/** Works out expressions of DWARF, as far as rules for frames have them. */
final class StackMachine {
    private static final int DEPTH = 64;
    private static final int LONGEST = 1 << 16;
    /** No expression of a rule takes so many steps, also where it has loops. */
    private static final int MOST_STEPS = 1000;

    private final Reader memory;
    private final RuleBytes bytes;
    private final long[] stack = new long[DEPTH];
    private int depth;

    StackMachine(Reader memory) {
        this.memory = memory;
        this.bytes = new RuleBytes(memory);
    }

    private void push(long value) {
        if (depth == DEPTH) {
            throw new DamagedRulesException("an expression needs too much room");
        }
        stack[depth++] = value;
    }

    private long pop() {
        return stack[--depth];
    }

    private void need(int values) {
        if (depth < values) {
            throw new DamagedRulesException("an expression takes what it has not put there");
        }
    }

    /**
     * Works out an expression.
     *
     * @param block target address of its length
     * @param registers those of the frame
     * @return the last result
     */
    long evaluate(long block, RegisterValues registers) {
        depth = 0;
        return run(block, registers);
    }

    /** As {@link #evaluate(long, RegisterValues)}, with a value that is there from the beginning. */
    long evaluate(long block, RegisterValues registers, long first) {
        depth = 0;
        push(first);
        return run(block, registers);
    }

    private long run(long block, RegisterValues registers) {
        bytes.over(block, block + LONGEST);
        long length = bytes.unsigned();
        long start = bytes.at();
        if (length < 0 || length > bytes.end() - start) {
            throw new DamagedRulesException("an expression is too long");
        }
        bytes.over(start, start + length);
        for (int steps = 0; !bytes.atEnd(); steps++) {
            if (steps == MOST_STEPS) {
                throw new DamagedRulesException("an expression does not end");
            }
            step(bytes.unsignedByte(), start, registers);
        }
        need(1);
        return pop();
    }

    private void step(int code, long start, RegisterValues registers) {
        if (code >= 0x30 && code <= 0x4f) {
            push(code - 0x30);
        } else if (code >= 0x70 && code <= 0x8f) {
            push(registers.get(code - 0x70) + bytes.signed());
        } else if (code >= 0x19 && code <= 0x2e && code != 0x23 && code != 0x28) {
            arithmetic(code);
        } else {
            other(code, start, registers);
        }
    }

    private void other(int code, long start, RegisterValues registers) {
        switch (code) {
            case 0x03, 0x0e, 0x0f -> push(bytes.word());
            case 0x06 -> {
                need(1);
                push(memory.readLong(pop()));
            }
            case 0x08 -> push(bytes.unsignedByte());
            case 0x09 -> push((byte) bytes.unsignedByte());
            case 0x0a -> push(bytes.unsignedShort());
            case 0x0b -> push((short) bytes.unsignedShort());
            case 0x0c -> push(bytes.unsignedInt());
            case 0x0d -> push(bytes.signedInt());
            case 0x10 -> push(bytes.unsigned());
            case 0x11 -> push(bytes.signed());
            case 0x12 -> pick(0);
            case 0x13 -> {
                need(1);
                pop();
            }
            case 0x14 -> pick(1);
            case 0x15 -> pick(bytes.unsignedByte());
            case 0x16 -> rotate(2);
            case 0x17 -> rotate(3);
            case 0x23 -> {
                need(1);
                push(pop() + bytes.unsigned());
            }
            case 0x28 -> {
                int distance = (short) bytes.unsignedShort();
                need(1);
                if (pop() != 0) {
                    jump(distance, start);
                }
            }
            case 0x2f -> jump((short) bytes.unsignedShort(), start);
            case 0x92 -> push(registers.get(bytes.unsigned()) + bytes.signed());
            case 0x94 -> {
                int size = bytes.unsignedByte();
                need(1);
                push(part(pop(), size));
            }
            case 0x96 -> {}
            default -> throw new DamagedRulesException("an expression of an unknown kind");
        }
    }

    private long part(long address, int size) {
        return switch (size) {
            case 1 -> memory.readByte(address) & 0xff;
            case 2 -> memory.readShort(address) & 0xffff;
            case 4 -> memory.readInt(address) & 0xffffffffL;
            case 8 -> memory.readLong(address);
            default -> throw new DamagedRulesException("a part of a word of an unknown size");
        };
    }

    private void jump(int distance, long start) {
        if (bytes.at() + distance < start) {
            throw new DamagedRulesException("an expression jumps to before its beginning");
        }
        bytes.skip(distance);
    }

    private void pick(int index) {
        need(index + 1);
        push(stack[depth - 1 - index]);
    }

    /** Puts the last value below the other ones. */
    private void rotate(int values) {
        need(values);
        long last = stack[depth - 1];
        System.arraycopy(stack, depth - values, stack, depth - values + 1, values - 1);
        stack[depth - values] = last;
    }

    private void arithmetic(int code) {
        if (code == 0x19 || code == 0x1f || code == 0x20) {
            need(1);
            long value = pop();
            push(code == 0x19 ? Math.abs(value) : code == 0x1f ? -value : ~value);
            return;
        }
        need(2);
        long second = pop();
        long first = pop();
        push(
                switch (code) {
                    case 0x1a -> first & second;
                    case 0x1b, 0x1d -> divide(first, second, code == 0x1d);
                    case 0x1c -> first - second;
                    case 0x1e -> first * second;
                    case 0x21 -> first | second;
                    case 0x22 -> first + second;
                    case 0x24 -> second < 0 || second > 63 ? 0 : first << second;
                    case 0x25 -> second < 0 || second > 63 ? 0 : first >>> second;
                    case 0x26 -> first >> Math.clamp(second, 0, 63);
                    case 0x27 -> first ^ second;
                    case 0x29 -> truth(first == second);
                    case 0x2a -> truth(first >= second);
                    case 0x2b -> truth(first > second);
                    case 0x2c -> truth(first <= second);
                    case 0x2d -> truth(first < second);
                    default -> truth(first != second);
                });
    }

    private static long divide(long first, long second, boolean rest) {
        if (second == 0) {
            throw new DamagedRulesException("an expression divides by zero");
        }
        return rest ? Long.remainderUnsigned(first, second) : first / second;
    }

    private static long truth(boolean value) {
        return value ? 1 : 0;
    }
}
