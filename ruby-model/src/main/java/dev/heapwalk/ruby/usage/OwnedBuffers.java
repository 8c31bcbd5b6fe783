// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.usage;

import dev.heapwalk.heap.BlockView;
import dev.heapwalk.heap.EdgeSink;
import dev.heapwalk.heap.Heaps;
import dev.heapwalk.heap.usage.Categorizer;
import dev.heapwalk.heap.usage.Category;
import dev.heapwalk.memory.UnmappedAddressException;
import dev.heapwalk.memory.Window;
import dev.heapwalk.ruby.RubyVm;
import dev.heapwalk.ruby.SlotCursor;
import dev.heapwalk.ruby.SlotState;
import dev.heapwalk.ruby.gc.OwnedMemory;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * The addresses of an allocator's memory that objects own, each with what it is. They are collected in one walk over
 * all slots: in that for the usage of all heaps, which comes by the slots first, or else in one of its own.
 */
final class OwnedBuffers implements Categorizer {
    /** An address takes 47 bits, its lowest four are zero, and what is left holds the number of a category. */
    private static final int ADDRESS_BITS = 43;

    private static final int MOST_CATEGORIES = 1 << 63 - ADDRESS_BITS;

    private RubyVm vm;
    /** Of the walk over the slots; null before it. */
    private SlotCategories names;

    private SlotBlocks last;
    private OwnedMemory memory;
    private SlotCursor slot;
    private boolean sorted;
    private final EdgeSink owning = (address, kind, label) -> add(names.ofBuffer(slot), address);
    private final List<Category> categories = new ArrayList<>();
    private final Map<Category, Integer> numbers = new HashMap<>();
    private long[] owned = new long[1 << 12];
    /** For sorting; of the same length. */
    private long[] other = {};

    private final int[] places = new int[1 << Byte.SIZE];
    private int count;
    private int index;

    private Category lastCategory;
    private int lastNumber;

    OwnedBuffers(RubyVm vm) {
        this.vm = vm;
    }

    @Override
    public boolean again(Heaps heaps) {
        RubyHeap now = heaps.find(RubyHeap.class).orElse(null);
        if (now == null || now.target() != vm.target()) {
            return false;
        }
        vm = now.vm();
        names = null;
        last = null;
        memory = null;
        slot = null;
        sorted = false;
        categories.clear();
        numbers.clear();
        count = 0;
        index = 0;
        lastCategory = null;
        return true;
    }

    @Override
    public void note(BlockView block) {
        if (block instanceof SlotBlocks slots && slots.vm() == vm) {
            take(slots);
        }
    }

    @Override
    public Category categorize(BlockView block, Window window) {
        if (!sorted) {
            finish();
        }
        return at(block.address());
    }

    /** Takes what the object in a slot owns. */
    private void take(SlotBlocks slots) {
        if (slots != last) {
            last = slots;
            names = slots.categories();
            memory = new OwnedMemory(slots.reader());
        }
        slot = slots.slot();
        if (slot != null && (slot.state() == SlotState.LIVE || slot.state() == SlotState.UNSWEPT)) {
            try {
                memory.of(slot.asValue(), owning);
            } catch (UnmappedAddressException e) {
                // What can't be read owns nothing that can be told.
            }
        }
    }

    private void finish() {
        // In the walk that this is for nobody came by the slots.
        if (names == null) {
            try (SlotBlocks slots = new SlotBlocks(vm, 0, vm.pages().count())) {
                while (slots.next()) {
                    take(slots);
                }
            }
        }
        takeInterpreter();
        sort();
        sorted = true;
    }

    /** Sorts by one byte after the other from the lowest on, into arrays that are kept: the JDK makes new ones. */
    private void sort() {
        if (other.length != owned.length) {
            other = new long[owned.length];
        }
        for (int shift = 0; shift < Long.SIZE && count > 0; shift += Byte.SIZE) {
            Arrays.fill(places, 0);
            for (int i = 0; i < count; i++) {
                places[digit(owned[i], shift)]++;
            }
            if (places[digit(owned[0], shift)] == count) {
                continue;
            }
            int behind = 0;
            for (int digit = 0; digit < places.length; digit++) {
                int more = places[digit];
                places[digit] = behind;
                behind += more;
            }
            for (int i = 0; i < count; i++) {
                other[places[digit(owned[i], shift)]++] = owned[i];
            }
            long[] sortedSoFar = other;
            other = owned;
            owned = sortedSoFar;
        }
    }

    private static int digit(long word, int shift) {
        return (int) (word >>> shift) & (1 << Byte.SIZE) - 1;
    }

    private void takeInterpreter() {
        add(SlotCategories.category("interpreter", "rb_vm_t"), vm.address());
        add(SlotCategories.category("interpreter", "rb_objspace_t"), vm.objspace());
        Category descriptor = SlotCategories.category("heap page", "descriptor");
        for (int page = 0; page < vm.pages().count(); page++) {
            add(descriptor, vm.pages().descriptor(page));
        }
    }

    private void add(Category category, long address) {
        if (address <= 0 || (address & 15) != 0 || address >>> ADDRESS_BITS + 4 != 0) {
            return;
        }
        if (category != lastCategory) {
            lastNumber = number(category);
            lastCategory = category;
        }
        if (lastNumber >= MOST_CATEGORIES) {
            return;
        }
        if (count == owned.length) {
            owned = Arrays.copyOf(owned, count * 2);
        }
        owned[count++] = address >>> 4 << 63 - ADDRESS_BITS | lastNumber;
    }

    private int number(Category category) {
        Integer known = numbers.get(category);
        if (known == null) {
            known = categories.size();
            numbers.put(category, known);
            categories.add(category);
        }
        return known;
    }

    /** What owns the block that begins at an address. */
    private Category at(long address) {
        long key = address >>> 4;
        // Most blocks come in address order.
        if (index > 0 && owned[index - 1] >>> 63 - ADDRESS_BITS >= key) {
            index = Arrays.binarySearch(owned, 0, count, key << 63 - ADDRESS_BITS);
            index = index < 0 ? -index - 1 : index;
        }
        while (index < count && owned[index] >>> 63 - ADDRESS_BITS < key) {
            index++;
        }
        return index < count && owned[index] >>> 63 - ADDRESS_BITS == key
                ? categories.get((int) (owned[index] & MOST_CATEGORIES - 1))
                : Category.NONE;
    }
}
