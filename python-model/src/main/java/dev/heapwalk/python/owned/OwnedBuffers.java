// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.python.owned;

import dev.heapwalk.memory.LongTable;
import dev.heapwalk.memory.Reader;
import dev.heapwalk.python.ObjectReader;
import dev.heapwalk.python.PythonRuntime;
import dev.heapwalk.python.layout.BufferLayout;
import dev.heapwalk.python.layout.CodeLayout;
import dev.heapwalk.python.layout.DequeLayout;
import dev.heapwalk.python.layout.DictLayout;
import dev.heapwalk.python.layout.ObjectLayout;
import dev.heapwalk.python.layout.PythonLayout;
import dev.heapwalk.python.layout.SequenceLayout;
import dev.heapwalk.python.layout.SetLayout;
import dev.heapwalk.python.layout.StringLayout;
import dev.heapwalk.python.layout.TypeLayout;
import java.util.Map;

/**
 * The buffers that an object owns besides its own block: the elements of a list, the keys and values of a dictionary,
 * the table of a set. What an object refers to that is an object itself, such as the {@code __dict__} of an instance,
 * is no buffer. Allocates nothing for an object. For one thread.
 *
 * <p>A buffer is told if there is memory of its size at its address. Since a process may be stopped anywhere, and a
 * block that looks like an object may be none, whoever needs to be sure looks whether a block begins there.
 */
public final class OwnedBuffers {
    /** What a type has, as bits, beside {@link Family}: a word with values before its objects. */
    private static final int WITH_VALUES = 1 << 8;

    private static final int FAMILY_MASK = WITH_VALUES - 1;
    private static final int DEEPEST = 64;
    private static final int LONGEST_NAME = 64;
    private static final int LONGEST_TEXT = 1 << 20;

    private enum Family {
        NONE,
        LIST,
        DICT,
        ORDERED,
        SET,
        TEXT,
        BYTE_ARRAY,
        ARRAY,
        DEQUE,
        STRING_IO,
        BYTES_IO,
        CODE,
        TYPE
    }

    private static final Family[] FAMILIES = Family.values();

    /** Types that are known by their name: a name without a point is believed of a variable of the interpreter alone. */
    private static final Map<String, Family> NAMED = Map.of(
            "set", Family.SET,
            "frozenset", Family.SET,
            "bytearray", Family.BYTE_ARRAY,
            "array.array", Family.ARRAY,
            "collections.deque", Family.DEQUE,
            "collections.OrderedDict", Family.ORDERED,
            "_io.StringIO", Family.STRING_IO,
            "_io.BytesIO", Family.BYTES_IO,
            "code", Family.CODE);

    /** More threads than that have no copies of bytecode. */
    private static final int MOST_THREADS = 1 << 20;

    private final Reader memory;
    private final PythonLayout layout;
    private final int shift;
    private final DictLayout dicts;
    private final StringLayout strings;
    private final DequeLayout deques;
    private final BufferLayout buffers;
    private final int wideUnit;
    private final BlockRoom blocks;
    /** What each type that came has. */
    private final LongTable types = new LongTable();

    private long lastType;
    private int last;
    /** A place that a list has led to. */
    private long passed;

    /**
     * Makes one.
     *
     * @param runtime the runtime whose objects are asked for
     * @param reader what follows their pointers, made by that runtime
     */
    public OwnedBuffers(PythonRuntime runtime, ObjectReader reader) {
        this.memory = reader.memory();
        this.layout = PythonLayout.of(runtime.series(), runtime.freeThreaded());
        this.shift = layout.object().shift();
        this.dicts = layout.dict();
        this.strings = layout.string();
        this.deques = layout.deque();
        this.buffers = layout.buffers();
        this.wideUnit = reader.wideUnit();
        this.blocks = new BlockRoom(runtime, memory);
    }

