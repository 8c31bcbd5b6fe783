// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.code;

/** What an instruction does. Instructions that do the same to other operands share one. */
enum Operation {
    /** {@code add or adc sbb and sub xor cmp}: which of them, the {@linkplain Instruction#selector selector} says. */
    ARITHMETIC,
    /** {@code test} */
    TEST,
    /** {@code mov} */
    MOVE,
    /** {@code movzx} */
    EXTEND_BY_ZEROS,
    /** {@code movsx}, {@code movsxd} */
    EXTEND_BY_SIGN,
    /** {@code lea} */
    ADDRESS,
    /** {@code imul} of two operands */
    MULTIPLY,
    /** {@code imul} of two operands into a third */
    MULTIPLY_IMMEDIATE,
    /**
     * {@code mul} and {@code imul} of {@code rax} into {@code rdx} and {@code rax}: {@code imul} if the selector is odd
     */
    MULTIPLY_WIDE,
    /** {@code div} and {@code idiv} of {@code rdx} and {@code rax}: {@code idiv} if the selector is odd */
    DIVIDE,
    /** {@code shl shr sar}: which of them, the selector says. */
    SHIFT,
    /** {@code not} */
    NOT,
    /** {@code neg} */
    NEGATE,
    /** {@code inc} */
    INCREMENT,
    /** {@code dec} */
    DECREMENT,
    /** {@code bt} */
    BIT_TEST,
    /** {@code cbw cwde cdqe} */
    WIDEN,
    /** {@code cwd cdq cqo} */
    SPREAD_SIGN,
    /** {@code cmovcc}: the selector is the condition. */
    MOVE_IF,
    /** {@code setcc}: the selector is the condition. */
    SET_IF,
    /** {@code jcc}: the selector is the condition, the immediate the distance. */
    JUMP_IF,
    /** {@code jmp} by a distance */
    JUMP,
    /** {@code jmp} to where an operand says: a table of a {@code switch}, or a function of another library */
    JUMP_TO,
    /** {@code call} by a distance */
    CALL,
    /** {@code call} of what an operand points to */
    CALL_TO,
    /** {@code ret} */
    RETURN,
    /** {@code push} */
    PUSH,
    /** {@code pop} */
    POP,
    /** {@code leave} */
    LEAVE,
    /** {@code nop}, {@code endbr64} */
    NOTHING
}
