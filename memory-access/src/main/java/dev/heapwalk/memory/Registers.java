// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory;

import dev.heapwalk.memory.machine.Processor;
import java.util.List;
import java.util.OptionalLong;

/** The registers of one thread at the moment it stood still. */
public final class Registers {
    private final Processor processor;
    private final long[] general;
    private final long threadPointer;

    /**
     * Keeps registers. For Heapwalk's own modules alone, which know the processors.
     *
     * @param processor whose they are
     * @param general the general registers in the order of {@link #names()}; kept, not copied
     * @param threadPointer the thread pointer, 0 where it is not known
     */
    @SuppressWarnings("exports")
    public Registers(Processor processor, long[] general, long threadPointer) {
        this.processor = processor;
        this.general = general;
        this.threadPointer = threadPointer;
    }

    /** The processor whose registers they are. A program for x32 has those of x86-64. */
    Processor processor() {
        return processor;
    }

    /**
     * The address of the next instruction: {@code rip}, {@code pc}.
     *
     * @return a target address, 0 where it is not known
     */
    public long programCounter() {
        return at(processor.programCounter());
    }

    /**
     * The address of the top of the stack: {@code rsp}, {@code sp}.
     *
     * @return a target address, 0 where it is not known
     */
    public long stackPointer() {
        return at(processor.stackPointer());
    }

    /**
     * The address that thread-local storage and the C library's control block of the thread are found by: {@code
     * fs_base}, {@code tpidr_el0}.
     *
     * @return a target address, 0 where it is not known
     */
    public long threadPointer() {
        return threadPointer;
    }

    /**
     * Every general-purpose register as the kernel's {@code user_regs_struct} orders them, for conservative scans.
     *
     * @return the registers; the caller does not change them
     */
    public long[] general() {
        return general;
    }

    /**
     * The names of the general registers, as gdb has them.
     *
     * @return an unmodifiable list, in the order of {@link #general()}
     */
    public List<String> names() {
        return processor.registerNames();
    }

    /**
     * A register by the name that gdb has for it: one of {@link #names()}, {@code pc}, {@code sp}, or {@code tpidr} on
     * aarch64.
     *
     * @param name such as {@code rip}
     * @return its value, without its sign if it has 32 bits; empty if this processor has no such register
     */
    public OptionalLong get(String name) {
        int index = processor.registerNames().indexOf(name);
        if (index < 0) {
            index = switch (name) {
                case "pc" -> processor.programCounter();
                case "sp" -> processor.stackPointer();
                default -> -1;
            };
        }
        if (index >= 0 && index < general.length) {
            return OptionalLong.of(general[index]);
        }
        return !name.isEmpty() && name.equals(processor.threadPointerName())
                ? OptionalLong.of(threadPointer)
                : OptionalLong.empty();
    }

    private long at(int index) {
        return index >= 0 && index < general.length ? general[index] : 0;
    }

    @Override
    public String toString() {
        StringBuilder text = new StringBuilder();
        for (int i = 0; i < Math.min(general.length, names().size()); i++) {
            text.append(i == 0 ? "" : " ").append(names().get(i)).append("=0x").append(Long.toHexString(general[i]));
        }
        return text.toString();
    }
}