    /**
     * Tells the buffers of an object.
     *
     * @param object target address of an object
     * @param type target address of its type
     * @param sink what takes them
     */
    public void buffers(long object, long type, BufferSink sink) {
        int traits = traits(type);
        if (traits == 0) {
            return;
        }
        // From here on an object is told by where its fields begin.
        long begin = object + shift;
        if ((traits & WITH_VALUES) != 0) {
            instance(begin, sink);
        }
        switch (FAMILIES[traits & FAMILY_MASK]) {
            case NONE -> {}
            case LIST -> list(begin, sink);
            case DICT -> dict(begin, sink);
            case ORDERED -> ordered(begin, sink);
            case SET -> set(begin, sink);
            case TEXT -> text(begin, sink);
            case BYTE_ARRAY -> byteArray(begin, sink);
            case ARRAY -> array(begin, sink);
            case DEQUE -> deque(begin, sink);
            case STRING_IO -> inputOutput(begin, wideUnit(), BufferKind.STRING_IO, sink);
            case BYTES_IO -> inputOutput(begin, Byte.BYTES, BufferKind.BYTES_IO, sink);
            case CODE -> code(begin, sink);
            case TYPE -> type(begin, sink);
        }
    }

    /**
     * Whether objects of a type may own buffers that are known here.
     *
     * @param type target address of a type
     * @return whether they may; if not, {@link #buffers} tells none
     */
    public boolean mayOwn(long type) {
        return traits(type) != 0;
    }

    private int traits(long type) {
        if (type != lastType) {
            int known = (int) types.get(type, -1);
            if (known < 0) {
                known = find(type);
                types.put(type, known);
            }
            lastType = type;
            last = known;
        }
        return last;
    }

    private int find(long type) {
        long flags = memory.readLong(type + shift + TypeLayout.FLAGS, 0);
        long managed = layout.instance().managedDict();
        boolean values = (flags & managed) != 0
                && (layout.instance().values() != 0 || layout.instance().tagged());
        return family(type, flags).ordinal() | (values ? WITH_VALUES : 0);
    }

    private Family family(long type, long flags) {
        if ((flags & TypeLayout.LIST_SUBCLASS) != 0) {
            return Family.LIST;
        }
        if ((flags & TypeLayout.UNICODE_SUBCLASS) != 0) {
            return Family.TEXT;
        }
        if ((flags & TypeLayout.TYPE_SUBCLASS) != 0) {
            return Family.TYPE;
        }
        Family named = byName(type);
        if ((flags & TypeLayout.DICT_SUBCLASS) != 0) {
            return named == Family.ORDERED ? named : Family.DICT;
        }
        return named == Family.BYTES_IO && !buffers.bytesOwns()
                        || named == Family.BYTE_ARRAY && !buffers.byteArrayOwns()
                ? Family.NONE
                : named;
    }

    /** The family of the nearest type above that is known by its name. */
    private Family byName(long type) {
        long base = type;
        for (int i = 0; i < DEEPEST && base != 0 && (base & 7) == 0; i++) {
            String name = memory.readCString(memory.readLong(base + shift + TypeLayout.TP_NAME, 0), LONGEST_NAME, "");
            boolean made = (memory.readLong(base + shift + TypeLayout.FLAGS, 0) & TypeLayout.HEAPTYPE) != 0;
            Family found = NAMED.get(name);
            if (found != null && (!made || name.indexOf('.') > 0)) {
                return found;
            }
            base = memory.readLong(base + shift + TypeLayout.BASE, 0);
        }
        return Family.NONE;
    }

    /** Tells a buffer if there is memory for it. */
    private boolean tell(BufferSink sink, long address, long bytes, BufferKind kind) {
        if (address <= 0 || bytes <= 0 || !memory.mapped(address, bytes)) {
            return false;
        }
        sink.buffer(address, bytes, kind);
        return true;
    }

    private void tellMany(BufferSink sink, long address, long count, long size, BufferKind kind) {
        if (count > 0 && count <= Long.MAX_VALUE / size) {
            tell(sink, address, count * size, kind);
        }
    }

    private void instance(long object, BufferSink sink) {
        long values;
        if (layout.instance().tagged()) {
            long word = memory.readLong(object + layout.instance().dict(), 0);
            values = (word & 1) != 0 ? word + 1 : 0;
        } else {
            values = memory.readLong(object + layout.instance().values(), 0);
        }
        if (values != 0) {
            prefixedValues(values, BufferKind.INSTANCE_VALUES, sink);
        }
    }

