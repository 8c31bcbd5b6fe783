// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.usage;

import dev.heapwalk.heap.BlockState;
import dev.heapwalk.heap.usage.Categorized;
import dev.heapwalk.heap.usage.Category;
import dev.heapwalk.ruby.ObjectReader;
import dev.heapwalk.ruby.RubyVm;
import dev.heapwalk.ruby.SlotCursor;

/** A slot in use as a block, or what else a page has: its header and its free slots. */
abstract class SlotView implements Categorized {
    final SlotCategories categories;
    ObjectReader reader;
    SlotCursor slot;

    /** Whether the cursor over the slots is at the block. */
    boolean atSlot;

    /** The page that the block lies in, -1 if there is no block. */
    int page = -1;

    long address;
    long size;

    SlotView(RubyVm vm) {
        this.reader = vm.reader();
        this.slot = vm.slots(reader);
        this.categories = new SlotCategories(reader);
    }

    @Override
    public Category category() {
        return atSlot ? categories.ofSlot(slot) : categories.rest();
    }

    @Override
    public final long address() {
        return address;
    }

    @Override
    public final long size() {
        return size;
    }

    @Override
    public final long usableSize() {
        return size;
    }

    @Override
    public final BlockState state() {
        return BlockState.USED;
    }

    @Override
    public final int nameIndex() {
        return 0;
    }

    @Override
    public final String name() {
        return RubyHeap.USED;
    }

    @Override
    public final int region() {
        return page;
    }

    @Override
    public final boolean ownMapping() {
        return false;
    }
}
