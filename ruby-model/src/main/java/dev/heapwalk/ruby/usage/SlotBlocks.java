// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.usage;

import dev.heapwalk.heap.Block;
import dev.heapwalk.heap.BlockCursor;
import dev.heapwalk.heap.Damage;
import dev.heapwalk.heap.Heap;
import dev.heapwalk.heap.usage.Category;
import dev.heapwalk.ruby.HeapPages;
import dev.heapwalk.ruby.ObjectReader;
import dev.heapwalk.ruby.RubyVm;
import dev.heapwalk.ruby.SlotCursor;
import dev.heapwalk.ruby.SlotState;
import java.util.List;

/** The slots in use as blocks, and for each page one more: its header and its free slots. */
final class SlotBlocks extends SlotView implements BlockCursor {
    private RubyVm vm;
    private HeapPages pages;
    private int firstPage;
    private int endPage;

    private boolean slotAhead;
    /** The page whose slots are walked, -1 if none is. */
    private int walked = -1;

    private long used;

    /** Null if nobody has asked for it yet. */
    private Category category;

    SlotBlocks(RubyVm vm, int firstPage, int endPage) {
        super(vm);
        this.vm = vm;
        this.pages = vm.pages();
        this.firstPage = firstPage;
        this.endPage = endPage;
        slot.within(firstPage, endPage);
    }

    @Override
    public boolean next() {
        category = null;
        while (slotAhead || slot.next()) {
            slotAhead = false;
            if (slot.page() != walked) {
                if (walked >= 0) {
                    // The rest of the page before goes first; this slot comes again.
                    slotAhead = true;
                    return rest();
                }
                walked = slot.page();
                used = 0;
            }
            if (slot.state() != SlotState.FREE) {
                used += slot.slotSize();
                address = slot.address();
                size = slot.slotSize();
                page = walked;
                atSlot = true;
                return true;
            }
        }
        return walked >= 0 && rest();
    }

    private boolean rest() {
        address = pages.body(walked);
        size = pages.bodySize() - used;
        page = walked;
        atSlot = false;
        walked = -1;
        return true;
    }

    @Override
    public void rewind() {
        if (vm.target().runsOn()) {
            reader.forget();
            categories.restart(reader);
        }
        slot.rewind();
        begin();
    }

    @Override
    public boolean rewind(Heap heap) {
        if (!(heap instanceof RubyHeap ruby) || ruby.target() != vm.target()) {
            return false;
        }
        vm = ruby.vm();
        pages = vm.pages();
        firstPage = 0;
        endPage = pages.count();
        reader = reader.over(vm);
        slot = slot.over(reader);
        categories.restart(reader);
        begin();
        return true;
    }

    private void begin() {
        slot.within(firstPage, endPage);
        slotAhead = false;
        atSlot = false;
        walked = -1;
        page = -1;
        category = null;
    }

    @Override
    public void close() {
        slotAhead = false;
        walked = -1;
        slot.close();
        reader.memory().close();
    }

    RubyVm vm() {
        return vm;
    }

    /** What follows the pointers of the slots. */
    ObjectReader reader() {
        return reader;
    }

    SlotCategories categories() {
        return categories;
    }

    /** The cursor over the slots, which is at the block; null if the block is the rest of a page. */
    SlotCursor slot() {
        return atSlot ? slot : null;
    }

    @Override
    public Category category() {
        if (category == null) {
            category = super.category();
        }
        return category;
    }

    @Override
    public long walkedBytes() {
        int behind = slot.page() < firstPage ? 0 : Math.min(slot.page(), endPage) - firstPage;
        return (long) behind * pages.bodySize();
    }

    @Override
    public long totalBytes() {
        return (long) (endPage - firstPage) * pages.bodySize();
    }

    @Override
    public List<Damage> damage() {
        return slot.holes().stream()
                .map(hole -> new Damage(Damage.NOWHERE, -1, hole))
                .toList();
    }

    @Override
    public String toString() {
        return Block.describe(this);
    }
}
