// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.usage;

import dev.heapwalk.malloc.usage.BlockCursor;
import dev.heapwalk.malloc.usage.Category;
import dev.heapwalk.ruby.HeapPages;
import dev.heapwalk.ruby.RubyVm;
import dev.heapwalk.ruby.SlotCursor;
import dev.heapwalk.ruby.SlotState;
import dev.heapwalk.ruby.layout.RubyLayout;
import java.util.List;

/** The slots in use as blocks, and for each page one more: its header and its free slots. */
final class SlotBlocks implements BlockCursor {
    private final HeapPages pages;
    private final long bodySize;
    private final SlotCursor slot;
    private final SlotCategories categories;
    private final Category rest;

    private boolean slotAhead;
    private int page = -1;
    private long used;

    private long address;
    private long size;
    private Category category;

    SlotBlocks(RubyVm vm, SlotCategories categories) {
        this.pages = vm.pages();
        this.bodySize = RubyLayout.of(vm.series()).page().bodySize();
        this.slot = vm.slots();
        this.categories = categories;
        this.rest = categories.named("heap page", "header and free slots");
    }

    @Override
    public boolean next() {
        while (slotAhead || slot.next()) {
            slotAhead = false;
            if (slot.page() != page) {
                if (page >= 0) {
                    // The rest of the page before goes first; this slot comes again.
                    slotAhead = true;
                    return rest();
                }
                page = slot.page();
                used = 0;
            }
            if (slot.state() != SlotState.FREE) {
                used += slot.slotSize();
                address = slot.address();
                size = slot.slotSize();
                category = categories.ofSlot(slot);
                return true;
            }
        }
        return page >= 0 && rest();
    }

    private boolean rest() {
        address = pages.body(page);
        size = bodySize - used;
        category = rest;
        page = -1;
        return true;
    }

    @Override
    public long address() {
        return address;
    }

    @Override
    public long size() {
        return size;
    }

    @Override
    public Category category() {
        return category;
    }

    @Override
    public List<String> holes() {
        return slot.holes();
    }
}
