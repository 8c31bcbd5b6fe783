// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory;

import dev.heapwalk.memory.machine.Processor;
import java.util.ArrayList;
import java.util.List;

/**
 * The stacks of threads that have ended. glibc keeps them for threads to come, and what the ended ones had on them is
 * still there.
 */
public final class EndedThreads {
    private static final long BUDGET = 1 << 18;
    private static final int ALIGNMENT = 16;

    private EndedThreads() {}

    /**
     * Finds them by the control blocks at their ends, which begin with their own address and have no thread's id any
     * more. Known of glibc on x86-64.
     *
     * @param target a target that stands still
     * @param where what is gone through, such as the mappings that no heap has
     * @return target addresses of the stacks with their control blocks; none where such blocks are not known
     */
    public static List<Range> stacks(Target target, Ranges where) {
        Processor processor = Processor.of(target.machine());
        List<Range> stacks = new ArrayList<>();
        if (processor.threadId() < 0) {
            return stacks;
        }
        AddressSpace memory = target.memory();
        try (PointerScan words = memory.residentPointers(where, where);
                Reader reader = memory.reader(BUDGET)) {
            while (words.next()) {
                long block = words.address();
                if (words.value() == block
                        && block % ALIGNMENT == 0
                        && reader.readLong(block + processor.self(), 0) == block
                        && reader.readInt(block + processor.threadId(), 1) <= 0) {
                    ThreadStack.block(memory, processor, block).ifPresent(stacks::add);
                }
            }
        }
        return stacks;
    }
}
