// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.code;

import dev.heapwalk.memory.Machine;
import java.util.Arrays;
import java.util.Map;

/**
 * Works out what a mark function of the target's would mark, from its machine code: C name {@code
 * rb_data_type_t.function.dmark}, the only one to know what a C extension's object refers to. The code is followed as
 * {@link SizeFunction} does, up to the functions of the garbage collector that it calls: what these are called with is
 * all that is wanted of it, and they are not followed.
 *
 * <p>Nothing of the target is run or changed. A function that can't be followed to its end has told nothing.
 *
 * <p>For x86-64 only. Belongs to one thread.
 */
public final class MarkFunction {
    /** What a function of the target's does with its arguments. */
    public enum Call {
        /** Marks its argument, which is a reference or a special constant. */
        VALUE,
        /** Marks its argument if that is a reference: it may be any word. */
        MAYBE,
        /** Marks all words from one address up to another that may be references. */
        LOCATIONS,
        /** Marks the keys of an {@code st_table}. */
        KEYS,
        /** Marks the values of an {@code st_table}. */
        RECORDS,
        /** Marks the keys and values of an {@code st_table}. */
        ENTRIES,
        /** Nothing that matters here. */
        NOTHING
    }

    /** Knows which function a library means when it calls one for the first time, which the dynamic linker looks up. */
    public interface Linker {
        /**
         * Whether an address lies in the dynamic linker's own code.
         *
         * @param address any number
         * @return whether it does
         */
        boolean contains(long address);

        /**
         * Finds the function that the dynamic linker would find.
         *
         * @param resolver target address of the linker's function that is called for this
         * @param map what it is called with: the library
         * @param index the number of the function there
         * @return target address of the function; 0 if it is not found, or this is no such call
         */
        long bind(long resolver, long map, long index);
    }

    /** About what a loop over a million references takes. */
    private static final int MOST_STEPS = 1 << 24;
    /** So many steps may come to nothing before a function is not tried any more. */
    private static final int MOST_WASTED = 1 << 18;

    /** The most steps for all functions. */
    private static final long MOST_IN_ALL = 1L << 28;

    private static final int STACK = 1 << 16;

    private final boolean understood;
    private final Linker linker;
    private final Emulator emulator;
    private final long[] functions;
    private final Call[] calls;

    private long[] arguments = new long[32];
    private Call[] made = new Call[arguments.length / 2];
    private int count;
    private int steps;
    private long stepsInAll;

    /**
     * Gets ready to follow functions of one target.
     *
     * @param machine the target's processor
     * @param memory the target's memory
     * @param functions target addresses of the functions that are not followed, and what they do; without any, nothing
     *     is worth following
     * @param linker finds functions that were not called yet
     */
    public MarkFunction(Machine machine, CodeMemory memory, Map<Long, Call> functions, Linker linker) {
        this.linker = linker;
        this.understood = machine == Machine.X86_64 && !functions.isEmpty();
        this.functions =
                functions.keySet().stream().mapToLong(Long::longValue).sorted().toArray();
        this.calls = Arrays.stream(this.functions).mapToObj(functions::get).toArray(Call[]::new);
        this.emulator = new Emulator(memory, STACK, this::take);
    }

    private boolean take(long address, Emulator from) {
        long function = address;
        if (linker.contains(address)) {
            function = linker.bind(address, from.stacked(0), from.stacked(1));
            if (function == 0) {
                return false;
            }
            from.go(function, 2);
        }
        int last = functions.length - 1;
        if (function < functions[0] || function > functions[last]) {
            return false;
        }
        int index = Arrays.binarySearch(functions, function);
        if (index < 0) {
            return false;
        }
        Call call = calls[index];
        if (call != Call.NOTHING) {
            if (count == made.length) {
                made = Arrays.copyOf(made, 2 * count);
                arguments = Arrays.copyOf(arguments, 4 * count);
            }
            arguments[2 * count] = from.argument(Registers.RDI);
            arguments[2 * count + 1] = call == Call.LOCATIONS ? from.argument(Registers.RSI) : 0;
            made[count++] = call;
        }
        return true;
    }

    /**
     * Follows a mark function.
     *
     * @param function target address of its first instruction
     * @param argument its only argument
     * @return whether it could be followed to its end; if not, it made no calls
     */
    public boolean call(long function, long argument) {
        count = 0;
        steps = 0;
        if (!understood || stepsInAll > MOST_IN_ALL) {
            return false;
        }
        emulator.begin(function, argument);
        try {
            while (steps++ < MOST_STEPS) {
                if (emulator.step()) {
                    return true;
                }
            }
        } catch (UnknownResultException e) {
            // It is not known what else it would mark.
        } finally {
            stepsInAll += steps;
        }
        count = 0;
        return false;
    }

    /**
     * How many steps the function was followed.
     *
     * @return a count of instructions
     */
    public int steps() {
        return steps;
    }

    /**
     * Whether a function is not worth another try.
     *
     * @param wasted how many {@link #steps} of it have come to nothing
     * @return whether these are too many
     */
    public static boolean hopeless(long wasted) {
        return wasted > MOST_WASTED;
    }

    /**
     * How many calls the function made, in their order.
     *
     * @return a count
     */
    public int count() {
        return count;
    }

    /**
     * What a call does.
     *
     * @param index from 0 to {@link #count()}
     * @return what the function called does
     */
    public Call made(int index) {
        return made[index];
    }

    /**
     * What it is called with.
     *
     * @param index from 0 to {@link #count()}
     * @return the first argument
     */
    public long first(int index) {
        return arguments[2 * index];
    }

    /**
     * What else it is called with.
     *
     * @param index from 0 to {@link #count()}
     * @return the second argument of one that has two, else 0
     */
    public long second(int index) {
        return arguments[2 * index + 1];
    }
}
