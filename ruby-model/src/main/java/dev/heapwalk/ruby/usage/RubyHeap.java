// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.usage;

import dev.heapwalk.heap.Block;
import dev.heapwalk.heap.BlockCursor;
import dev.heapwalk.heap.BlockLookup;
import dev.heapwalk.heap.BlockView;
import dev.heapwalk.heap.Column;
import dev.heapwalk.heap.Damage;
import dev.heapwalk.heap.EdgeSource;
import dev.heapwalk.heap.Evidence;
import dev.heapwalk.heap.Heap;
import dev.heapwalk.heap.HeapLayer;
import dev.heapwalk.heap.RootSource;
import dev.heapwalk.heap.RowSink;
import dev.heapwalk.heap.Table;
import dev.heapwalk.heap.usage.Categorizer;
import dev.heapwalk.heap.usage.Domain;
import dev.heapwalk.memory.Rest;
import dev.heapwalk.memory.Target;
import dev.heapwalk.ruby.HeapPages;
import dev.heapwalk.ruby.RubyVm;
import java.util.List;
import java.util.Objects;
import java.util.Optional;

/**
 * The heap of CRuby as a heap like others: the slots in use are blocks, and of each page what is left, its header and
 * its free slots, is one more. The pages lie in blocks of malloc or in mappings of their own. Cursors and look-ups tell
 * what each slot is used for.
 */
public final class RubyHeap implements Heap {
    /** The domain of all that CRuby has. */
    public static final Domain DOMAIN = new Domain("ruby");

    static final String USED = "USED";
    private static final List<String> NAMES = List.of(USED);

    private final RubyVm vm;
    /** For {@link #blockAt}; null until that is asked. */
    private SlotLookup shared;

    /**
     * Makes the heap of a virtual machine.
     *
     * @param vm a virtual machine that was located
     */
    public RubyHeap(RubyVm vm) {
        this.vm = Objects.requireNonNull(vm);
    }

    /**
     * The virtual machine.
     *
     * @return the virtual machine, which knows more of the heap
     */
    public RubyVm vm() {
        return vm;
    }

    /**
     * What knows the blocks of other heaps that Ruby's objects own: strings' bytes, arrays' elements, hashes' tables.
     * The objects are looked at when it is first asked.
     *
     * @return a new categorizer, for one thread
     */
    public Categorizer ownedBlocks() {
        return new OwnedBuffers(vm);
    }

    @Override
    public Target target() {
        return vm.target();
    }

    @Override
    public String name() {
        return "CRuby";
    }

    @Override
    public HeapLayer layer() {
        return HeapLayer.RUNTIME;
    }

    @Override
    public BlockCursor blocks() {
        return new SlotBlocks(vm, 0, vm.pages().count());
    }

    /**
     * {@inheritDoc}
     *
     * @param region the index of a page
     */
    @Override
    public BlockCursor blocks(int region) {
        return new SlotBlocks(vm, Objects.checkIndex(region, vm.pages().count()), region + 1);
    }

    @Override
    public BlockLookup lookup() {
        return new SlotLookup(vm);
    }

    @Override
    public synchronized Optional<Block> blockAt(long address) {
        if (shared == null) {
            shared = new SlotLookup(vm);
        }
        return shared.find(address) ? Optional.of(Block.of(shared)) : Optional.empty();
    }

    @Override
    public Optional<EdgeSource> edges() {
        return Optional.of(new SlotEdges(vm));
    }

    @Override
    public Optional<RootSource> roots() {
        return Optional.of(new SlotRoots(vm));
    }

    @Override
    public boolean manages(BlockView outer) {
        long address = outer.address();
        int page = vm.pages().at(address);
        return page >= 0 && vm.pages().body(page) == address;
    }

    @Override
    public boolean isOwn(BlockView block) {
        return block instanceof SlotView view && !view.atSlot;
    }

    @Override
    public List<String> names() {
        return NAMES;
    }

    /**
     * {@inheritDoc} The pages.
     */
    @Override
    public Table regions() {
        return new Pages(vm.pages());
    }

    private record Pages(HeapPages pages) implements Table {
        private static final List<Column> COLUMNS = List.of(
                Column.id("Page", "page"),
                Column.address("Address", "address"),
                Column.size("Slot size", "slot_size"),
                Column.sum("Slots", "slots"));

        @Override
        public List<Column> columns() {
            return COLUMNS;
        }

        @Override
        public void rows(RowSink sink) {
            for (int page = 0; page < pages.count(); page++) {
                sink.number(page);
                sink.address(pages.body(page));
                sink.number(pages.slotSize(page));
                sink.number(pages.slots(page));
                sink.end();
            }
        }
    }

    @Override
    public List<Evidence> evidence() {
        return vm.evidence();
    }

    @Override
    public List<Damage> damage() {
        return List.of();
    }

    /** {@inheritDoc} What the collector was changing when the heap was located, or has changed since. */
    @Override
    public List<String> missing() {
        if (vm.collection() == RubyVm.Collection.RUNNING) {
            return List.of("a garbage collection was running in %s, so anything in its heap may have been halfway"
                            .formatted(this)
                    + " through a change");
        }
        return !target().still() && vm.changed()
                ? List.of(
                        "the garbage collector changed the heap of %s while it was looked at, so the answer may be torn"
                                .formatted(this))
                : List.of();
    }

    @Override
    public Rest rest() {
        return vm.rest();
    }

    @Override
    public RubyHeap refresh() {
        RubyVm now = vm.refresh();
        return now == vm ? this : new RubyHeap(now);
    }

    @Override
    public String toString() {
        return "%s %s in %s".formatted(name(), vm.version(), target().description());
    }
}
