// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.usage;

import dev.heapwalk.heap.BlockView;
import dev.heapwalk.heap.EdgeSink;
import dev.heapwalk.heap.EdgeSource;
import dev.heapwalk.ruby.ObjectReader;
import dev.heapwalk.ruby.RubyVm;
import dev.heapwalk.ruby.SlotCursor;
import dev.heapwalk.ruby.SlotState;
import dev.heapwalk.ruby.gc.References;

/** The edges of the slots. What is left of a page has none. */
final class SlotEdges implements EdgeSource {
    private final RubyVm vm;
    private final ObjectReader reader;
    private final References references;

    SlotEdges(RubyVm vm) {
        this.vm = vm;
        this.reader = vm.reader();
        this.references = new References(reader);
    }

    @Override
    public boolean edges(long address, EdgeSink sink) {
        return references.edges(address, sink);
    }

    @Override
    public boolean edges(BlockView block, EdgeSink sink) {
        if (!(block instanceof SlotBlocks slots) || slots.vm() != vm) {
            return references.edges(block.address(), sink);
        }
        SlotCursor slot = slots.slot();
        return slot == null || slot.state() == SlotState.FREE || references.edges(slot, sink);
    }

    @Override
    public boolean knowsAllHolders() {
        return true;
    }

    @Override
    public void close() {
        references.close();
        reader.memory().close();
    }
}
