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

    /**
     * What is left of a thread.
     *
     * @param stack target addresses of its stack with its control block
     * @param vector target address of the word in the control block that has its vector of thread-local storage: the C
     *     library keeps that with the stack, to use both again
     */
    public record EndedThread(Range stack, long vector) {}

    private EndedThreads() {}

    /**
     * Finds them by the control blocks at their ends, which begin with their own address and have no thread's id any
     * more. Known of glibc on x86-64.
     *
     * @param target a target that stands still
     * @param where what is gone through, such as the mappings that no heap has
     * @return what is left of each; nothing where such blocks are not known
     */
    public static List<EndedThread> of(Target target, Ranges where) {
        Processor processor = Processor.of(target.machine());
        List<EndedThread> found = new ArrayList<>();
        if (processor.threadId() < 0) {
            return found;
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
                    ThreadStack.block(memory, processor, block)
                            .ifPresent(stack -> found.add(new EndedThread(stack, block + processor.dtv())));
                }
            }
        }
        return found;
    }
}
