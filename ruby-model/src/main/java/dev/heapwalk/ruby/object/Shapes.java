// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.object;

import dev.heapwalk.memory.Reader;
import dev.heapwalk.memory.UnmappedAddressException;
import dev.heapwalk.memory.raw.Words;
import dev.heapwalk.ruby.ObjectReader;
import dev.heapwalk.ruby.layout.RubyLayout;
import dev.heapwalk.ruby.layout.ShapeLayout;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/**
 * The shapes of objects, which tell the names of their instance variables. C name {@code rb_shape_t}, since 3.2. A
 * shape is a number, the upper half of an object's flags; its parent has one instance variable less. For one thread.
 */
public final class Shapes {
    /** What made a shape from its parent. C name {@code enum shape_type}. */
    public enum Kind {
        /** Nothing: it is a root. */
        ROOT,
        /** An instance variable was added. */
        IVAR,
        /** The object was frozen. Until 3.4. */
        FROZEN,
        /** Room for instance variables was added. In 3.2. */
        CAPACITY_CHANGE,
        /** The room that a slot has. In 3.2. */
        INITIAL_CAPACITY,
        /** The root of the objects in slots of a size. Until 3.4. */
        T_OBJECT,
        /** The object keeps its instance variables in a table. Until 3.4. */
        OBJ_TOO_COMPLEX,
        /** The object was given a number. Since 4.0. */
        OBJ_ID,
        /** A number that stands for none of these. */
        UNKNOWN
    }

    private static final Kind[] WITH_CAPACITY = {
        Kind.ROOT,
        Kind.IVAR,
        Kind.FROZEN,
        Kind.CAPACITY_CHANGE,
        Kind.INITIAL_CAPACITY,
        Kind.T_OBJECT,
        Kind.OBJ_TOO_COMPLEX
    };
    private static final Kind[] WITHOUT_CAPACITY = {
        Kind.ROOT, Kind.IVAR, Kind.FROZEN, Kind.T_OBJECT, Kind.OBJ_TOO_COMPLEX
    };
    private static final Kind[] WITH_OBJECT_ID = {Kind.ROOT, Kind.IVAR, Kind.OBJ_ID};

    /** {@code SHAPE_BUFFER_SIZE}: no version has more. */
    private static final int MOST = 1 << 19;

    private static final int MOST_OTHERS = 64;
    /** {@code ROOT_SHAPE_WITH_OBJ_ID}, since 4.0. */
    private static final int ROOT_WITH_OBJECT_ID = 1;
    /** Stands for the names of a shape whose objects keep a table. */
    private static final long[] TABLE = {};

    private final ObjectReader reader;
    private final Reader memory;
    private final ShapeLayout layout;
    private final Kind[] kinds;
    private final long list;
    private final long count;
    private long[][] names = {};

    /**
     * Makes one that has read nothing yet.
     *
     * @param reader what reads the objects
     */
    public Shapes(ObjectReader reader) {
        this.reader = reader;
        this.memory = reader.memory();
        this.layout = RubyLayout.of(reader.series()).shape();
        this.kinds = switch (layout.numbering()) {
            case WITH_CAPACITY -> WITH_CAPACITY;
            case WITHOUT_CAPACITY -> WITHOUT_CAPACITY;
            case WITH_OBJECT_ID -> WITH_OBJECT_ID;
        };
        this.list = reader.vm().shapeList();
        this.count = reader.vm().shapeCount();
    }

    /**
     * The shape that the flags of an object tell.
     *
     * @param flags {@code RBasic.flags}
     * @return {@code RBASIC_SHAPE_ID}
     */
    public static int of(long flags) {
        return (int) (flags >>> 32);
    }

    /**
     * How many shapes there were when the virtual machine was located.
     *
     * @return a count, 0 before 3.2
     */
    public long count() {
        return count;
    }

    /**
     * Where a shape lies in the list of shapes. In 4.0 the upper bits of its number tell of other things.
     *
     * @param shape a shape
     * @return an index
     */
    public int index(int shape) {
        return shape & layout.indexMask();
    }

    /**
     * Where a shape is.
     *
     * @param shape a shape
     * @return target address of the {@code rb_shape_t}
     * @throws UnmappedAddressException if there is no such shape
     */
    public long address(int shape) {
        int index = index(shape);
        long address = list + (long) index * layout.size();
        if (list == 0 || index < 0 || index >= MOST) {
            throw new UnmappedAddressException(address, address, layout.size());
        }
        // A target that runs makes shapes after the last one that was counted; there is nothing but zeros where none is
        // yet.
        if (index >= count
                && (memory.readLong(address + layout.edgeName()) | memory.readByte(address + layout.type())) == 0) {
            throw new UnmappedAddressException(address, address, layout.size());
        }
        return address;
    }

    /**
     * What made a shape from its parent.
     *
     * @param shape a shape
     * @return the type
     * @throws UnmappedAddressException if there is no such shape
     */
    public Kind kind(int shape) {
        int type = memory.readByte(address(shape) + layout.type());
        return type >= 0 && type < kinds.length ? kinds[type] : Kind.UNKNOWN;
    }