    private void list(long list, BufferSink sink) {
        long allocated = memory.readLong(list + SequenceLayout.LIST_ALLOCATED, 0);
        long items = memory.readLong(list + SequenceLayout.LIST_ITEMS, 0);
        if (items != 0) {
            int head = layout.sequence().listHead();
            tellMany(sink, items - head, allocated + head / Long.BYTES, Long.BYTES, BufferKind.LIST_ITEMS);
        }
    }

    private void dict(long dict, BufferSink sink) {
        if (dicts.keys() < 0) {
            long table = memory.readLong(dict + dicts.table(), 0);
            long mask = memory.readLong(dict + dicts.mask(), -1);
            if (table != dict + DictLayout.SMALL_TABLE && mask >= 0) {
                tellMany(sink, table, mask + 1, DictLayout.HASHED_ENTRY, BufferKind.DICT_TABLE);
            }
            return;
        }
        long keys = memory.readLong(dict + dicts.keys(), 0);
        long values = memory.readLong(dict + dicts.values(), 0);
        long size = keysSize(keys);
        // A dictionary that was never filled has keys that are a variable.
        if (size <= 1) {
            return;
        }
        keys(keys, size, values != 0, sink);
        if (values != 0) {
            values(values, size, sink);
        }
    }

    /** How many places the index of keys has; 0 if it makes no sense. */
    private long keysSize(long keys) {
        if (keys == 0 || (keys & 7) != 0 || memory.find(keys, DictLayout.KEYS_BYTES) < 0) {
            return 0;
        }
        if (dicts.keysSize() >= 0) {
            long size = memory.readLong(keys + dicts.keysSize());
            return size < 0 || size > 1L << DictLayout.LARGEST_LOG2 || (size & size - 1) != 0 ? 0 : size;
        }
        byte log2 = memory.readByte(keys + dicts.log2Size());
        return log2 < 0 || log2 > DictLayout.LARGEST_LOG2 ? 0 : 1L << log2;
    }

    private void keys(long keys, long size, boolean split, BufferSink sink) {
        boolean shared = split || dicts.kind() >= 0 && memory.readByte(keys + dicts.kind()) == DictLayout.SPLIT;
        tell(sink, keys, keysBytes(keys, size), shared ? BufferKind.SHARED_KEYS : BufferKind.DICT_KEYS);
    }

    /** How many bytes keys have; 0 if they make no sense. */
    private long keysBytes(long keys, long size) {
        long index;
        int entry = DictLayout.HASHED_ENTRY;
        if (dicts.keysSize() >= 0) {
            index = size * (size <= 0xFF ? 1 : size <= 0xFFFF ? 2 : size <= 0xFFFFFFFFL ? 4 : 8);
        } else {
            byte log2 = memory.readByte(keys + dicts.log2IndexBytes());
            if (log2 < 0 || log2 > DictLayout.LARGEST_LOG2) {
                return 0;
            }
            index = 1L << log2;
            entry = memory.readByte(keys + dicts.kind()) == DictLayout.GENERAL
                    ? DictLayout.HASHED_ENTRY
                    : DictLayout.PLAIN_ENTRY;
        }
        return dicts.indices() + index + DictLayout.room(size) * entry;
    }

    /** How many keys there is room for in memory that is there. */
    private long roomOfKeys(long keys) {
        long size = keysSize(keys);
        long bytes = size == 0 ? 0 : keysBytes(keys, size);
        return bytes > 0 && memory.mapped(keys, bytes) ? DictLayout.room(size) : 0;
    }

    private void values(long values, long size, BufferSink sink) {
        if (dicts.prefixed()) {
            prefixedValues(values, BufferKind.DICT_VALUES, sink);
        } else if (dicts.valuesHead() == 0) {
            tellMany(sink, values, DictLayout.room(size), Long.BYTES, BufferKind.DICT_VALUES);
        } else if (memory.readByte(values + DictLayout.VALUES_EMBEDDED, (byte) 1) == 0) {
            int capacity = memory.readByte(values + DictLayout.VALUES_CAPACITY, (byte) 0) & 0xFF;
            tell(sink, values, DictLayout.valuesBytes(capacity), BufferKind.DICT_VALUES);
        }
    }

