// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.python.layout;

/**
 * C name {@code PyCodeObject}.
 *
 * @param bytes how much of it is read, in bytes
 * @param consts {@code co_consts}
 * @param names {@code co_names}
 * @param filename {@code co_filename}
 * @param name {@code co_name}
 * @param qualname {@code co_qualname}, or -1
 * @param firstLine {@code co_firstlineno}, 32 bits
 * @param flags {@code co_flags}, 32 bits
 * @param lineTable {@code co_lnotab}, since 3.10 {@code co_linetable}
 * @param lines what that table is like
 * @param bytecode {@code co_code}, or {@code co_code_adaptive}, which is within the code itself
 * @param inline whether the bytecode is
 * @param firstTraceable {@code _co_firsttraceable}, 32 bits: the first unit of bytecode behind what prepares a frame; or
 *     -1
 * @param threads {@code co_tlbc}, a {@code _PyCodeArray} of the copies that threads have of the bytecode, or -1
 * @param variables the variables that a frame has
 */
public record CodeLayout(
        int bytes,
        int consts,
        int names,
        int filename,
        int name,
        int qualname,
        int firstLine,
        int flags,
        int lineTable,
        Lines lines,
        int bytecode,
        boolean inline,
        int firstTraceable,
        int threads,
        Variables variables) {
    /** {@code CO_OPTIMIZED}: variables are not in a dictionary. */
    public static final int OPTIMIZED = 1;

    /** The size of a unit of bytecode since 3.6, in bytes. */
    public static final int UNIT = 2;
    /** Where a unit of bytecode has its argument, a byte. */
    public static final int ARGUMENT = 1;

    /** {@code size} of a {@code _PyCodeArray}: how many entries follow. */
    public static final int THREADS_SIZE = 0;
    /** {@code entries}: pointers to the copies, the first of which lies in the code itself. */
    public static final int THREADS_ENTRIES = 8;

    /** What a table of lines is like. */
    public enum Lines {
        /** {@code co_lnotab}: pairs of steps, in bytes of bytecode and in lines, which go forward only. */
        FORWARD,
        /** {@code co_lnotab}: the same, but lines also go back. */
        BOTH_WAYS,
        /** {@code co_linetable} of 3.10: pairs of a length and a step, behind which a range has its end. */
        RANGES,
        /** {@code co_linetable} since 3.11: entries of variable length, which know columns too. */
        LOCATIONS
    }

    /**
     * The variables that a frame has, in its order.
     *
     * @param count {@code co_nlocals}, 32 bits: how many there are that are not shared; since 3.11 {@code
     *     co_nlocalsplus}, how many there are at all
     * @param varnames {@code co_varnames}, or -1
     * @param cellvars {@code co_cellvars}, or -1
     * @param freevars {@code co_freevars}, or -1
     * @param names {@code co_localsplusnames}, or -1
     * @param kinds {@code co_localspluskinds}, a byte for each, or -1
     */
    public record Variables(int count, int varnames, int cellvars, int freevars, int names, int kinds) {
        /** {@code CO_FAST_HIDDEN}: a variable of a comprehension within the code. */
        public static final int HIDDEN = 0x10;
        /** {@code CO_FAST_CELL}: functions within the code share it. */
        public static final int CELL = 0x40;
        /** {@code CO_FAST_FREE}: it belongs to a function around. */
        public static final int FREE = 0x80;
    }

    static CodeLayout of(int version, boolean freeThreaded) {
        return switch (version) {
            case 207 -> split(128, 40, 80, -1, 96, 28, Lines.FORWARD, new Variables(20, 56, 72, 64, -1, -1));
            case 306, 307 -> split(144, 48, 96, -1, 36, 32, Lines.BOTH_WAYS, new Variables(24, 64, 80, 72, -1, -1));
            case 308, 309 -> split(176, 56, 104, -1, 40, 36, Lines.BOTH_WAYS, new Variables(28, 72, 88, 80, -1, -1));
            case 310 -> split(176, 56, 104, -1, 40, 36, Lines.RANGES, new Variables(28, 72, 88, 80, -1, -1));
            case 311 -> whole(72, 168, 184, 76, -1);
            case 312 -> whole(68, 176, 192, 72, -1);
            case 313 -> whole(68, 184, 200, 72, -1);
            default -> freeThreaded ? whole(68, 192, 216, 72, 208) : whole(68, 192, 208, 72, -1);
        };
    }

    /** Bytecode and names of variables lie elsewhere. */
    private static CodeLayout split(
            int bytes, int consts, int filename, int qualname, int firstLine, int flags, Lines lines, Variables all) {
        int name = filename + Long.BYTES;
        return new CodeLayout(
                bytes,
                consts,
                consts + Long.BYTES,
                filename,
                name,
                qualname,
                firstLine,
                flags,
                firstLine > name ? firstLine + Long.BYTES : name + Long.BYTES,
                lines,
                consts - Long.BYTES,
                false,
                -1,
                -1,
                all);
    }

    /** Bytecode ends the code, and all variables have one list of names. */
    private static CodeLayout whole(int firstLine, int firstTraceable, int bytecode, int count, int threads) {
        return new CodeLayout(
                bytecode,
                24,
                32,
                112,
                120,
                128,
                firstLine,
                48,
                136,
                Lines.LOCATIONS,
                bytecode,
                true,
                firstTraceable,
                threads,
                new Variables(count, -1, -1, -1, 96, 104));
    }
}
