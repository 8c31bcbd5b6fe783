// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.usage;

import dev.heapwalk.malloc.ChunkCursor;
import dev.heapwalk.malloc.MallocHeap;
import dev.heapwalk.malloc.usage.BlockCursor;
import dev.heapwalk.malloc.usage.Category;
import dev.heapwalk.malloc.usage.Suballocator;
import dev.heapwalk.memory.UnsupportedTargetException;
import dev.heapwalk.memory.Window;
import dev.heapwalk.ruby.HeapPages;
import dev.heapwalk.ruby.RubyVm;

/** Knows the slots of CRuby's heap and the chunks that they own: strings' bytes, arrays' elements, hashes' tables. */
public final class RubyUsage implements Suballocator {
    private RubyVm vm;
    private HeapPages pages;
    private SlotCategories categories;
    private OwnedBuffers buffers;

    /** For the service loader. */
    public RubyUsage() {}

    @Override
    public boolean prepare(MallocHeap heap) {
        if (!RubyVm.isLikely(heap.target())) {
            return false;
        }
        try {
            vm = vm == null || vm.target() != heap.target() ? RubyVm.locate(heap.target()) : vm.refresh();
        } catch (UnsupportedTargetException e) {
            // Then what Ruby has is malloc's chunks like any other.
            return false;
        }
        pages = vm.pages();
        categories = new SlotCategories(vm.reader());
        buffers = OwnedBuffers.of(vm, categories);
        return true;
    }

    @Override
    public int priority() {
        return 100;
    }

    @Override
    public Category categorize(ChunkCursor chunk, Window window) {
        return buffers.at(chunk.userAddress());
    }

    @Override
    public boolean holds(ChunkCursor chunk) {
        int page = pages.at(chunk.userAddress());
        return page >= 0 && pages.body(page) == chunk.userAddress();
    }

    @Override
    public BlockCursor blocks() {
        return new SlotBlocks(vm, categories);
    }
}
