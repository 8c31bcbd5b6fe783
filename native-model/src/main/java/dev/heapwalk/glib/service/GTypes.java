// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.glib.service;

import dev.heapwalk.memory.LongTable;
import dev.heapwalk.memory.Range;
import dev.heapwalk.memory.Reader;
import dev.heapwalk.memory.elf.ElfModule;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * The types of GObject. They are found without symbols: the fundamental types have their nodes in an array, each of which
 * tells its own number, and lead to all others. What a node tells is read from its {@code supers} backwards, which the
 * releases of GLib have in common.
 */
final class GTypes {
    /** C names {@code G_TYPE_NONE}, {@code G_TYPE_INTERFACE}, {@code G_TYPE_OBJECT}, as numbers of fundamental types. */
    private static final int NONE = 1;

    private static final int INTERFACE = 2;
    private static final int BOXED = 18;
    private static final int OBJECT = 20;
    private static final int MOST_FUNDAMENTAL = 255;
    /** How far the number of a fundamental type is shifted in its id. */
    private static final int SHIFT = 2;

    // TypeNode, from supers on.
    private static final long LEAST_HEAD = 56;
    private static final long MOST_HEAD = 88;
    private static final long DATA = -40;
    private static final long NAME = -32;
    private static final long CHILDREN = -48;
    private static final long CHILD_COUNT = -56;
    private static final long SUPER_COUNT = -52;

    // TypeData of what has a class; an interface has its default table of functions in the place of the class.
    private static final long CLASS = 56;
    private static final long INSTANCE_SIZE = 64;
    private static final long PRIVATE_SIZE = 66;

    private static final int MOST_TYPES = 1 << 16;
    /** A type has so many before it at most, since a node has a byte for how many they are. */
    private static final int DEEPEST = 255;

    private static final int LONGEST_NAME = 256;

    /**
     * A type.
     *
     * @param id {@code GType}: the address of its node, or a fundamental type's number
     * @param node the address of its node
     * @param children the address of the array of its children, or 0
     * @param data the address of what describes it, or 0
     * @param fundamental the number of the fundamental type that it is derived from
     * @param name its name
     * @param itsClass the address of its class, or of its default table of functions; 0 if it was not used yet
     * @param instanceSize how large an instance is, in bytes; 0 if it has none
     * @param privateSize how many bytes an instance has before it
     */
    record GType(
            long id,
            long node,
            long children,
            long data,
            int fundamental,
            String name,
            long itsClass,
            int instanceSize,
            int privateSize) {
        boolean isObject() {
            return fundamental == OBJECT;
        }

        boolean isBoxed() {
            return fundamental == BOXED;
        }

        boolean hasInstances() {
            return instanceSize >= Long.BYTES && fundamental != INTERFACE && itsClass != 0;
        }
    }

    private final Reader reader;
    /** Where supers lie in a node. */
    private long supers;
    /** The address of the array of names. */
    private long names;

    /** How many nodes were looked at. */
    private int asked;

    private final List<GType> types = new ArrayList<>();
    private final LongTable byId = new LongTable();
    private final Map<String, GType> byName = new HashMap<>();

    private GTypes(Reader reader) {
        this.reader = reader;
    }

    /**
     * Finds the types.
     *
     * @param gobject the module that has GObject in it, if one is loaded
     * @param glib the module that has GLib in it
     * @return all types; none if what is there is no table of types
     */
    static GTypes of(Optional<ElfModule> gobject, ElfModule glib, Reader reader) {
        GTypes types = new GTypes(reader);
        long array = gobject.map(types::fundamentals).orElse(0L);
        if (array != 0) {
            types.findNames(glib, array);
            for (int number = NONE; number <= MOST_FUNDAMENTAL; number++) {
                long node = reader.readLong(array + (long) number * Long.BYTES, 0);
                if (node != 0) {
                    types.add(node, (long) number << SHIFT, 0, number, 0);
                }
            }
        }
        return types;
    }

    List<GType> list() {
        return types;
    }

    /** The address of the array of names, 0 if it is not known. */
    long names() {
        return names;
    }

    /** The number of a type in the list, -1 if there is none of this id. */
    int byId(long id) {
        return (int) byId.get(id, -1);
    }

