// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.python;

import dev.heapwalk.memory.AddressSpace;
import dev.heapwalk.memory.LongTable;
import dev.heapwalk.memory.Range;
import dev.heapwalk.memory.Reader;
import dev.heapwalk.python.layout.IntLayout;
import dev.heapwalk.python.layout.ObjectLayout;
import dev.heapwalk.python.layout.PythonLayout;
import dev.heapwalk.python.layout.TypeLayout;
import java.util.Arrays;
import java.util.List;

/**
 * All types of a runtime, with what tells of any block whether it holds an object: how far before the object it begins,
 * and how large the object is. A type has a number, which is found by its address.
 */
final class TypeTable {
    /** How the size of an object is told. */
    static final int PLAIN = 0;

    static final int ITEMS = 1;
    static final int NUMBER = 2;
    static final int TEXT = 3;
    static final int GENERATOR = 4;
    static final int FRAME = 5;
    static final int WITH_VALUES = 6;

    // The bits of a type's traits.
    private static final int BEFORE = 0xFF;
    private static final int KIND_SHIFT = 8;
    private static final int KIND = 0xFF;
    private static final int COLLECTED = 1 << 16;

    /** Keys that differ in few bits come to lie far from each other. */
    private static final long SPREAD = 0x9e3779b97f4a7c15L;
    /** Of so many places one is taken at most. */
    private static final int SPARE = 4;

    private static final long LARGEST = 1L << 40;
    /** So many items as there is room for, each of this size, are no more bytes than a long tells. */
    private static final long LARGEST_ITEM = 1L << 20;

    private static final int LONGEST_NAME = 64;
    private static final int DEEPEST = 64;
    private static final long METATYPE = 1;
    private static final List<String> GENERATORS = List.of("generator", "coroutine", "async_generator");

    private final PythonLayout layout;
    /** How far the fields of an object are behind where it begins. */
    private final int head;

    private final Reader memory;
    private final long typeType;
    /** Which types are types of types. */
    private final LongTable metatypes = new LongTable();

    // Where a type is found by its address: places are free where a key is 0, and most are, since most of what is
    // looked
    // up is no type. This is asked up to three times for each block of a heap.
    private long[] keys = new long[1 << 12];
    private long[] found = new long[1 << 12];
    private int count;
    private int inModules;
    private long[] addresses = new long[1 << 10];
    private long[] flags = new long[1 << 10];
    private long[] basicsizes = new long[1 << 10];
    private long[] itemsizes = new long[1 << 10];
    private int[] traits = new int[1 << 10];

    TypeTable(PythonLayout layout, Reader memory, long typeType) {
        this.layout = layout;
        this.head = layout.object().shift();
        this.memory = memory;
        this.typeType = typeType;
        metatypes.put(typeType, METATYPE);
        Arrays.fill(found, -1);
    }

    /** Finds the types among the variables of modules. */
    void scan(AddressSpace space, List<Range> variables) {
        VariableScan scan = new VariableScan(space, variables);
        while (scan.next()) {
            if (isMetatype(scan.word())) {
                take(scan.address() - ObjectLayout.TYPE - head);
            }
        }
        inModules = count;
    }

    /** The types that are no blocks come first: how many there are. */
    int inModules() {
        return inModules;
    }

    /** Takes the type at an address, if it is one. */
    void take(long address) {
        if (!isMetatype(memory.readLong(address + head + ObjectLayout.TYPE, 0)) || number(address) >= 0) {
            return;
        }
        long basicsize = memory.readLong(address + head + TypeLayout.BASICSIZE, 0) - head;
        long itemsize = memory.readLong(address + head + TypeLayout.ITEMSIZE, -1);
        long base = memory.readLong(address + head + TypeLayout.BASE, -1);
        boolean whole = layout.object().isInUse(layout.object().references(memory, address))
                && basicsize >= ObjectLayout.BYTES
                && basicsize < LARGEST
                && itemsize >= 0
                && itemsize < LARGEST_ITEM
                && (base == 0
                        ? isWithoutBase(address)
                        : isMetatype(memory.readLong(base + head + ObjectLayout.TYPE, 0)));
        if (whole) {
            add(address, basicsize, itemsize);
        }
    }

    /** All are derived from {@code object}, but C code may use a type that nobody has made ready. */
    private boolean isWithoutBase(long address) {
        return memory.readLong(typeType + head + TypeLayout.BASE, 0) == address
                || (memory.readLong(address + head + TypeLayout.FLAGS, 0) & (TypeLayout.READY | TypeLayout.HEAPTYPE))
                        == 0;
    }