    /**
     * Values with their order before them. How many there are, the bytes before them tell to eight, and the block that
     * they lie in, which is one of pymalloc unless there is none, to one.
     */
    private void prefixedValues(long values, BufferKind kind, BufferSink sink) {
        int prefix = memory.readByte(values + DictLayout.VALUES_PREFIX, (byte) 0) & 0xFF;
        if (prefix == 0 || (prefix & 7) != 0) {
            return;
        }
        long most = prefix - DictLayout.LEAST_PREFIX;
        long room = blocks.room(values - prefix);
        long count = room < 0 ? most : (room - prefix) / Long.BYTES;
        tell(
                sink,
                values - prefix,
                prefix + Math.clamp(count, Math.max(1, most - Long.BYTES + 1), most) * Long.BYTES,
                kind);
    }

    private void ordered(long dict, BufferSink sink) {
        dict(dict, sink);
        long table = memory.readLong(dict + BufferLayout.ORDER_TABLE, 0);
        tellMany(
                sink,
                table,
                memory.readLong(dict + BufferLayout.ORDER_TABLE_SIZE, 0),
                Long.BYTES,
                BufferKind.ORDER_TABLE);
        // There is a node for each key, so no more than the keys have room for.
        long most =
                Math.min(roomOfKeys(memory.readLong(dict + dicts.keys(), 0)), memory.readLong(dict + dicts.used(), 0));
        long node = memory.readLong(dict + BufferLayout.ORDER_FIRST, 0);
        for (long i = 0; i < most && node != 0 && !leadsBack(node, i); i++) {
            if (!tell(sink, node, BufferLayout.ORDER_NODE_BYTES, BufferKind.ORDER_NODE)) {
                return;
            }
            node = memory.readLong(node + BufferLayout.ORDER_NEXT, 0);
        }
    }

    /** Whether a list has come back to a place where it was: those are kept that are a power of two steps in. */
    private boolean leadsBack(long place, long step) {
        if (step > 0 && place == passed) {
            return true;
        }
        if (Long.bitCount(step) <= 1) {
            passed = place;
        }
        return false;
    }

    private void set(long set, BufferSink sink) {
        long table = memory.readLong(set + SetLayout.TABLE, 0);
        long mask = memory.readLong(set + SetLayout.MASK, -1);
        if (table != set + layout.set().small() && mask >= 0) {
            tellMany(sink, table, mask + 1, SetLayout.ENTRY, BufferKind.SET_TABLE);
        }
    }

    private void text(long text, BufferSink sink) {
        if (strings.asciiSize() < 0) {
            long length = memory.readLong(text + StringLayout.LENGTH, -1);
            tellMany(sink, memory.readLong(text + strings.text(), 0), length + 1, wideUnit, BufferKind.TEXT);
            return;
        }
        // What can't be read owns nothing.
        int bits = memory.readInt(text + StringLayout.STATE, -1);
        boolean compact = strings.compact(bits);
        if (compact && strings.ascii(bits)) {
            if (strings.wstr() >= 0) {
                wide(text, 0, memory.readLong(text + StringLayout.LENGTH, -1), sink);
            }
            return;
        }
        long data = text + strings.compactSize();
        long length = memory.readLong(text + StringLayout.LENGTH, -1);
        if (!compact) {
            data = memory.readLong(data, 0);
            int unit = strings.kind(bits);
            tellMany(sink, data, length + 1, Math.max(1, unit), BufferKind.TEXT);
        }
        long utf8 = memory.readLong(text + strings.utf8(), 0);
        if (utf8 != data) {
            tellMany(sink, utf8, memory.readLong(text + strings.utf8Length(), -1) + 1, 1, BufferKind.UTF8);
        }
        if (strings.wstr() >= 0) {
            wide(text, data, memory.readLong(text + strings.wstrLength(), -1), sink);
        }
    }

