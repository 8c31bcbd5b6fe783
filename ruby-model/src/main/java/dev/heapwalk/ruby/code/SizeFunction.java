// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.code;

import dev.heapwalk.memory.Machine;
import java.util.OptionalLong;

/**
 * Works out what a small function of the target's would return, from its machine code: C name {@code
 * rb_data_type_t.function.dsize}, which tells the size of what a C extension holds for an object. The code tells it
 * whatever the version of the extension, and structure does not: such a function returns the size of a struct, or of
 * what is in use of it, where malloc knows the size of the block.
 *
 * <p>Understood are the instructions that compilers make of integers, pointers, branches and calls ({@link Opcode} has
 * the table) and a small frame on the stack. What a register or the frame holds is tracked byte by byte as known or
 * unknown. Everything else is <em>unknown</em>, never guessed: floating point and vectors, an instruction that depends
 * on an unknown value, system calls, thread-local storage (but for the word that guards the frame), a write to anything
 * but the frame, and what goes on for too long.
 *
 * <p>Nothing of the target is run or changed, and hostile code is no danger: each step decodes at most 15 bytes into
 * fixed fields, a call takes at most {@value #MOST_STEPS} of them (a {@linkplain #callLong long} one
 * {@value #MOST_STEPS_OF_LONG}), memory is read by checked reads of at most 8 bytes
 * beside the code, and the frame is an array with a checked index. No more is allocated, whatever the code does.
 *
 * <p>For x86-64 only: of other machines' functions nothing is known. Belongs to one thread.
 */
public final class SizeFunction {
    /** What {@link #call} returns where it can't tell; no size is. */
    public static final long UNKNOWN = -1;

    static final int MOST_STEPS = 256;
    /** For a table of the hundred thousand constants of a large program. */
    static final int MOST_STEPS_OF_LONG = 1 << 23;

    private static final int STACK = 512;

    private final boolean understood;
    private final Emulator emulator;

    /**
     * Gets ready to work out functions of one target.
     *
     * @param machine the target's processor
     * @param memory the target's memory
     */
    public SizeFunction(Machine machine, CodeMemory memory) {
        this.understood = machine == Machine.X86_64;
        this.emulator = new Emulator(memory, STACK, (function, called) -> false);
    }

    /**
     * Works out what a function returns.
     *
     * @param function target address of its first instruction
     * @param argument its only argument
     * @return what it returns, from 0 on; {@link #UNKNOWN} if that is not to be found out
     */
    public long call(long function, long argument) {
        return call(function, argument, MOST_STEPS);
    }

    /**
     * As above, for a function that goes through tables.
     *
     * @param function target address of its first instruction
     * @param argument its only argument
     * @return what it returns, from 0 on; {@link #UNKNOWN} if that is not to be found out
     */
    public long callLong(long function, long argument) {
        return call(function, argument, MOST_STEPS_OF_LONG);
    }

    private long call(long function, long argument, int most) {
        if (!understood) {
            return UNKNOWN;
        }
        emulator.begin(function, argument);
        try {
            return returned(most) ? Math.max(emulator.result(), UNKNOWN) : UNKNOWN;
        } catch (UnknownResultException e) {
            return UNKNOWN;
        }
    }

    /**
     * Works out what another small function returns, one of two arguments: C name {@code rb_gvar_getter_t}, which tells
     * the value of a global variable.
     *
     * @param function target address of its first instruction
     * @param first its first argument
     * @param second its second argument
     * @return what it returns; empty if that is not to be found out
     */
    public OptionalLong value(long function, long first, long second) {
        if (!understood) {
            return OptionalLong.empty();
        }
        emulator.begin(function, first, second);
        try {
            return returned(MOST_STEPS) ? OptionalLong.of(emulator.result()) : OptionalLong.empty();
        } catch (UnknownResultException e) {
            return OptionalLong.empty();
        }
    }

    private boolean returned(int most) {
        for (int step = 0; step < most; step++) {
            if (emulator.step()) {
                return true;
            }
        }
        return false;
    }
}
