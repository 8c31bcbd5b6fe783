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
    static final byte PLAIN = 0;

    static final byte ITEMS = 1;
    static final byte NUMBER = 2;
    static final byte TEXT = 3;
    static final byte GENERATOR = 4;
    static final byte FRAME = 5;
    static final byte WITH_VALUES = 6;

    private static final long LARGEST = 1L << 40;
    /** So many items as there is room for, each of this size, are no more bytes than a long tells. */
    private static final long LARGEST_ITEM = 1L << 20;

    private static final int LONGEST_NAME = 64;
    private static final int DEEPEST = 64;
    private static final long METATYPE = 1;
    private static final List<String> GENERATORS = List.of("generator", "coroutine", "async_generator");

    private final PythonLayout layout;
    private final Reader memory;
    private final long typeType;
    /** Which types are types of types. */
    private final LongTable metatypes = new LongTable();

    private final LongTable numbers = new LongTable();
    private int count;
    private int inModules;
    private long[] addresses = new long[1 << 10];
    private long[] flags = new long[1 << 10];
    private long[] basicsizes = new long[1 << 10];
    private long[] itemsizes = new long[1 << 10];
    private int[] before = new int[1 << 10];
    private byte[] kinds = new byte[1 << 10];

    TypeTable(PythonLayout layout, Reader memory, long typeType) {
        this.layout = layout;
        this.memory = memory;
        this.typeType = typeType;
        metatypes.put(typeType, METATYPE);
    }

    /** Finds the types among the variables of modules. */
    void scan(AddressSpace space, List<Range> variables) {
        VariableScan scan = new VariableScan(space, variables);
        while (scan.next()) {
            if (isMetatype(scan.word())) {
                take(scan.address() - ObjectLayout.TYPE);
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
        if (!isMetatype(memory.readLong(address + ObjectLayout.TYPE, 0)) || numbers.get(address, -1) >= 0) {
            return;
        }
        long basicsize = memory.readLong(address + TypeLayout.BASICSIZE, 0);
        long itemsize = memory.readLong(address + TypeLayout.ITEMSIZE, -1);
        long base = memory.readLong(address + TypeLayout.BASE, -1);
        boolean whole = layout.object().isInUse(memory.readLong(address + ObjectLayout.REFCNT, 0))
                && basicsize >= ObjectLayout.BYTES
                && basicsize < LARGEST
                && itemsize >= 0
                && itemsize < LARGEST_ITEM
                && (base == 0 ? isWithoutBase(address) : isMetatype(memory.readLong(base + ObjectLayout.TYPE, 0)));
        if (whole) {
            add(address, basicsize, itemsize);
        }
    }

    /** All are derived from {@code object}, but C code may use a type that nobody has made ready. */
    private boolean isWithoutBase(long address) {
        return memory.readLong(typeType + TypeLayout.BASE, 0) == address
                || (memory.readLong(address + TypeLayout.FLAGS, 0) & (TypeLayout.READY | TypeLayout.HEAPTYPE)) == 0;
    }

    private void add(long address, long basicsize, long itemsize) {
        if (count == addresses.length) {
            addresses = Arrays.copyOf(addresses, 2 * count);
            flags = Arrays.copyOf(flags, 2 * count);
            basicsizes = Arrays.copyOf(basicsizes, 2 * count);
            itemsizes = Arrays.copyOf(itemsizes, 2 * count);
            before = Arrays.copyOf(before, 2 * count);
            kinds = Arrays.copyOf(kinds, 2 * count);
        }
        long flag = memory.readLong(address + TypeLayout.FLAGS, 0);
        ObjectLayout object = layout.object();
        addresses[count] = address;
        flags[count] = flag;
        basicsizes[count] = basicsize;
        itemsizes[count] = itemsize;
        before[count] = ((flag & TypeLayout.HAVE_GC) != 0 ? object.gcHead() : 0)
                + ((flag & object.preHeaderFlags()) != 0 ? ObjectLayout.PRE_HEADER : 0);
        kinds[count] = kind(address, flag, itemsize);
        numbers.put(address, count);
        count++;
    }

    private byte kind(long address, long flag, long itemsize) {
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
            String name = memory.readCString(memory.readLong(address + TypeLayout.TP_NAME, 0), LONGEST_NAME, "");
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
        if ((memory.readLong(address + TypeLayout.FLAGS, 0) & TypeLayout.TYPE_SUBCLASS) == 0) {
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
            at = memory.readLong(at + field, 0);
        }
        return false;
    }

    /** The number of the type at an address, -1 if there is none. */
    int number(long address) {
        return (int) numbers.get(address, -1);
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

    /** How many bytes of its block lie before an object. */
    int before(int number) {
        return before[number];
    }

    boolean collected(int number) {
        return (flags[number] & TypeLayout.HAVE_GC) != 0;
    }

    byte kind(int number) {
        return kinds[number];
    }

    /** The size of an object without items, in bytes. */
    long basicsize(int number) {
        return basicsizes[number];
    }

    long itemsize(int number) {
        return itemsizes[number];
    }

    /** How large a number of some digits is. */
    static long numberSize(long digits) {
        return IntLayout.DIGITS + Math.max(1, digits) * Integer.BYTES;
    }
}
