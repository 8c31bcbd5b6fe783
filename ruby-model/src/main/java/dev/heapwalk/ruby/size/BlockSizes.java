// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.size;

import dev.heapwalk.heap.BlockLookup;
import dev.heapwalk.heap.BlockState;
import dev.heapwalk.memory.UnsupportedTargetException;
import dev.heapwalk.ruby.RubyVm;

/**
 * How large the blocks are that Ruby asked an allocator for, of which only the allocator itself knows. It is looked for
 * when a size is first asked for. For one thread.
 */
final class BlockSizes {
    private final RubyVm vm;
    private boolean looked;
    /** Null if no allocator is known. */
    private BlockLookup blocks;

    BlockSizes(RubyVm vm) {
        this.vm = vm;
    }

    /**
     * C name {@code malloc_usable_size}, in bytes; {@link MemorySizes#UNKNOWN} if no block in use is known to begin at
     * an address.
     */
    long usable(long address) {
        if (!looked) {
            looked = true;
            try {
                blocks = vm.allocators().lookup();
            } catch (UnsupportedTargetException e) {
                // The allocator is none that is known.
                blocks = null;
            }
        }
        return blocks != null
                        && blocks.find(address)
                        && blocks.address() == address
                        && blocks.state() == BlockState.USED
                ? blocks.usableSize()
                : MemorySizes.UNKNOWN;
    }
}
