// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.python.layout;

/**
 * What a function has while it runs, or waits to go on: C name {@code _PyInterpreterFrame}. Before 3.11 that is the
 * {@code PyFrameObject} itself.
 *
 * @param bytes how much of it is read, in bytes: all but the variables
 * @param code {@code f_code}, since 3.13 {@code f_executable}
 * @param back {@code f_back}, since 3.11 {@code previous}
 * @param globals {@code f_globals}
 * @param locals {@code f_locals}
 * @param object {@code frame_obj}, or -1 where it is an object itself
 * @param instruction {@code f_lasti}, 32 bits, or a pointer, since 3.11 {@code prev_instr} or {@code instr_ptr}
 * @param pointer whether that is a pointer
 * @param step how many bytes of bytecode {@code f_lasti} counts as one
 * @param owner {@code owner}, a byte, or -1
 * @param variables {@code f_localsplus}, since 3.11 {@code localsplus}: the variables and the stack behind them
 * @param tag the bits of {@code f_executable}, and of a variable, that are a tag
 * @param stack where its stack is told
 * @param fromObject {@code f_frame} of a {@code PyFrameObject}, or -1 where that is the same
 * @param copy {@code tlbc_index}, 32 bits: which copy of the bytecode it runs; or -1 where there is one alone
 */
public record ActivationLayout(
        int bytes,
        int code,
        int back,
        int globals,
        int locals,
        int object,
        int instruction,
        boolean pointer,
        int step,
        int owner,
        int variables,
        long tag,
        Stack stack,
        int fromObject,
        int copy) {
    /** {@code FRAME_OWNED_BY_GENERATOR}: it lies in a generator. */
    public static final int OF_GENERATOR = 1;
    /** {@code FRAME_OWNED_BY_FRAME_OBJECT}: it lies in a {@code PyFrameObject}. */
    public static final int OF_OBJECT = 2;
    /** {@code FRAME_OWNED_BY_CSTACK} and what follows: no function of Python runs in it. */
    public static final int OF_NOBODY = 3;

    /**
     * Where the stack behind the variables ends.
     *
     * @param kind how that is told
     * @param top where it is told
     * @param base {@code f_valuestack}, or -1
     */
    public record Stack(Kind kind, int top, int base) {
        /** How the end is told. */
        public enum Kind {
            /** By a pointer behind the last value. */
            POINTER,
            /** By a number of values behind {@link Stack#base()}, 32 bits. */
            DEPTH,
            /** By a number of variables and values, 32 bits. */
            COUNT
        }
    }

    static ActivationLayout of(int version, boolean freeThreaded) {
        return switch (version) {
            case 207, 306 -> object(120, 1, new Stack(Stack.Kind.POINTER, 72, 64), 376);
            case 307, 308, 309 -> object(104, 1, new Stack(Stack.Kind.POINTER, 72, 64), 360);
            case 310 -> object(96, 2, new Stack(Stack.Kind.DEPTH, 80, 64), 352);
            case 311 ->
                new ActivationLayout(
                        72, 32, 48, 8, 24, 40, 56, true, 1, 69, 72, 0, new Stack(Stack.Kind.COUNT, 64, -1), 24, -1);
            case 312, 313 ->
                new ActivationLayout(
                        72, 0, 8, 24, 40, 48, 56, true, 1, 70, 72, 0, new Stack(Stack.Kind.COUNT, 64, -1), 24, -1);
            default ->
                new ActivationLayout(
                        80,
                        0,
                        8,
                        24,
                        40,
                        48,
                        56,
                        true,
                        1,
                        freeThreaded ? 78 : 74,
                        80,
                        3,
                        new Stack(Stack.Kind.POINTER, 64, -1),
                        24,
                        freeThreaded ? 72 : -1);
        };
    }

    private static ActivationLayout object(int lasti, int step, Stack stack, int variables) {
        return new ActivationLayout(
                lasti + Long.BYTES, 32, 24, 48, 56, -1, lasti, false, step, -1, variables, 0, stack, -1, -1);
    }
}
