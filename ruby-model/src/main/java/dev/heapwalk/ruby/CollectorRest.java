// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby;

import dev.heapwalk.memory.AddressSpace;
import dev.heapwalk.memory.Registers;
import dev.heapwalk.memory.Rest;
import dev.heapwalk.memory.ThreadState;
import dev.heapwalk.memory.UnmappedAddressException;
import dev.heapwalk.ruby.layout.ObjspaceLayout;
import java.util.List;
import java.util.Set;

/** Tells whether the garbage collector is at work, by its flags: a collection takes from microseconds to seconds. */
final class CollectorRest implements Rest {
    /** What the collector calls of the kernel on x86-64: mmap, mprotect, munmap, brk, mremap, madvise. */
    private static final Set<Long> CALLS = Set.of(9L, 10L, 11L, 12L, 25L, 28L);

    private final RubyVm vm;
    private final AddressSpace memory;
    private final ObjspaceLayout layout;

    private final boolean movingOnly;

    /**
     * Prepares to tell.
     *
     * @param vm the virtual machine
     * @param movingOnly whether the collector is only in the way while it moves objects
     */
    CollectorRest(RubyVm vm, boolean movingOnly) {
        this.vm = vm;
        this.movingOnly = movingOnly;
        this.memory = vm.target().memory();
        this.layout = vm.layout().objspace();
    }

    @Override
    public boolean likely() {
        try {
            int flags = memory.readInt(vm.objspace() + layout.flags());
            return movingOnly ? !layout.isMoving(flags) : !layout.isCollecting(flags);
        } catch (UnmappedAddressException e) {
            // It is another program now, or none, which whoever reads it finds out.
            return true;
        }
    }

    @Override
    public List<ThreadState> busy(List<ThreadState> threads) {
        if (likely()) {
            return List.of();
        }
        // The collector runs in one thread, for which those wait that might change the heap.
        List<ThreadState> running = threads.stream()
                .filter(thread ->
                        thread.registers().filter(CollectorRest::mayCollect).isPresent())
                .toList();
        return running.isEmpty() ? threads : running;
    }

    private static boolean mayCollect(Registers registers) {
        long call = registers.get("orig_rax").orElse(-1);
        return call < 0 || CALLS.contains(call);
    }

    @Override
    public String toString() {
        return (movingOnly ? "objects that move in " : "the collector of ")
                + vm.target().description();
    }
}
