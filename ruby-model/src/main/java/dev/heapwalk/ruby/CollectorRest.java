// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby;

import dev.heapwalk.memory.AddressSpace;
import dev.heapwalk.memory.Rest;
import dev.heapwalk.memory.ThreadState;
import dev.heapwalk.memory.UnmappedAddressException;
import dev.heapwalk.ruby.layout.ObjspaceLayout;
import java.util.List;

/** Tells whether the garbage collector is at work, by its flags: a collection takes from microseconds to seconds. */
final class CollectorRest implements Rest {
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
        List<ThreadState> running =
                threads.stream().filter(ThreadState::mayChangeMemory).toList();
        return running.isEmpty() ? threads : running;
    }

    @Override
    public String toString() {
        return (movingOnly ? "objects that move in " : "the collector of ")
                + vm.target().description();
    }
}