    /** Whether a class is that of a type, or of one that is derived from it. */
    boolean isA(GType type, String name) {
        GType base = byName.get(name);
        if (base == null) {
            return false;
        }
        int count = reader.readByte(type.node + supers + SUPER_COUNT, (byte) 0) & 0xff;
        for (int i = 0; i <= count; i++) {
            if (reader.readLong(type.node + supers + (long) i * Long.BYTES, 0) == base.id) {
                return true;
            }
        }
        return false;
    }

    /** The array of the nodes of fundamental types, 0 if it is not found. */
    private long fundamentals(ElfModule gobject) {
        for (Range range : gobject.writableSegments()) {
            for (long at = range.start() + 7 & -8; at + (OBJECT + 1) * Long.BYTES <= range.end(); at += Long.BYTES) {
                if (reader.readLong(at, -1) == 0 && isArray(at)) {
                    return at;
                }
            }
        }
        return 0;
    }

    /** Whether the nodes from the first type to that of objects stand in an array, each with its own number in it. */
    private boolean isArray(long array) {
        long first = reader.readLong(array + NONE * Long.BYTES, 0);
        if (first == 0 || (first & 7) != 0) {
            return false;
        }
        for (supers = LEAST_HEAD; supers <= MOST_HEAD; supers += Long.BYTES) {
            int number = NONE;
            while (number <= OBJECT && isFundamental(array, number)) {
                number++;
            }
            if (number > OBJECT) {
                return true;
            }
        }
        return false;
    }

    private boolean isFundamental(long array, int number) {
        long node = reader.readLong(array + (long) number * Long.BYTES, 0);
        return node != 0
                && reader.readLong(node + supers, 0) == (long) number << SHIFT
                && reader.readLong(node + supers + Long.BYTES, -1) == 0
                && reader.readByte(node + supers + SUPER_COUNT, (byte) -1) == 0;
    }

    /** Finds the names by those of two fundamental types. */
    private void findNames(ElfModule glib, long array) {
        long nothing = number(array, NONE);
        long object = number(array, OBJECT);
        for (Range range : glib.writableSegments()) {
            for (long at = range.start() + 7 & -8; at + Long.BYTES <= range.end(); at += Long.BYTES) {
                long word = reader.readLong(at, 0);
                if (word != 0
                        && (word & 7) == 0
                        && reader.readLong(word, -1) == 0
                        && text(word, nothing).equals("void")
                        && text(word, object).equals("GObject")) {
                    names = word;
                    return;
                }
            }
        }
    }

    private long number(long array, int fundamental) {
        long node = reader.readLong(array + (long) fundamental * Long.BYTES, 0);
        return reader.readInt(node + supers + NAME, 0) & 0xffffffffL;
    }

    private String text(long table, long number) {
        long text = reader.readLong(table + number * Long.BYTES, 0);
        return text == 0 ? "" : reader.readCString(text, LONGEST_NAME, "");
    }

    /** Adds a type with those that are derived from it. */
    private void add(long node, long id, long parent, int fundamental, int depth) {
        if (++asked > MOST_TYPES
                || depth > DEEPEST
                || byId(id) >= 0
                || reader.readLong(node + supers, -1) != id
                || reader.readLong(node + supers + Long.BYTES, -1) != parent) {
            return;
        }
        String name = names == 0 ? "" : text(names, reader.readInt(node + supers + NAME, 0) & 0xffffffffL);
        long data = reader.readLong(node + supers + DATA, 0);
        long itsClass = data == 0 ? 0 : reader.readLong(data + CLASS, 0);
        boolean used = itsClass != 0 && (itsClass & 7) == 0 && reader.readLong(itsClass, -1) == id;
        long children = reader.readLong(node + supers + CHILDREN, 0);
        GType type = new GType(
                id,
                node,
                children,
                data,
                fundamental,
                name.isEmpty() ? "type@0x" + Long.toHexString(id) : name,
                used ? itsClass : 0,
                used ? reader.readShort(data + INSTANCE_SIZE, (short) 0) & 0xffff : 0,
                used ? reader.readShort(data + PRIVATE_SIZE, (short) 0) & 0xffff : 0);
        byId.put(id, types.size());
        byName.putIfAbsent(type.name, type);
        types.add(type);
        int count = children == 0 ? 0 : reader.readInt(node + supers + CHILD_COUNT, 0);
        for (int i = 0; i < count && asked <= MOST_TYPES; i++) {
            long child = reader.readLong(children + (long) i * Long.BYTES, 0);
            if (child == 0) {
                return;
            }
            add(child, child, id, fundamental, depth + 1);
        }
    }
}