    private void wide(long text, long data, long length, BufferSink sink) {
        long wide = memory.readLong(text + strings.wstr(), 0);
        if (wide != 0 && wide != data) {
            tellMany(sink, wide, length + 1, StringLayout.WIDE, BufferKind.WIDE_TEXT);
        }
    }

    private void byteArray(long array, BufferSink sink) {
        SequenceLayout fields = layout.sequence();
        tell(
                sink,
                memory.readLong(array + fields.byteArrayBytes(), 0),
                memory.readLong(array + fields.byteArrayAllocated(), 0),
                BufferKind.BYTE_ARRAY);
    }

    private void array(long array, BufferSink sink) {
        long descr = memory.readLong(array + BufferLayout.ARRAY_DESCR, 0);
        int itemsize = memory.readInt(descr + BufferLayout.DESCR_ITEMSIZE, 0);
        long allocated = memory.readLong(array + BufferLayout.ARRAY_ALLOCATED, 0);
        if (itemsize > 0) {
            tellMany(sink, memory.readLong(array + BufferLayout.ARRAY_ITEMS, 0), allocated, itemsize, BufferKind.ARRAY);
        }
    }

    private void deque(long deque, BufferSink sink) {
        long right = memory.readLong(deque + deques.right(), 0);
        long block = memory.readLong(deque + deques.left(), 0);
        long most = memory.readLong(deque + deques.length(), 0) / deques.elements() + 2;
        for (long i = 0; i < most && block != 0 && !leadsBack(block, i); i++) {
            if (!tell(sink, block, deques.blockBytes(), BufferKind.DEQUE_BLOCK) || block == right) {
                break;
            }
            block = memory.readLong(block + deques.rightLink(), 0);
        }
        if (deques.spare() >= 0) {
            long spare = Math.min(DequeLayout.MOST_SPARE, memory.readLong(deque + deques.spareCount(), 0));
            for (long i = 0; i < spare; i++) {
                long one = memory.readLong(deque + deques.spare() + i * Long.BYTES, 0);
                tell(sink, one, deques.blockBytes(), BufferKind.DEQUE_SPARE);
            }
        }
    }

    private int wideUnit() {
        return buffers.bytesOwns() ? wideUnit : BufferLayout.IO_CHARACTER;
    }

    private void inputOutput(long object, int unit, BufferKind kind, BufferSink sink) {
        long size = memory.readLong(object + BufferLayout.IO_SIZE, 0);
        tellMany(sink, memory.readLong(object + BufferLayout.IO_BUFFER, 0), size, unit, kind);
    }

    private void code(long code, BufferSink sink) {
        if (buffers.opcache() >= 0) {
            long size = memory.readByte(code + buffers.opcacheSize(), (byte) 0) & 0xFF;
            tellMany(sink, pointer(code, buffers.opcache()), size, BufferLayout.OPCACHE_BYTES, BufferKind.CODE_OPCACHE);
            long bytes = memory.readLong(pointer(code, BufferLayout.CODE) + ObjectLayout.SIZE, 0);
            tell(
                    sink,
                    pointer(code, buffers.opcacheMap()),
                    bytes / BufferLayout.INSTRUCTION,
                    BufferKind.CODE_OPCACHE_MAP);
        }
        long cells = pointer(code, buffers.cellArguments());
        if (cells != 0) {
            long names = pointer(code, buffers.cellvars());
            tellMany(
                    sink,
                    cells,
                    memory.readLong(names + ObjectLayout.SIZE, 0),
                    buffers.cellArgumentBytes(),
                    BufferKind.CODE_CELL_ARGUMENTS);
        }
        long frame = pointer(code, buffers.frame());
        if (frame != 0) {
            frame(frame, sink);
        }
        long extra = pointer(code, buffers.extra());
        if (extra != 0) {
            long count = memory.readLong(extra + BufferLayout.EXTRA_SIZE, 0);
            tellMany(sink, extra, count + 1, Long.BYTES, BufferKind.CODE_EXTRA);
        }
        tell(sink, pointer(code, buffers.cached()), BufferLayout.CACHED_BYTES, BufferKind.CODE_CACHED);
        long instructions = pointer(code, ObjectLayout.SIZE);
        tellMany(sink, pointer(code, buffers.lines()), instructions, Short.BYTES, BufferKind.CODE_LINES);
        long monitoring = pointer(code, buffers.monitoring());
        if (tell(sink, monitoring, buffers.monitoringBytes(), BufferKind.CODE_MONITORING)) {
            monitoring(monitoring, instructions, sink);
        }
        long threads = pointer(code, layout.code().threads());
        long count = threads == 0 ? 0 : memory.readLong(threads + CodeLayout.THREADS_SIZE, 0);
        if (count > 0
                && count < MOST_THREADS
                && tell(sink, threads, CodeLayout.THREADS_ENTRIES + count * Long.BYTES, BufferKind.CODE_THREADS)) {
            for (long i = 1; i < count; i++) {
                long copy = memory.readLong(threads + CodeLayout.THREADS_ENTRIES + i * Long.BYTES, 0);
                tellMany(sink, copy, instructions, BufferLayout.INSTRUCTION, BufferKind.CODE_THREADS);
            }
        }
    }

