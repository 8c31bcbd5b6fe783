// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.usage;

import dev.heapwalk.heap.BlockView;
import dev.heapwalk.heap.usage.Categorizer;
import dev.heapwalk.heap.usage.Category;
import dev.heapwalk.memory.UnmappedAddressException;
import dev.heapwalk.memory.Window;
import dev.heapwalk.memory.struct.Words;
import dev.heapwalk.ruby.ObjectReader;
import dev.heapwalk.ruby.RubyVm;
import dev.heapwalk.ruby.SlotCursor;
import dev.heapwalk.ruby.SlotState;
import dev.heapwalk.ruby.layout.ClassLayout;
import dev.heapwalk.ruby.layout.ImemoLayout;
import dev.heapwalk.ruby.layout.ObjectLayout;
import dev.heapwalk.ruby.layout.RubyLayout;
import dev.heapwalk.ruby.layout.TableLayout;
import dev.heapwalk.ruby.object.RArray;
import dev.heapwalk.ruby.object.RBignum;
import dev.heapwalk.ruby.object.RClass;
import dev.heapwalk.ruby.object.RData;
import dev.heapwalk.ruby.object.RHash;
import dev.heapwalk.ruby.object.RObject;
import dev.heapwalk.ruby.object.RString;
import dev.heapwalk.ruby.object.RStruct;
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

    private final RubyVm vm;
    /** Of the walk over the slots; null before it. */
    private SlotCategories names;

    private ObjectReader reader;
    private boolean sorted;
    private final ObjectLayout objects;
    private final ClassLayout classes;
    private final List<Category> categories = new ArrayList<>();
    private final Map<Category, Integer> numbers = new HashMap<>();
    private long[] owned = new long[1 << 12];
    private int count;
    private int index;

    private Category lastCategory;
    private int lastNumber;

    OwnedBuffers(RubyVm vm) {
        this.vm = vm;
        this.objects = RubyLayout.of(vm.series()).object();
        this.classes = RubyLayout.of(vm.series()).classes();
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
        names = slots.categories();
        reader = slots.reader();
        SlotCursor slot = slots.slot();
        if (slot != null && (slot.state() == SlotState.LIVE || slot.state() == SlotState.UNSWEPT)) {
            try {
                take(slot);
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
        Arrays.parallelSort(owned, 0, count);
        sorted = true;
    }

    private void takeInterpreter() {
        add(SlotCategories.category("interpreter", "rb_vm_t"), vm.address());
        add(SlotCategories.category("interpreter", "rb_objspace_t"), vm.objspace());
        Category descriptor = SlotCategories.category("heap page", "descriptor");
        for (int page = 0; page < vm.pages().count(); page++) {
            add(descriptor, vm.pages().descriptor(page));
        }
    }

    private void take(SlotCursor slot) {
        switch (slot.type()) {
            case STRING -> {
                RString string = slot.asString();
                if (!string.embedded() && !string.shared()) {
                    add(slot, string.bytes());
                }
            }
            case ARRAY -> {
                RArray array = slot.asArray();
                if (!array.embedded() && !array.shared()) {
                    add(slot, array.elements());
                }
            }
            case STRUCT -> {
                RStruct struct = slot.asStruct();
                if (!struct.embedded()) {
                    add(slot, struct.members());
                }
            }
            case OBJECT -> {
                RObject object = slot.asObject();
                if (!object.embedded()) {
                    add(slot, object.ivptr());
                }
            }
            case HASH -> {
                RHash hash = slot.asHash();
                long table = hash.table();
                if (!objects.hashInline()) {
                    add(slot, table);
                }
                if (hash.hasTable()) {
                    stTable(slot, table);
                }
            }
            case DATA -> {
                RData data = slot.asData();
                if (!data.embedded()) {
                    add(slot, data.data());
                }
            }
            case REGEXP -> add(slot, slot.asRegexp().pattern());
            case FILE -> add(slot, slot.asFile().state());
            case MATCH -> {
                if (!objects.matchInline()) {
                    add(slot, slot.asMatch().rmatch());
                }
            }
            case BIGNUM -> {
                RBignum bignum = slot.asBignum();
                if (!bignum.embedded()) {
                    add(slot, bignum.digits());
                }
            }
            case CLASS, MODULE, ICLASS -> classTables(slot);
            case IMEMO -> {
                // The body of an instruction sequence, the definition of a method, the values of an environment, a
                // buffer.
                add(slot, slot.asValue().readLong(ImemoLayout.SECOND));
                add(slot, slot.asValue().readLong(ImemoLayout.THIRD));
            }
            default -> {
                // Nothing outside the slot.
            }
        }
    }

    private void classTables(SlotCursor slot) {
        RClass klass = slot.asClass();
        long extension = klass.extension();
        if (!classes.extensionInline()) {
            add(slot, extension);
        }
        if (extension == 0) {
            return;
        }
        idTable(slot, klass.methodTable());
        idTable(slot, klass.constantTable());
        idTable(slot, klass.callableTable());
        add(slot, klass.ivars());
        if (classes.ivIndexTable() >= 0) {
            add(slot, klass.ivIndexTable());
            stTable(slot, klass.ivars());
            stTable(slot, klass.ivIndexTable());
        }
    }

    private void idTable(SlotCursor slot, long table) {
        if (table != 0) {
            add(slot, table);
            add(slot, reader.memory().readLong(table + TableLayout.ID_ITEMS));
        }
    }

    private void stTable(SlotCursor slot, long table) {
        if (table == 0) {
            return;
        }
        long offset = reader.memory().require(table, TableLayout.ST_SIZE);
        long bins = reader.memory().segment().get(Words.LONG, offset + TableLayout.ST_BINS);
        long entries = reader.memory().segment().get(Words.LONG, offset + TableLayout.ST_ENTRIES);
        add(slot, bins);
        add(slot, entries);
    }

    private void add(SlotCursor slot, long address) {
        if (address != 0) {
            add(names.ofBuffer(slot), address);
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
