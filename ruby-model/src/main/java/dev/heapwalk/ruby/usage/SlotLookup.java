// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.usage;

import dev.heapwalk.heap.Block;
import dev.heapwalk.heap.BlockLookup;
import dev.heapwalk.memory.Target;
import dev.heapwalk.ruby.HeapPages;
import dev.heapwalk.ruby.RubyVm;
import dev.heapwalk.ruby.SlotState;

/** Finds the slot that an address lies in, or the rest of its page. */
final class SlotLookup extends SlotView implements BlockLookup {
    private final HeapPages pages;
    private final Target target;
    /** The moment that what was read before belongs to. */
    private long moment;

    private boolean closed;
    /** The page whose rest was measured last. */
    private int measured = -1;

    private long rest;

    SlotLookup(RubyVm vm) {
        super(vm);
        this.pages = vm.pages();
        this.target = vm.target();
        this.moment = target.moment();
    }

    @Override
    public boolean find(long wanted) {
        if (closed) {
            throw new IllegalStateException("the look-up is closed: it finds nothing any more");
        }
        long now = target.moment();
        if (now == 0 || now != moment) {
            moment = now;
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
    public String toString() {
        return page < 0 ? "at no block" : Block.describe(this);
    }
}