    private void frame(long frame, BufferSink sink) {
        long type = memory.readLong(frame + ObjectLayout.TYPE, 0);
        long items = memory.readLong(frame + ObjectLayout.SIZE, 0);
        long each = memory.readLong(type + TypeLayout.ITEMSIZE, 0);
        int head = layout.object().gcHead();
        if (items >= 0 && items < LONGEST_TEXT && each > 0 && each <= Long.BYTES) {
            long bytes = memory.readLong(type + TypeLayout.BASICSIZE, 0) + items * each;
            tell(sink, frame - head, head + bytes, BufferKind.CODE_FRAME);
        }
    }

    private void monitoring(long data, long instructions, BufferSink sink) {
        tell(sink, pointer(data, buffers.monitoringTools()), instructions, BufferKind.CODE_MONITORING);
        long lines = pointer(data, buffers.monitoringLines());
        if (lines != 0) {
            // The first patch levels of 3.13 have no such byte.
            byte told = buffers.monitoringHead() ? memory.readByte(lines, (byte) 0) : 0;
            tell(
                    sink,
                    lines,
                    told < Short.BYTES || told > Integer.BYTES + 1
                            ? instructions * Short.BYTES
                            : 1 + instructions * told,
                    BufferKind.CODE_MONITORING);
        }
        tell(sink, pointer(data, buffers.monitoringLines() + Long.BYTES), instructions, BufferKind.CODE_MONITORING);
        long opcodes = pointer(data, buffers.monitoringLines() + 2 * Long.BYTES);
        tellMany(sink, opcodes, instructions, Short.BYTES, BufferKind.CODE_MONITORING);
        long tools = pointer(data, buffers.monitoringLines() + 3 * Long.BYTES);
        tell(sink, tools, instructions, BufferKind.CODE_MONITORING);
    }

    private long pointer(long object, int field) {
        return field < 0 ? 0 : memory.readLong(object + field, 0);
    }

    private void type(long type, BufferSink sink) {
        if ((memory.readLong(type + TypeLayout.FLAGS, 0) & TypeLayout.HEAPTYPE) == 0) {
            return;
        }
        cString(pointer(type, TypeLayout.DOC), BufferKind.TYPE_DOC, sink);
        cString(pointer(type, layout.type().tpname()), BufferKind.TYPE_NAME, sink);
        long keys = pointer(type, layout.type().cachedKeys());
        long size = keysSize(keys);
        if (size > 1) {
            keys(keys, size, true, sink);
        }
    }

    private void cString(long address, BufferKind kind, BufferSink sink) {
        if (address == 0) {
            return;
        }
        int length = 0;
        while (length < LONGEST_TEXT && memory.readByte(address + length, (byte) 0) != 0) {
            length++;
        }
        tell(sink, address, length + 1L, kind);
    }
}
