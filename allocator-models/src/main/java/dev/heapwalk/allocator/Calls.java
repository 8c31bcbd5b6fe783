// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.allocator;

import dev.heapwalk.memory.Reader;
import dev.heapwalk.memory.Registers;
import dev.heapwalk.memory.Target;
import dev.heapwalk.memory.ThreadState;
import dev.heapwalk.memory.elf.ElfModule;

/** Whether threads are inside an allocator. */
public final class Calls {
    /** Where a function of the C library that calls the kernel has its return address, in words from the top. */
    private static final int FRAME = 16;

    private Calls() {}

    /**
     * Whether a thread is inside a module, or in a call that the module has just made.
     *
     * @param target a target that stands still
     * @param module what has the allocator
     * @param reader reads the target
     * @return whether one is; unsure where a program has the allocator in itself
     */
    public static boolean into(Target target, ElfModule module, Reader reader) {
        for (ThreadState thread : target.threads()) {
            if (thread.registers().isEmpty()) {
                continue;
            }
            Registers registers = thread.registers().get();
            if (module.contains(registers.programCounter())) {
                return true;
            }
            for (int i = 0; i < FRAME; i++) {
                if (module.contains(reader.readLong(registers.stackPointer() + (long) Long.BYTES * i, 0))) {
                    return true;
                }
            }
        }
        return false;
    }
}
