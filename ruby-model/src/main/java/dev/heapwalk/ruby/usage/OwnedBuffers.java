// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.usage;

import dev.heapwalk.malloc.usage.Category;
import dev.heapwalk.memory.UnmappedAddressException;
import dev.heapwalk.memory.struct.Words;
import dev.heapwalk.ruby.ObjectReader;
import dev.heapwalk.ruby.RubyVm;
import dev.heapwalk.ruby.SlotCursor;
import dev.heapwalk.ruby.SlotState;
import dev.heapwalk.ruby.layout.ClassLayout;
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

/** The addresses of malloc'ed memory that objects own, each with what it is, found in one walk over all slots. */
final class OwnedBuffers {
    /** An address takes 47 bits, its lowest four are zero, and what is left holds the number of a category. */
    private static final int ADDRESS_BITS = 43;

    private static final int MOST_CATEGORIES = 1 << 63 - ADDRESS_BITS;

    private final SlotCategories names;
    private final ObjectReader reader;
    private final ObjectLayout objects;
    private final ClassLayout classes;
    private final List<Category> categories = new ArrayList<>();
    private final Map<Category, Integer> numbers = new HashMap<>();
    private long[] owned = new long[1 << 12];
    private int count;
    private int index;

    private Category lastCategory;
    private int lastNumber;

    private OwnedBuffers(RubyVm vm, SlotCategories names) {
        this.names = names;
        this.reader = vm.reader();
        this.objects = RubyLayout.of(vm.series()).object();
        this.classes = RubyLayout.of(vm.series()).classes();
    }

    static OwnedBuffers of(RubyVm vm, SlotCategories names) {
        OwnedBuffers buffers = new OwnedBuffers(vm, names);
        SlotCursor slot = vm.slots(buffers.reader);
        while (slot.next()) {
            if (slot.state() == SlotState.LIVE || slot.state() == SlotState.UNSWEPT) {
                try {
                    buffers.take(slot);
                } catch (UnmappedAddressException e) {
                    // What can't be read owns nothing that can be told.
                }
            }
        }
        buffers.takeInterpreter(vm);
        Arrays.parallelSort(buffers.owned, 0, buffers.count);
        return buffers;
    }

    private void takeInterpreter(RubyVm vm) {
        add(names.named("interpreter", "rb_vm_t"), vm.address());
        add(names.named("interpreter", "rb_objspace_t"), vm.objspace());
        Category descriptor = names.named("heap page", "descriptor");
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
                add(slot, slot.asValue().word(16));
                add(slot, slot.asValue().word(24));
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
            add(slot, reader.word(table + TableLayout.ID_ITEMS));
        }
    }

    private void stTable(SlotCursor slot, long table) {
        if (table == 0) {
            return;
        }
        long offset = reader.require(table, TableLayout.ST_SIZE);
        long bins = reader.segment().get(Words.LONG, offset + TableLayout.ST_BINS);
        long entries = reader.segment().get(Words.LONG, offset + TableLayout.ST_ENTRIES);
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
            lastNumber = numbers.computeIfAbsent(category, added -> {
                categories.add(added);
                return categories.size() - 1;
            });
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

    /** What owns the chunk whose content begins at an address, null if nothing that is known does. */
    Category at(long address) {
        long key = address >>> 4;
        // Chunks come in address order but for those that were mapped on their own.
        if (index > 0 && owned[index - 1] >>> 63 - ADDRESS_BITS >= key) {
            index = Arrays.binarySearch(owned, 0, count, key << 63 - ADDRESS_BITS);
            index = index < 0 ? -index - 1 : index;
        }
        while (index < count && owned[index] >>> 63 - ADDRESS_BITS < key) {
            index++;
        }
        return index < count && owned[index] >>> 63 - ADDRESS_BITS == key
                ? categories.get((int) (owned[index] & MOST_CATEGORIES - 1))
                : null;
    }
}
