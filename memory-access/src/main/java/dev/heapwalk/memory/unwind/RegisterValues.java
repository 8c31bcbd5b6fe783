// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory.unwind;

/** The registers of a frame by the numbers that DWARF has for them, as far as they are known. */
final class RegisterValues {
    /** More than any processor has that matter for stacks: those of vectors and the like have higher numbers. */
    static final int COUNT = 40;

    private final long[] values = new long[COUNT];
    private long known;

    void clear() {
        known = 0;
    }

    void copy(RegisterValues other) {
        System.arraycopy(other.values, 0, values, 0, COUNT);
        known = other.known;
    }

    void set(int register, long value) {
        values[register] = value;
        known |= 1L << register;
    }

    void forget(int register) {
        known &= ~(1L << register);
    }

    boolean knows(long register) {
        return register >= 0 && register < COUNT && (known >>> register & 1) != 0;
    }

    long get(long register) {
        if (!knows(register)) {
            throw new DamagedRulesException("a rule needs a register that is not known");
        }
        return values[(int) register];
    }
}
