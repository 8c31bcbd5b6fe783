// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.python;

import dev.heapwalk.heap.BlockCursor;
import dev.heapwalk.heap.BlockState;
import dev.heapwalk.heap.Damage;
import dev.heapwalk.heap.Heap;
import dev.heapwalk.heap.Heaps;
import dev.heapwalk.memory.Reader;
import dev.heapwalk.memory.Target;
import dev.heapwalk.memory.Window;
import dev.heapwalk.memory.raw.Words;
import dev.heapwalk.python.layout.DictLayout;
import dev.heapwalk.python.layout.FrameLayout;
import dev.heapwalk.python.layout.GcLayout;
import dev.heapwalk.python.layout.IntLayout;
import dev.heapwalk.python.layout.ObjectLayout;
import dev.heapwalk.python.layout.PymallocLayout;
import dev.heapwalk.python.layout.PythonLayout;
import dev.heapwalk.python.layout.StringLayout;
import dev.heapwalk.python.layout.TypeLayout;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Walks all objects of all interpreters: those in blocks of pymalloc in address order, then those in blocks of the
 * program's allocators, such as {@code malloc}, then the types that are variables of modules. A flyweight that moves:
 * it allocates nothing for an object, and what it says is good until the next {@link #next()}.
 *
 * <p>An object is what has a type, a reference, room for what its type says that it has, and, where the type is one of
 * the garbage collector's, a place in one of its lists, or none at all. Not told are other objects that are variables
 * (None, small numbers, text of the interpreter itself), objects that are kept for later use without a reference, and
 * the {@code int} and {@code float} of 2.7, which have no blocks of their own. A buffer of something else may look like
 * an object that the collector does not know.
 *
 * <p>When it is made, it finds all types in one walk over the blocks of the allocators, and follows the lists of the
 * collector. For one thread. Whoever made it closes it.
 */
public final class ObjectCursor implements AutoCloseable {
    /** How much of a block is looked at: heads, and what tells the size of an object. */
    private static final int LOOKED_AT = 4 * ObjectLayout.PRE_HEADER + StringLayout.STATE + 2 * Long.BYTES;

    private static final int MOST_DEBUG_HEADS = 2;
    /** No object is larger, in bytes. */
    private static final long LARGEST = 1L << 40;

    private static final int READ_BUDGET = 64 << 20;
    private static final int SMALL_BUDGET = 16 << 20;

    private final PythonRuntime runtime;
    private final PythonLayout layout;
    private final ObjectLayout object;
    private final GcLayout gc;
    private final Reader memory;
    private final TypeTable types;
    private final GcLists lists;
    private final boolean debugHeads;
    private final int[] distances;
    private final List<Heap> allocators;
    private final List<Damage> damages = new ArrayList<>();

    private final PymallocCursor parts;
    private final Window window;
    private BlockCursor blocks;
    private int allocator;
    private int module;
    private ObjectPlace place = ObjectPlace.POOL;
    private boolean ended;

    private long block;
    private long blockSize;
    private long address;
    private int type = -1;
    private long size;
    private long refcnt;
    private GcState state = GcState.NOT_COLLECTED;

    ObjectCursor(PythonRuntime runtime, PythonLayout layout, Heaps heaps) {
        Target target = runtime.target();
        this.runtime = runtime;
        this.layout = layout;
        this.object = layout.object();
        this.gc = layout.gc();
        this.debugHeads = runtime.debugHeads();
        this.distances = object.preHeaderFlags() == 0
                ? new int[] {object.gcHead(), 0}
                : new int[] {object.gcHead(), object.gcHead() + ObjectLayout.PRE_HEADER, 0};
        this.allocators = heaps.allocators().findAll(Heap.class);
        this.memory = target.memory().reader(READ_BUDGET);
        this.types = new TypeTable(layout, memory, runtime.typeType());
        types.scan(target.memory(), runtime.variables());
        findTypes();
        this.lists = new GcLists(target, memory, layout, types);
        lists.read(runtime.interpreters(), runtime.variables());
        damages.addAll(lists.damages());
        this.parts = runtime.parts();
        this.window = target.memory().window();
    }

    /** One that knows a single object, and that stands there if there is one. */
    private ObjectCursor(PythonRuntime runtime, PythonLayout layout, long where) {
        Target target = runtime.target();
        this.runtime = runtime;
        this.layout = layout;
        this.object = layout.object();
        this.gc = layout.gc();
        this.debugHeads = runtime.debugHeads();
        this.distances = new int[0];
        this.allocators = List.of();
        this.memory = target.memory().reader(SMALL_BUDGET);
        this.types = new TypeTable(layout, memory, runtime.typeType());
        types.take(memory.readLong(where + ObjectLayout.TYPE, 0));
        if (runtime.isVariable(where)) {
            types.take(where);
        }
        this.lists = new GcLists(target, memory, layout, types);
        this.parts = runtime.parts();
        this.window = target.memory().window();
        if (find(where) && state == GcState.ELSEWHERE) {
            state = lists.listOf(where, runtime.interpreters(), runtime.variables());
        }
    }

    /** A cursor that stands at an object, and knows no other. */
    static Optional<ObjectCursor> at(PythonRuntime runtime, PythonLayout layout, long where) {
        ObjectCursor alone = new ObjectCursor(runtime, layout, where);
        if (alone.type >= 0 && (alone.state != GcState.ELSEWHERE || alone.lists.linked(where))) {
            return Optional.of(alone);
        }
        alone.close();
        return Optional.empty();
    }

    /** Types that programs make are too large for pymalloc. */
    private void findTypes() {
        for (Heap heap : allocators) {
            try (BlockCursor some = heap.blocks()) {
                while (some.next()) {
                    if (some.state() == BlockState.USED && some.usableSize() > PymallocLayout.LARGEST_BLOCK) {
                        long data = some.address();
                        for (int i = 0; i < MOST_DEBUG_HEADS && isDebugHead(data); i++) {
                            data += PymallocLayout.DEBUG_HEAD;
                        }
                        for (int distance : distances) {
                            types.take(data + distance);
                        }
                    }
                }
            }
        }
    }

    private boolean isDebugHead(long data) {
        return debugHeads
                && PymallocLayout.isDebugHead(
                        memory.readLong(data, -1), memory.readLong(data + PymallocLayout.DEBUG_LETTER, 0));
    }

    /**
     * Moves to the next object.
     *
     * @return whether there is one
     */
    public boolean next() {
        while (!ended) {
            boolean found = switch (place) {
                case POOL -> nextInPool();
                case MALLOC -> nextInMalloc();
                case MODULE -> nextInModule();
            };
            if (found) {
                return true;
            }
            switch (place) {
                case POOL -> place = ObjectPlace.MALLOC;
                case MALLOC -> place = ObjectPlace.MODULE;
                case MODULE -> ended = true;
            }
        }
        type = -1;
        return false;
    }

    /** Goes back before the first object. The types and lists are those that were found when it was made. */
    public void rewind() {
        if (blocks != null) {
            blocks.close();
            blocks = null;
        }
        parts.rewind();
        window.forget();
        damages.clear();
        damages.addAll(lists.damages());
        allocator = 0;
        module = 0;
        place = ObjectPlace.POOL;
        ended = false;
        type = -1;
    }

    /**
     * Moves to an object that is told by its address: one that the walk leaves out since it is a variable of a module,
     * or lies within something else. Whether one lies there is only known by its type and its reference. The walk is at
     * its end then.
     *
     * @param where a target address, or anything
     * @return whether an object may lie there
     */
    public boolean find(long where) {
        ended = true;
        type = -1;
        if ((where & 7) != 0) {
            return false;
        }
        int number = types.number(memory.readLong(where + ObjectLayout.TYPE, 0));
        long count = memory.readLong(where + ObjectLayout.REFCNT, 0);
        if (number < 0 || !object.isInUse(count) || isSpare(count, number)) {
            return false;
        }
        GcState of = GcState.NOT_COLLECTED;
        long own = types.basicsize(number);
        int before = types.collected(number) ? object.gcHead() : 0;
        long offset = memory.find(where - before, before + LOOKED_AT);
        if (types.number(where) >= 0) {
            own = layout.type().staticSize();
        } else if (offset >= 0) {
            MemorySegment segment = memory.segment();
            long at = offset + before;
            if (before > 0) {
                of = isUntracked(segment, at - before) ? GcState.UNTRACKED : lists.of(where);
            }
            own = size(segment, at, number, LARGEST, where);
            if (own < 0 || !memory.mapped(where, own)) {
                return false;
            }
            own += types.before(number);
        }
        place = ObjectPlace.MODULE;
        address = where;
        type = number;
        refcnt = count;
        state = of;
        size = own;
        block = where;
        blockSize = own;
        return true;
    }

    private boolean nextInPool() {
        while (parts.next()) {
            if (parts.part() == PymallocPart.USED_BLOCK
                    && isObject(parts.segment(), parts.offset(), parts.size(), parts.address())) {
                block = parts.address();
                blockSize = parts.size();
                return true;
            }
        }
        return false;
    }

    private boolean nextInMalloc() {
        while (true) {
            if (blocks == null) {
                if (allocator == allocators.size()) {
                    return false;
                }
                blocks = allocators.get(allocator++).blocks();
            }
            while (blocks.next()) {
                if (blocks.state() == BlockState.USED && isObject()) {
                    block = blocks.address();
                    blockSize = blocks.size();
                    return true;
                }
            }
            damages.addAll(blocks.damage());
            blocks.close();
            blocks = null;
        }
    }

    private boolean isObject() {
        long usable = blocks.usableSize();
        long start = blocks.address();
        if (usable < ObjectLayout.BYTES || usable >= runtime.arenaSize() && runtime.isArena(start)) {
            return false;
        }
        long offset = window.find(start, Math.min(usable, LOOKED_AT));
        return offset >= 0 && isObject(window.segment(), offset, usable, start);
    }

    private boolean nextInModule() {
        if (module == types.inModules()) {
            return false;
        }
        address = types.address(module++);
        type = types.number(memory.readLong(address + ObjectLayout.TYPE, 0));
        refcnt = memory.readLong(address + ObjectLayout.REFCNT, 0);
        state = GcState.NOT_COLLECTED;
        size = layout.type().staticSize();
        block = address;
        blockSize = size;
        return type >= 0;
    }

    /** Whether a block holds an object; then the cursor is at it. */
    private boolean isObject(MemorySegment segment, long offset, long length, long start) {
        long data = 0;
        long bytes = length;
        if (debugHeads) {
            for (int i = 0; i < MOST_DEBUG_HEADS && data + PymallocLayout.DEBUG_HEAD <= length; i++) {
                long said = segment.get(Words.LONG, offset + data);
                if (!PymallocLayout.isDebugHead(
                        said, segment.get(Words.LONG, offset + data + PymallocLayout.DEBUG_LETTER))) {
                    break;
                }
                data += PymallocLayout.DEBUG_HEAD;
                bytes = Math.min(length - data, Long.reverseBytes(said));
            }
        }
        if (bytes >= TypeLayout.BYTES && isStaticType(segment, offset + data, start + data)) {
            return true;
        }
        for (int distance : distances) {
            if (distance + ObjectLayout.BYTES <= bytes) {
                long at = offset + data + distance;
                int number = types.number(segment.get(Words.LONG, at + ObjectLayout.TYPE));
                if (number >= 0
                        && types.before(number) == distance
                        && take(segment, at, number, bytes - distance, start + data + distance)) {
                    return true;
                }
            }
        }
        return false;
    }

    /** Whether C code has put a type there that is none of the collector's, as if it were a variable. */
    private boolean isStaticType(MemorySegment segment, long at, long where) {
        int number = types.number(segment.get(Words.LONG, at + ObjectLayout.TYPE));
        if (number < 0 || !types.isStatic(where)) {
            return false;
        }
        address = where;
        type = number;
        refcnt = segment.get(Words.LONG, at + ObjectLayout.REFCNT);
        state = GcState.NOT_COLLECTED;
        size = layout.type().staticSize();
        return true;
    }

    private boolean take(MemorySegment segment, long at, int number, long room, long where) {
        long count = segment.get(Words.LONG, at + ObjectLayout.REFCNT);
        if (!object.isInUse(count)) {
            return false;
        }
        GcState of = GcState.NOT_COLLECTED;
        if (types.collected(number)) {
            long head = at - object.gcHead();
            if (isUntracked(segment, head)) {
                of = GcState.UNTRACKED;
            } else {
                of = lists.of(where);
                if (of == GcState.ELSEWHERE && !lists.linked(where)) {
                    return false;
                }
            }
        }
        long own = size(segment, at, number, room, where);
        if (own < 0 || own > room || isSpare(count, number)) {
            return false;
        }
        address = where;
        type = number;
        refcnt = count;
        state = of;
        size = own + types.before(number);
        return true;
    }

    private boolean isUntracked(MemorySegment segment, long head) {
        if (gc.refs() >= 0) {
            return segment.get(Words.LONG, head + gc.refs()) >> gc.refsShift() == gc.untracked();
        }
        return segment.get(Words.LONG, head + GcLayout.NEXT) == 0
                && (segment.get(Words.LONG, head + GcLayout.PREV) & ~GcLayout.FINALIZED) == 0;
    }

    /** Whether what looks like a number of references leads to the next object of a list of those without any. */
    private boolean isSpare(long count, int number) {
        return count >= ObjectLayout.MANY
                && (count & object.immortalBit()) == 0
                && memory.readLong(count + ObjectLayout.TYPE, 0) == types.address(number);
    }

    /** The size of an object without what lies before it; -1 if it can't be one. */
    private long size(MemorySegment segment, long at, int number, long room, long where) {
        long basic = types.basicsize(number);
        if (basic > room && types.kind(number) != TypeTable.TEXT) {
            // Times without a zone have no room for one.
            return types.kind(number) == TypeTable.PLAIN && !types.collected(number) && basic - room <= Long.BYTES
                    ? room
                    : -1;
        }
        return switch (types.kind(number)) {
            case TypeTable.PLAIN -> basic;
            case TypeTable.WITH_VALUES -> basic + valuesSize(segment, at + basic, room - basic);
            case TypeTable.NUMBER -> {
                long digits = segment.get(Words.LONG, at + IntLayout.SIZE) >>> IntLayout.TAG_SHIFT;
                yield digits > room ? -1 : Math.max(basic, TypeTable.numberSize(digits));
            }
            case TypeTable.TEXT -> textSize(segment, at, basic, room);
            case TypeTable.GENERATOR ->
                basic + slots(memory.readLong(where + layout.frame().generatorCode(), 0), number);
            case TypeTable.FRAME -> basic + frameSlots(where, number);
            default -> {
                // The sign of a number is that of its size.
                long items = Math.abs(segment.get(Words.LONG, at + ObjectLayout.SIZE));
                yield items < 0 || items > room ? -1 : basic + items * types.itemsize(number);
            }
        };
    }

    /** How large values behind an object are. */
    private static long valuesSize(MemorySegment segment, long at, long room) {
        if (room < Long.BYTES) {
            return Long.BYTES;
        }
        return DictLayout.valuesBytes(segment.get(Words.BYTE, at + DictLayout.VALUES_CAPACITY) & 0xFF);
    }

    private long textSize(MemorySegment segment, long at, long basic, long room) {
        StringLayout fields = layout.string();
        if (fields.asciiSize() > room - Byte.BYTES) {
            return -1;
        }
        int bits = segment.get(Words.INT, at + StringLayout.STATE);
        if ((bits & StringLayout.COMPACT) == 0) {
            return basic;
        }
        long length = segment.get(Words.LONG, at + StringLayout.LENGTH);
        if (length < 0 || length > room) {
            return -1;
        }
        int unit = bits >>> StringLayout.KIND_SHIFT & StringLayout.KIND_MASK;
        return (bits & StringLayout.ASCII) != 0
                ? fields.asciiSize() + length + 1
                : fields.compactSize() + (length + 1) * unit;
    }

    private long frameSlots(long where, int number) {
        long frame = memory.readLong(where + layout.frame().frame(), 0);
        return slots(memory.readLong(frame + layout.frame().frameCode(), 0), number);
    }

    /** How many bytes a frame has for local variables and its stack. */
    private long slots(long pointer, int number) {
        long code = pointer & ~FrameLayout.TAG;
        long count = (long) memory.readInt(code + layout.frame().locals(), 0)
                + memory.readInt(code + layout.frame().stack(), 0);
        return Math.max(0, count) * types.itemsize(number);
    }

    /**
     * Where the object is: what {@code id()} tells.
     *
     * @return a target address
     */
    public long address() {
        return address;
    }

    /**
     * Its type.
     *
     * @return {@code ob_type}, target address of a {@code PyTypeObject}
     */
    public long type() {
        return types.address(type);
    }

    /**
     * The number of its type among all types, for tables of one's own.
     *
     * @return a number from 0 to {@link #typeCount()}
     */
    public int typeNumber() {
        return type;
    }

    /**
     * The number of a type.
     *
     * @param of target address of a {@code PyTypeObject}, or anything
     * @return its number among all types, -1 if there is none; any thread may ask
     */
    public int numberOf(long of) {
        return types.number(of);
    }

    /**
     * How many types there are.
     *
     * @return a count
     */
    public int typeCount() {
        return types.count();
    }

    /**
     * A type by its number.
     *
     * @param number from 0 to {@link #typeCount()}
     * @return target address of a {@code PyTypeObject}
     */
    public long typeAt(int number) {
        return types.address(number);
    }

    /**
     * The size of the object itself: with what lies before it (a head of the garbage collector, and since 3.11 two
     * more words), its items where they lie within it, and since 3.13 the values of its attributes where they do; up to
     * two words behind these may be spare, and are not counted. What it owns elsewhere is not counted: elements of a
     * list, entries of a dictionary.
     *
     * @return bytes
     */
    public long size() {
        return size;
    }

    /**
     * How many references it is held by.
     *
     * @return {@code ob_refcnt}; without meaning if the object is {@link #immortal()}
     */
    public long refcnt() {
        return refcnt & object.countMask();
    }

    /**
     * Whether its references are not counted, since 3.12.
     *
     * @return whether it lives as long as its interpreter
     */
    public boolean immortal() {
        return (refcnt & object.immortalBit()) != 0;
    }

    /**
     * What the garbage collector has of it.
     *
     * @return the state
     */
    public GcState gcState() {
        return state;
    }

    /**
     * Where it lies.
     *
     * @return the kind of place
     */
    public ObjectPlace place() {
        return place;
    }

    /**
     * The block that it lies in.
     *
     * @return target address of the block, that of the object itself if it lies in none
     */
    public long block() {
        return block;
    }

    /**
     * The size of the block that it lies in.
     *
     * @return bytes, with what the allocator needs itself
     */
    public long blockSize() {
        return blockSize;
    }

    /**
     * What is damaged, as far as it has come: pools, lists of the garbage collector, the allocators' heaps.
     *
     * @return a new list
     */
    public List<Damage> damages() {
        List<Damage> all = new ArrayList<>(damages);
        all.addAll(parts.damages());
        if (blocks != null) {
            all.addAll(blocks.damage());
        }
        return all;
    }

    /**
     * What is worth knowing of the walk.
     *
     * @return a line each, for a person
     */
    public List<String> notices() {
        return allocators.isEmpty()
                ? List.of("blocks of malloc are not known in %s: neither objects there are told, nor any of types that"
                                .formatted(runtime)
                        + " a program made")
                : List.of();
    }

    /** Frees the buffers. A closed cursor is at its end. A second call does nothing. */
    @Override
    public void close() {
        ended = true;
        parts.close();
        if (blocks != null) {
            blocks.close();
            blocks = null;
        }
        window.close();
        memory.close();
    }

    @Override
    public String toString() {
        return type < 0
                ? ended ? "behind the last object" : "before the first object"
                : "object at 0x%x of the type at 0x%x, %d bytes".formatted(address, type(), size);
    }
}
