// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.usage;

import dev.heapwalk.heap.Block;
import dev.heapwalk.heap.BlockLookup;
import dev.heapwalk.heap.BlockState;
import dev.heapwalk.heap.usage.Categorized;
import dev.heapwalk.heap.usage.Category;
import dev.heapwalk.ruby.HeapPages;
import dev.heapwalk.ruby.ObjectReader;
import dev.heapwalk.ruby.RubyVm;
import dev.heapwalk.ruby.SlotCursor;
import dev.heapwalk.ruby.SlotState;

/** Finds the slot that an address lies in, or the rest of its page. */
final class SlotLookup implements BlockLookup, Categorized {
    private final HeapPages pages;
    private final ObjectReader reader;
    private final SlotCursor slot;
    private final SlotCategories categories;
    /** Whether what was read before may be out of date. */
    private final boolean runsOn;

    private boolean closed;
    private int page = -1;
    private boolean atSlot;
    private long address;
    private long size;
    /** The page whose rest was measured last. */
    private int measured = -1;

    private long rest;

    SlotLookup(RubyVm vm) {
        this.pages = vm.pages();
        this.reader = vm.reader();
        this.slot = vm.slots(reader);
        this.categories = new SlotCategories(reader);
        this.runsOn = vm.target().runsOn();
    }

    @Override
    public boolean find(long wanted) {
        if (closed) {
            throw new IllegalStateException("the look-up is closed: it finds nothing any more");
        }
        if (runsOn) {
            forget();
        }
        page = pages.at(wanted);
        if (page < 0) {
            return false;
        }
        long at = pages.slotAround(wanted);
        atSlot = at != 0 && slot.moveTo(at) && slot.state() != SlotState.FREE;
        if (atSlot) {
            address = at;
            size = slot.slotSize();
        } else {
            address = pages.body(page);
            size = rest(page);
        }
        return true;
    }

    private void forget() {
        slot.rewind();
        reader.forget();
        categories.restart(reader);
        measured = -1;
    }

    private long rest(int ofPage) {
        if (ofPage != measured) {
            rest = pages.bodySize();
            slot.within(ofPage, ofPage + 1);
            while (slot.next()) {
                rest -= slot.state() == SlotState.FREE ? 0 : slot.slotSize();
            }
            measured = ofPage;
        }
        return rest;
    }

    @Override
    public void close() {
        closed = true;
        page = -1;
        slot.close();
        reader.memory().close();
    }

    @Override
    public Category category() {
        return atSlot ? categories.ofSlot(slot) : categories.rest();
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
        return page;
    }

    @Override
    public boolean ownMapping() {
        return false;
    }

    @Override
    public String toString() {
        return page < 0 ? "at no block" : Block.describe(this);
    }
}
