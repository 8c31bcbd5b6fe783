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
import dev.heapwalk.memory.raw.RawMemory;
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
 * (None, small numbers, text of the interpreter itself), and objects that are kept for later use without a reference. A
 * buffer of something else may look like an object that the collector does not know. Of 2.7, {@code int} and {@code
 * float} lie in blocks of many, and come behind what lies in the allocators' blocks.
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
    // Of the layouts, for each object.
    /** How far the fields of an object are behind where it begins. From there on it is looked at. */
    private final int head;

    private final int gcHead;
    private final int farthest;
    private final long inUseMask;
    private final long countMost;
    private final boolean linksTell;
    private final StringLayout strings;
    private final int asciiSize;
    private final int compactSize;
    private final List<Heap> allocators;
    private final List<Damage> damages = new ArrayList<>();

    private final PymallocCursor parts;
    private final Window window;
    // The pool: of up to 64 blocks a bit for each used one that was not looked at yet, where the first of these lies
    // here, and the number of the first that comes behind them.
    private long used;
    private long firstHere;
    private int poolBlockSize;
    private int following;
    private int handedOut;
    /** What makes a target address of a local one, of what is looked at. */
    private long shift;
    /** Where local memory ends that may be looked at. */
    private long limit;

    private BlockCursor blocks;
    private int allocator;
    /** Of 2.7. */
    private final NumberBlocks numbers;

    private int module;
    private ObjectPlace place = ObjectPlace.POOL;
    private boolean ended;

    private long block;
    private long blockSize;
    private long address;
    private int type = -1;
    private long size;
    private long refcnt;
    private int state = GcLists.NOT_COLLECTED;

    ObjectCursor(PythonRuntime runtime, PythonLayout layout, Heaps heaps) {
        this(runtime, layout, heaps.allocators().findAll(Heap.class), READ_BUDGET);
        types.scan(runtime.target().memory(), runtime.variables());
        findTypes();
        if (head == 0) {
            lists.read(runtime.interpreters(), runtime.variables());
        }
        damages.addAll(lists.damages());
    }

    /** One that knows a single object, and that stands there if there is one. */
    private ObjectCursor(PythonRuntime runtime, PythonLayout layout, long where) {
        this(runtime, layout, List.of(), SMALL_BUDGET);
        types.take(memory.readLong(where + head + ObjectLayout.TYPE, 0));
        if (runtime.isVariable(where)) {
            types.take(where);
        }
        if (find(where) && state == GcLists.ELSEWHERE && head == 0) {
            state = lists.listOf(where, runtime.interpreters(), runtime.variables());
        }
    }

    /** One that knows no type yet. */
    private ObjectCursor(PythonRuntime runtime, PythonLayout layout, List<Heap> allocators, int budget) {
        Target target = runtime.target();
        this.runtime = runtime;
        this.layout = layout;
        this.object = layout.object();
        this.gc = layout.gc();
        this.debugHeads = runtime.debugHeads();
        this.distances = object.preHeaderFlags() == 0
                ? new int[] {object.gcHead(), 0}
                : new int[] {object.gcHead(), object.gcHead() + ObjectLayout.PRE_HEADER, 0};
        this.head = object.shift();
        this.gcHead = object.gcHead();
        this.farthest = object.preHeaderFlags() == 0 ? 0 : gcHead + ObjectLayout.PRE_HEADER;
        this.inUseMask = object.inUseMask();
        this.countMost = object.countMost();
        this.linksTell = gc.refs() < 0;
        this.strings = layout.string();
        this.asciiSize = layout.string().asciiSize();
        this.compactSize = layout.string().compactSize();
        this.allocators = allocators;
        this.memory = target.memory().reader(budget);
        this.types = new TypeTable(layout, memory, runtime.typeType());
        this.lists = new GcLists(target, memory, layout, types);
        this.parts = runtime.parts();
        this.window = target.memory().window();
        boolean inBlocks = layout.number().smallFlag() != 0;
        this.numbers = new NumberBlocks(inBlocks ? allocators : List.of(), memory, types);
    }

    /** A cursor that stands at an object, and knows no other. */
    static Optional<ObjectCursor> at(PythonRuntime runtime, PythonLayout layout, long where) {
        ObjectCursor alone = new ObjectCursor(runtime, layout, where);
        if (alone.type >= 0 && (alone.state != GcLists.ELSEWHERE || alone.head > 0 || alone.lists.linked(where))) {
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
        return place == ObjectPlace.POOL && nextInPool() || nextElsewhere();
    }

    private boolean nextElsewhere() {
        while (!ended) {
            if (place == ObjectPlace.POOL) {
                place = ObjectPlace.MALLOC;
            }
            if (place == ObjectPlace.MALLOC) {
                if (nextInMalloc()) {
                    return true;
                }
                place = ObjectPlace.NUMBERS;
            }
            if (place == ObjectPlace.NUMBERS) {
                if (nextNumber()) {
                    return true;
                }
                place = ObjectPlace.MODULE;
            }
            if (nextInModule()) {
                return true;
            }
            ended = true;
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
        numbers.rewind();
        leavePool();
        window.forget();
        damages.clear();
        if (!lists.damages().isEmpty()) {
            damages.addAll(lists.damages());
        }
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
        long begin = where + head;
        long found = types.find(memory.readLong(begin + ObjectLayout.TYPE, 0));
        int number = TypeTable.numberOf(found);
        long count = object.references(memory, where);
        if (found < 0 || !object.isInUse(count) || isSpare(count, number)) {
            return false;
        }
        int of = GcLists.NOT_COLLECTED;
        long own = types.basicsize(number);
        int traits = TypeTable.traits(found);
        int before = head + (TypeTable.collected(traits) ? gcHead : 0);
        long offset = memory.find(begin - before, before + LOOKED_AT);
        if (types.number(where) >= 0) {
            own = head + layout.type().staticSize();
        } else if (offset >= 0) {
            long at = memory.segment().address() + offset + before;
            show(begin - at, at + LOOKED_AT);
            if (TypeTable.collected(traits)) {
                of = head > 0
                        ? GcLists.ofBits(RawMemory.word(at + ObjectLayout.LOCAL))
                        : isUntracked(at - before) ? GcLists.UNTRACKED : lists.of(where);
            }
            own = size(at, number, traits, LARGEST);
            if (own < 0 || !memory.mapped(begin, own)) {
                return false;
            }
            own += head + TypeTable.before(traits);
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

    private void show(long makesTarget, long end) {
        shift = makesTarget;
        limit = end;
    }

    private boolean nextInPool() {
        if (ended) {
            return false;
        }
        do {
            while (used != 0) {
                long here = firstHere + (long) Long.numberOfTrailingZeros(used) * poolBlockSize;
                used &= used - 1;
                if (isObject(here, poolBlockSize)) {
                    block = here + shift;
                    blockSize = poolBlockSize;
                    return true;
                }
            }
        } while (moreInPool() || enterPool());
        return false;
    }

    private boolean moreInPool() {
        if (following >= handedOut) {
            return false;
        }
        used = parts.usedBlocks(following);
        firstHere = parts.localBlocks() + (long) following * poolBlockSize;
        following += Long.SIZE;
        return true;
    }

    private boolean enterPool() {
        leavePool();
        if (!parts.nextPool()) {
            return false;
        }
        poolBlockSize = parts.blockSize();
        handedOut = parts.handedOut();
        long here = parts.localBlocks();
        show(parts.pool() + PymallocLayout.POOL_BYTES - here, here + (long) handedOut * poolBlockSize);
        return true;
    }

    private void leavePool() {
        used = 0;
        following = 0;
        handedOut = 0;
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
        long shown = Math.min(usable, LOOKED_AT);
        long offset = window.find(start, shown);
        if (offset < 0) {
            return false;
        }
        MemorySegment segment = window.segment();
        // Not raw, so that a core which was closed is met here.
        segment.get(Words.BYTE, offset);
        long here = segment.address() + offset;
        show(start - here, here + shown);
        if (head > 0 && blocks.tag() == 0) {
            // Only heaps with a tag have objects there, but C code may have made a type in any block.
            return usable >= head + TypeLayout.BYTES && isStaticType(here + head);
        }
        return isObject(here, usable);
    }

    private boolean nextNumber() {
        if (!numbers.next()) {
            return false;
        }
        address = numbers.address();
        type = types.number(numbers.type());
        refcnt = memory.readLong(address + ObjectLayout.REFCNT, 0);
        state = GcLists.NOT_COLLECTED;
        size = types.basicsize(type);
        block = address;
        blockSize = size;
        return true;
    }

    private boolean nextInModule() {
        if (module == types.inModules()) {
            return false;
        }
        address = types.address(module++);
        type = types.number(memory.readLong(address + head + ObjectLayout.TYPE, 0));
        refcnt = object.references(memory, address);
        state = GcLists.NOT_COLLECTED;
        size = head + layout.type().staticSize();
        block = address;
        blockSize = size;
        return type >= 0;
    }

    /**
     * Whether a block holds an object; then the cursor is at it.
     *
     * @param here where it begins in local memory
     * @param length its size in bytes, of which more than what tells an object may not be shown
     */
    private boolean isObject(long here, long length) {
        if (debugHeads) {
            return isBehindDebugHead(here, length);
        }
        return isObjectOrType(here + head, length - head);
    }

    private boolean isBehindDebugHead(long here, long length) {
        long data = 0;
        long bytes = length;
        for (int i = 0; i < MOST_DEBUG_HEADS && data + PymallocLayout.DEBUG_HEAD <= length; i++) {
            long said = RawMemory.word(here + data);
            if (!PymallocLayout.isDebugHead(said, RawMemory.word(here + data + PymallocLayout.DEBUG_LETTER))) {
                break;
            }
            data += PymallocLayout.DEBUG_HEAD;
            bytes = Math.min(length - data, Long.reverseBytes(said));
        }
        return isObjectOrType(here + data + head, bytes - head);
    }

    /** Whether the fields of one lie in some room, behind the heads that it may have. */
    private boolean isObjectOrType(long here, long room) {
        if (room >= TypeLayout.BYTES && isStaticType(here)) {
            return true;
        }
        // Most often there is one place at most that has a type, so that what follows is done, and compiled, once.
        int distance = gcHead;
        long found = typeAt(here, room, distance);
        if (found < 0 && farthest > 0) {
            distance = farthest;
            found = typeAt(here, room, distance);
        }
        if (found < 0) {
            distance = 0;
            found = typeAt(here, room, distance);
            return found >= 0 && take(here, found, room);
        }
        return take(here + distance, found, room - distance) || isNearerObject(here, room, distance);
    }

    /** Whether one lies at a place behind that where something looked like one, in the order of these places. */
    private boolean isNearerObject(long here, long room, int tried) {
        if (tried < farthest) {
            long found = typeAt(here, room, farthest);
            if (found >= 0 && take(here + farthest, found, room - farthest)) {
                return true;
            }
        }
        long found = typeAt(here, room, 0);
        return tried > 0 && found >= 0 && take(here, found, room);
    }

    /** The type of an object at a distance from where some room begins, as {@link TypeTable#find} tells it, or -1. */
    private long typeAt(long here, long room, int distance) {
        if (distance + ObjectLayout.BYTES > room) {
            return -1;
        }
        long found = types.find(RawMemory.word(here + distance + ObjectLayout.TYPE));
        return TypeTable.before(TypeTable.traits(found)) == distance ? found : -1;
    }

    /** Whether C code has put a type there that is none of the collector's, as if it were a variable. */
    private boolean isStaticType(long here) {
        int number = types.number(RawMemory.word(here + ObjectLayout.TYPE));
        if (number < 0 || !types.isStatic(here + shift - head)) {
            return false;
        }
        address = here + shift - head;
        type = number;
        refcnt = references(here);
        state = GcLists.NOT_COLLECTED;
        size = head + layout.type().staticSize();
        return true;
    }

    private boolean take(long at, long found, long room) {
        int number = TypeTable.numberOf(found);
        int traits = TypeTable.traits(found);
        long count = references(at);
        // As ObjectLayout.isInUse() has it.
        if ((count & inUseMask) == 0 || (count & ~countMost) != 0) {
            return false;
        }
        int of = GcLists.NOT_COLLECTED;
        if (TypeTable.collected(traits)) {
            if (head > 0) {
                of = GcLists.ofBits(RawMemory.word(at + ObjectLayout.LOCAL));
            } else if (isUntracked(at - gcHead)) {
                of = GcLists.UNTRACKED;
            } else {
                of = lists.of(at + shift);
                if (of == GcLists.ELSEWHERE && !lists.linked(at + shift)) {
                    return false;
                }
            }
        }
        long own = size(at, number, traits, room);
        if (own < 0 || own > room || isSpare(count, number)) {
            return false;
        }
        address = at + shift - head;
        type = number;
        refcnt = count;
        state = of;
        size = own + head + TypeTable.before(traits);
        return true;
    }

    /** As {@link ObjectLayout#references} has it. */
    private long references(long at) {
        long word = RawMemory.word(at + ObjectLayout.REFCNT);
        return head == 0 ? word : ObjectLayout.merged(RawMemory.word(at + ObjectLayout.LOCAL), word);
    }

    private boolean isUntracked(long head) {
        return linksTell
                ? RawMemory.word(head + GcLayout.NEXT) == 0
                        && (RawMemory.word(head + GcLayout.PREV) & ~GcLayout.FINALIZED) == 0
                : RawMemory.word(head + gc.refs()) >> gc.refsShift() == gc.untracked();
    }

    /** Whether what looks like a number of references leads to the next object of a list of those without any. */
    private boolean isSpare(long count, int number) {
        return head == 0
                && count >= ObjectLayout.MANY
                && (count & object.immortalBit()) == 0
                && memory.readLong(count + ObjectLayout.TYPE, 0) == types.address(number);
    }

    /** The size of an object from its fields on; -1 if it can't be one. */
    private long size(long at, int number, int traits, long room) {
        long basic = types.basicsize(number);
        int kind = TypeTable.kind(traits);
        if (basic > room && kind != TypeTable.TEXT) {
            // Times without a zone have no room for one.
            return kind == TypeTable.PLAIN && !TypeTable.collected(traits) && basic - room <= Long.BYTES ? room : -1;
        }
        return switch (kind) {
            case TypeTable.PLAIN -> basic;
            case TypeTable.WITH_VALUES -> basic + valuesSize(at + basic, room - basic);
            case TypeTable.NUMBER -> {
                long digits =
                        room < IntLayout.DIGITS ? room : RawMemory.word(at + IntLayout.SIZE) >>> IntLayout.TAG_SHIFT;
                yield digits > room ? -1 : Math.max(basic, TypeTable.numberSize(digits));
            }
            case TypeTable.TEXT -> textSize(at, basic, room);
            case TypeTable.GENERATOR ->
                basic + slots(memory.readLong(at + shift + layout.frame().generatorCode(), 0), number);
            case TypeTable.FRAME -> basic + frameSlots(at + shift, number);
            default -> itemsSize(at, basic, room, number);
        };
    }

    private long itemsSize(long at, long basic, long room, int number) {
        if (room < ObjectLayout.SIZE + Long.BYTES) {
            return -1;
        }
        // The sign of a number is that of its size.
        long items = Math.abs(RawMemory.word(at + ObjectLayout.SIZE));
        return items < 0 || items > room ? -1 : basic + items * types.itemsize(number);
    }

    /** How large values behind an object are. */
    private long valuesSize(long at, long room) {
        if (room < Long.BYTES) {
            return Long.BYTES;
        }
        int capacity = at <= limit - Long.BYTES
                ? (int) (RawMemory.word(at) >>> DictLayout.VALUES_CAPACITY * Byte.SIZE)
                : memory.readByte(at + shift + DictLayout.VALUES_CAPACITY, (byte) 0);
        return DictLayout.valuesBytes(capacity & 0xFF);
    }

    private long textSize(long at, long basic, long room) {
        if (asciiSize > room - Byte.BYTES) {
            return -1;
        }
        int bits = (int) RawMemory.word(at + StringLayout.STATE);
        if (!strings.compact(bits)) {
            return basic;
        }
        long length = RawMemory.word(at + StringLayout.LENGTH);
        if (length < 0 || length > room) {
            return -1;
        }
        int unit = strings.kind(bits);
        return strings.ascii(bits) ? asciiSize + length + 1 : compactSize + (length + 1) * unit;
    }

    private long frameSlots(long where, int number) {
        long frame = memory.readLong(where + layout.frame().frame(), 0);
        return slots(memory.readLong(frame + layout.frame().frameCode(), 0), number);
    }

    /** How many bytes a frame has for local variables and its stack. */
    private long slots(long pointer, int number) {
        long code = (pointer & ~FrameLayout.TAG) + head;
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
        return GcLists.state(state);
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
        leavePool();
        parts.close();
        numbers.close();
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