    private void add(long address, long basicsize, long itemsize) {
        if (count == addresses.length) {
            addresses = Arrays.copyOf(addresses, 2 * count);
            flags = Arrays.copyOf(flags, 2 * count);
            basicsizes = Arrays.copyOf(basicsizes, 2 * count);
            itemsizes = Arrays.copyOf(itemsizes, 2 * count);
            traits = Arrays.copyOf(traits, 2 * count);
        }
        long flag = memory.readLong(address + head + TypeLayout.FLAGS, 0);
        ObjectLayout object = layout.object();
        addresses[count] = address;
        flags[count] = flag;
        basicsizes[count] = basicsize;
        itemsizes[count] = itemsize;
        int before = ((flag & TypeLayout.HAVE_GC) != 0 ? object.gcHead() : 0)
                + ((flag & object.preHeaderFlags()) != 0 ? ObjectLayout.PRE_HEADER : 0);
        traits[count] = before
                | kind(address, flag, itemsize) << KIND_SHIFT
                | ((flag & TypeLayout.HAVE_GC) != 0 ? COLLECTED : 0);
        count++;
        if (count > keys.length / SPARE) {
            keys = new long[2 * keys.length];
            found = new long[keys.length];
            Arrays.fill(found, -1);
            for (int i = 0; i < count; i++) {
                place(i);
            }
        } else {
            place(count - 1);
        }
    }

    private void place(int number) {
        int place = place(addresses[number]);
        while (keys[place] != 0) {
            place = place + 1 & keys.length - 1;
        }
        keys[place] = addresses[number];
        found[place] = (long) traits[number] << Integer.SIZE | number;
    }

    private int place(long address) {
        return (int) (address * SPREAD >>> Integer.SIZE) & keys.length - 1;
    }

    private int kind(long address, long flag, long itemsize) {
        if (layout.number().tagged() && (flag & TypeLayout.LONG_SUBCLASS) != 0) {
            return NUMBER;
        }
        // Text of a derived type lies elsewhere.
        if ((flag & layout.type().inlineValues()) != 0) {
            return WITH_VALUES;
        }
        if (layout.string().asciiSize() >= 0 && (flag & TypeLayout.UNICODE_SUBCLASS) != 0) {
            return TEXT;
        }
        if (itemsize == 0) {
            return PLAIN;
        }
        if (layout.frame().generatorCode() >= 0 && (flag & TypeLayout.HEAPTYPE) == 0) {
            String name = memory.readCString(memory.readLong(address + head + TypeLayout.TP_NAME, 0), LONGEST_NAME, "");
            if (name.equals("frame")) {
                return FRAME;
            }
            if (GENERATORS.contains(name)) {
                return GENERATOR;
            }
        }
        return ITEMS;
    }

    /** Whether the objects of a type are types: it is derived from {@code type}, and so is its own type. */
    private boolean isMetatype(long address) {
        if (address == typeType) {
            return true;
        }
        if ((address & 7) != 0 || !memory.memory().mappings().writable(address, TypeLayout.BYTES)) {
            return false;
        }
        if ((memory.readLong(address + head + TypeLayout.FLAGS, 0) & TypeLayout.TYPE_SUBCLASS) == 0) {
            return false;
        }
        long known = metatypes.get(address, -1);
        if (known < 0) {
            known = leadsToType(address, TypeLayout.BASE) && leadsToType(address, ObjectLayout.TYPE) ? METATYPE : 0;
            metatypes.put(address, known);
        }
        return known == METATYPE;
    }

    private boolean leadsToType(long address, int field) {
        long at = address;
        for (int i = 0; i < DEEPEST && at != 0 && (at & 7) == 0; i++) {
            if (at == typeType) {
                return true;
            }
            at = memory.readLong(at + head + field, 0);
        }
        return false;
    }

    /** The number of the type at an address, -1 if there is none. */
    int number(long address) {
        return numberOf(find(address));
    }

    /** The number and the traits of the type at an address, for {@link #numberOf} and {@link #traits}; or -1. */
    long find(long address) {
        long[] all = keys;
        int place = place(address);
        long key = all[place];
        while (key != address) {
            if (key == 0) {
                return -1;
            }
            place = place + 1 & all.length - 1;
            key = all[place];
        }
        return found[place];
    }

    /** Whether a type that has no head of the collector begins at an address. */
    boolean isStatic(long address) {
        int number = number(address);
        return number >= 0 && (flags[number] & TypeLayout.HEAPTYPE) == 0;
    }

    int count() {
        return count;
    }

    long address(int number) {
        return addresses[number];
    }

    /** The number of a type that was found. */
    static int numberOf(long found) {
        return (int) found;
    }

    /** What is asked of each object of a type that was found, at once: for {@link #before(int)} and its sisters. */
    static int traits(long found) {
        return (int) (found >>> Integer.SIZE);
    }

    /** How many bytes of its block lie before an object of a type with these traits. */
    static int before(int traits) {
        return traits & BEFORE;
    }

    static boolean collected(int traits) {
        return (traits & COLLECTED) != 0;
    }

    static int kind(int traits) {
        return traits >>> KIND_SHIFT & KIND;
    }

    /** The size of an object without items from its fields on, in bytes. */
    long basicsize(int number) {
        return basicsizes[number];
    }

    long itemsize(int number) {
        return itemsizes[number];
    }

    /** How large a number of some digits is from its fields on. */
    static long numberSize(long digits) {
        return IntLayout.DIGITS + Math.max(1, digits) * Integer.BYTES;
    }
}
