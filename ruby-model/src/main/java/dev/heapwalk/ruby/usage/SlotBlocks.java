// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.usage;

import dev.heapwalk.heap.Block;
import dev.heapwalk.heap.BlockCursor;
import dev.heapwalk.heap.BlockState;
import dev.heapwalk.heap.Damage;
import dev.heapwalk.heap.Heap;
import dev.heapwalk.heap.usage.Categorized;
import dev.heapwalk.heap.usage.Category;
import dev.heapwalk.ruby.HeapPages;
import dev.heapwalk.ruby.ObjectReader;
import dev.heapwalk.ruby.RubyVm;
import dev.heapwalk.ruby.SlotCursor;
import dev.heapwalk.ruby.SlotState;
import java.util.List;

/** The slots in use as blocks, and for each page one more: its header and its free slots. */
final class SlotBlocks implements BlockCursor, Categorized {
    private RubyVm vm;
    private HeapPages pages;
    private int firstPage;
    private int endPage;
    private ObjectReader reader;
    private SlotCursor slot;
    private final SlotCategories categories;

    private boolean slotAhead;
    private boolean atSlot;
    /** The page whose slots are walked, -1 if none is. */
    private int page = -1;

    private long used;

    private int blockPage = -1;
    private long address;
    private long size;
    /** Null if nobody has asked for it yet. */
    private Category category;

    SlotBlocks(RubyVm vm, int firstPage, int endPage) {
        this.vm = vm;
        this.pages = vm.pages();
        this.firstPage = firstPage;
        this.endPage = endPage;
        this.reader = vm.reader();
        this.slot = vm.slots(reader);
        this.categories = new SlotCategories(reader);
        slot.within(firstPage, endPage);
    }

    @Override
    public boolean next() {
        category = null;
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
                blockPage = page;
                atSlot = true;
                return true;
            }
        }
        return page >= 0 && rest();
    }

    private boolean rest() {
        address = pages.body(page);
        size = pages.bodySize() - used;
        blockPage = page;
        atSlot = false;
        page = -1;
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
        page = -1;
        blockPage = -1;
        category = null;
    }

    @Override
    public void close() {
        slotAhead = false;
        page = -1;
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
            category = atSlot ? categories.ofSlot(slot) : categories.rest();
        }
        return category;
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
    public long usableSize() {
        return size;
    }

    @Override
    public BlockState state() {
        return BlockState.USED;
    }

    @Override
    public int nameIndex() {
        return 0;
    }

    @Override
    public String name() {
        return RubyHeap.USED;
    }

    @Override
    public int region() {
        return blockPage;
    }

    @Override
    public boolean ownMapping() {
        return false;
    }

    @Override
    public long walkedBytes() {
        int walked = slot.page() < firstPage ? 0 : Math.min(slot.page(), endPage) - firstPage;
        return (long) walked * pages.bodySize();
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