    /**
     * The ID of what was added to the parent's instance variables.
     *
     * @param shape a shape
     * @return {@code edge_name}, 0 if it has none
     * @throws UnmappedAddressException if there is no such shape
     */
    public long edgeName(int shape) {
        return memory.readLong(address(shape) + layout.edgeName());
    }

    /**
     * The table of the shapes made from a shape.
     *
     * @param shape a shape
     * @return {@code edges}, as the target has it: its lowest bits may tell that it is a shape itself
     * @throws UnmappedAddressException if there is no such shape
     */
    public long edges(int shape) {
        return memory.readLong(address(shape) + layout.edges());
    }

    /**
     * The parent of a shape.
     *
     * @param shape a shape
     * @return {@code parent_id}, -1 if it has none
     * @throws UnmappedAddressException if there is no such shape
     */
    public int parent(int shape) {
        return memory.readInt(address(shape) + layout.parent());
    }

    /**
     * How many instance variables an object of a shape has.
     *
     * @param shape a shape
     * @return {@code next_iv_index}
     * @throws UnmappedAddressException if there is no such shape
     */
    public int nextIvIndex(int shape) {
        return index(address(shape), layout.nextIvIndex());
    }

    /**
     * How many instance variables an object of a shape has room for.
     *
     * @param shape a shape
     * @return {@code capacity}
     * @throws UnmappedAddressException if there is no such shape
     */
    public int capacity(int shape) {
        return index(address(shape), layout.capacity());
    }

    private int index(long address, int field) {
        return layout.shortIndexes() ? memory.readInt(address + field) & 0xffff : memory.readInt(address + field);
    }

    /**
     * Whether an object of a shape keeps its instance variables in a table by name.
     *
     * @param shape a shape
     * @return whether it does
     * @throws UnmappedAddressException if there is no such shape
     */
    public boolean tooComplex(int shape) {
        return layout.tooComplexType() < 0 ? (shape & layout.tooComplexBit()) != 0 : namesOf(shape) == TABLE;
    }

    /**
     * Whether an object of a shape was given a number that it keeps with its instance variables. Since 4.0.
     *
     * @param shape a shape
     * @return whether it was
     */
    public boolean hasObjectId(int shape) {
        return (shape & layout.objectIdBit()) != 0;
    }

    /**
     * The ID that the number of an object has in a table of instance variables. Since 4.0.
     *
     * @return an {@code ID}
     * @throws UnmappedAddressException if the shape that tells it can't be read
     */
    public long objectIdName() {
        return edgeName(ROOT_WITH_OBJECT_ID);
    }

    /**
     * Whether an object of a shape has anything in its fields, as the number of the shape tells since 4.0.
     *
     * @param shape a shape
     * @return whether it has
     */
    public boolean hasNames(int shape) {
        return (shape & layout.tooComplexBit()) != 0 || index(shape) != 0;
    }

    /**
     * The IDs of the instance variables of a shape.
     *
     * @param shape a shape
     * @return in the order of their values, 0 for one that is none, not to be changed; none if the shape is that of
     *     objects that keep a table, see {@link #tooComplex}
     * @throws UnmappedAddressException if there is no such shape
     */
    public long[] namesOf(int shape) {
        int index = index(shape);
        if (index < 0 || index >= names.length || names[index] == null) {
            long[] read = read(index);
            if (index >= names.length) {
                names = Arrays.copyOf(names, Math.max(index + 1, Math.min(Math.max(64, names.length * 2), MOST)));
            }
            names[index] = read;
        }
        return names[index];
    }

    private long[] read(int shape) {
        long address = address(shape);
        // In 4.0 no type tells of a table, and a damaged shape may have any byte for one.
        if (layout.tooComplexType() >= 0 && memory.readByte(address + layout.type()) == layout.tooComplexType()) {
            return TABLE;
        }
        int size = index(address, layout.nextIvIndex());
        if (size < 0 || size > MOST) {
            throw new UnmappedAddressException(address, address, layout.size());
        }
        long[] ids = new long[size];
        int left = size;
        int at = shape;
        // Between two instance variables there are few other changes, and a parent is older than its children.
        for (int steps = 2 * size + MOST_OTHERS; left > 0; steps--) {
            long offset = memory.require(address(at), layout.size());
            MemorySegment segment = memory.segment();
            if (segment.get(Words.BYTE, offset + layout.type()) == ShapeLayout.IVAR
                    || segment.get(Words.BYTE, offset + layout.type()) == ShapeLayout.OBJ_ID && layout.shortIndexes()) {
                int index = layout.shortIndexes()
                        ? segment.get(Words.SHORT, offset + layout.nextIvIndex()) & 0xffff
                        : segment.get(Words.INT, offset + layout.nextIvIndex());
                if (index != left) {
                    throw new UnmappedAddressException(address, address, layout.size());
                }
                boolean named = segment.get(Words.BYTE, offset + layout.type()) == ShapeLayout.IVAR;
                ids[--left] = named ? segment.get(Words.LONG, offset + layout.edgeName()) : 0;
            }
            int parent = index(segment.get(Words.INT, offset + layout.parent()));
            if (left > 0 && (steps == 0 || parent < 0 || parent >= at)) {
                throw new UnmappedAddressException(address, address, layout.size());
            }
            at = parent;
        }
        return ids;
    }

    /** Forgets the names that were made out. */
    public void forget() {
        names = new long[0][];
    }
}
