// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory.linux;

import dev.heapwalk.memory.raw.Words;
import java.lang.foreign.MemorySegment;

/**
 * A program in the language of packet filters, such as the kernel runs at each system call of a thread that has one
 * ({@code seccomp}). It is run here on a call that has not been made.
 */
final class FilterProgram {
    /** {@code sizeof(struct sock_filter)}. */
    static final int INSTRUCTION = 8;

    /** {@code BPF_MAXINSNS}. */
    static final int MOST_INSTRUCTIONS = 4096;

    /** {@code sizeof(struct seccomp_data)}: the call's number, the processor, the instruction, six arguments. */
    static final int CALL = 64;

    private static final int ALLOW = 0x7fff0000;
    private static final int LOG = 0x7ffc0000;
    private static final int ACTION = 0xffff0000;
    private static final int MEMORY = 16;

    private FilterProgram() {}

    /**
     * Whether a program allows a call.
     *
     * @param program {@code struct sock_filter} one behind the other
     * @param length how many
     * @param call a {@code struct seccomp_data}
     * @return whether it does; false also of a program that is not understood
     */
    static boolean allows(MemorySegment program, int length, MemorySegment call) {
        int[] memory = new int[MEMORY];
        int a = 0;
        int x = 0;
        // It jumps forwards alone, so it ends.
        for (int at = 0; at >= 0 && at < length; at++) {
            long base = (long) at * INSTRUCTION;
            int code = Short.toUnsignedInt(program.get(Words.SHORT, base));
            int k = program.get(Words.INT, base + 4);
            int operand = (code & 0x08) != 0 ? x : k;
            switch (code & 0x07) {
                case 0x00, 0x01 -> {
                    Integer loaded = loaded(code, k, call, memory);
                    if (loaded == null) {
                        return false;
                    }
                    a = (code & 1) == 0 ? loaded : a;
                    x = (code & 1) == 0 ? x : loaded;
                }
                case 0x02, 0x03 -> {
                    if (k < 0 || k >= MEMORY) {
                        return false;
                    }
                    memory[k] = (code & 1) == 0 ? a : x;
                }
                case 0x04 -> {
                    if (operand == 0 && (code & 0xf0) == 0x30) {
                        return false;
                    }
                    a = calculated(code & 0xf0, a, operand);
                }
                case 0x05 -> {
                    long jump = (code & 0xf0) == 0x00
                            ? Integer.toUnsignedLong(k)
                            : Byte.toUnsignedInt(program.get(Words.BYTE, base + (holds(code, a, operand) ? 2 : 3)));
                    if (jump > length) {
                        return false;
                    }
                    at += (int) jump;
                }
                case 0x06 -> {
                    int action = ((code & 0x18) == 0x10 ? a : k) & ACTION;
                    return action == ALLOW || action == LOG;
                }
                default -> {
                    x = code == 0x07 ? a : x;
                    a = code == 0x07 ? a : x;
                }
            }
        }
        return false;
    }

    /** What an instruction loads; null if it is none that such a program may have. */
    private static Integer loaded(int code, int k, MemorySegment call, int[] memory) {
        return switch (code & 0xe0) {
            case 0x00 -> k;
            case 0x20 -> k >= 0 && k + 4 <= CALL && (k & 3) == 0 ? call.get(Words.INT, k) : null;
            case 0x60 -> k >= 0 && k < MEMORY ? memory[k] : null;
            case 0x80 -> CALL;
            default -> null;
        };
    }

    private static int calculated(int operation, int a, int operand) {
        return switch (operation) {
            case 0x00 -> a + operand;
            case 0x10 -> a - operand;
            case 0x20 -> a * operand;
            case 0x30 -> Integer.divideUnsigned(a, operand);
            case 0x40 -> a | operand;
            case 0x50 -> a & operand;
            case 0x60 -> a << operand;
            case 0x70 -> a >>> operand;
            case 0x80 -> -a;
            case 0xa0 -> a ^ operand;
            default -> 0;
        };
    }

    private static boolean holds(int code, int a, int operand) {
        return switch (code & 0xf0) {
            case 0x10 -> a == operand;
            case 0x20 -> Integer.compareUnsigned(a, operand) > 0;
            case 0x30 -> Integer.compareUnsigned(a, operand) >= 0;
            default -> (a & operand) != 0;
        };
    }
}
