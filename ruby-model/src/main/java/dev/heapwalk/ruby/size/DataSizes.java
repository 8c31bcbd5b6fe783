// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.size;

import dev.heapwalk.memory.LongTable;
import dev.heapwalk.memory.Reader;
import dev.heapwalk.ruby.ObjectReader;
import dev.heapwalk.ruby.RValue;
import dev.heapwalk.ruby.RubyType;
import dev.heapwalk.ruby.code.CodeMemory;
import dev.heapwalk.ruby.code.SizeFunction;
import dev.heapwalk.ruby.layout.ContextLayout;
import dev.heapwalk.ruby.layout.DataLayout;
import dev.heapwalk.ruby.layout.MemsizeLayout;
import dev.heapwalk.ruby.layout.RubyLayout;
import dev.heapwalk.ruby.layout.TableLayout;
import dev.heapwalk.ruby.layout.ThreadLayout;
import dev.heapwalk.ruby.object.DataTypes;
import dev.heapwalk.ruby.object.FiberFields;
import dev.heapwalk.ruby.object.RData;
import dev.heapwalk.ruby.table.StEntries;
import java.util.ArrayList;
import java.util.List;

/**
 * The sizes of what C code holds for objects of type {@code T_DATA}: C name {@code rb_data_type_t.function.dsize}. A
 * type without such a function, or with a {@linkplain SizeFunction simple one}, needs no knowledge of the type; most
 * have one of these. Of the others, Ruby's own are known by name.
 */
final class DataSizes {
    /** What a function looks at. */
    private enum Kind {
        NONE,
        THREAD,
        FIBER,
        ISEQ,
        TABLE,
        WEAK_MAP,
        WEAK_KEY_MAP,
        OLD_WEAK_MAP,
        SCANNER,
        CALL_CACHES,
        SET,
        COMPATIBILITY,
        MACHINE,
        OTHER
    }

    /** What is known of a type: how its size is told, {@code dsize}, and whether its data may lie in the slot. */
    private record Type(Kind kind, long function, boolean embeddable) {}

    private final ObjectReader reader;
    private final Reader memory;
    private final MemorySizes sizes;
    private final BlockSizes blocks;
    private final MemsizeLayout layout;
    private final ThreadLayout threads;
    private final ContextLayout contexts;
    private final DataLayout dataLayout;
    private final FiberFields fibers;
    private final RData view;
    private final RValue other;
    private final SizeFunction function;
    private final StEntries entries;
    private final LongTable indexes = new LongTable();
    private final List<Type> types = new ArrayList<>();

    DataSizes(ObjectReader reader, MemorySizes sizes) {
        this.reader = reader;
        this.memory = reader.memory();
        this.sizes = sizes;
        this.blocks = new BlockSizes(reader.vm());
        this.layout = RubyLayout.of(reader.series()).memsize();
        this.threads = RubyLayout.of(reader.series()).thread();
        this.contexts = RubyLayout.of(reader.series()).context();
        this.dataLayout = RubyLayout.of(reader.series()).data();
        this.fibers = new FiberFields(reader);
        this.view = new RData(reader);
        this.other = new RValue(reader);
        this.function = new SizeFunction(reader.vm().target().machine(), CodeMemory.of(memory));
        this.entries = new StEntries(reader);
    }

    /**
     * What is outside the slot in bytes, or {@link MemorySizes#UNKNOWN}. C name {@code rb_objspace_data_type_memsize}.
     */
    long of(RValue object) {
        RData data = reader.at(object.address(), view);
        if (!data.typed()) {
            return 0;
        }
        // Before the type is read, which may move the view.
        long address = data.dataType();
        boolean embedded = data.embedded();
        long content = data.data();
        int index = (int) indexes.get(address, -1);
        if (index < 0) {
            index = types.size();
            types.add(read(address));
            indexes.put(address, index);
        }
        Type type = types.get(index);
        long usable = 0;
        if (type.embeddable() && !embedded && content != 0) {
            usable = blocks.usable(content);
        }
        if (content == 0) {
            return 0;
        }
        long size = of(type, content);
        return size < 0 || usable < 0 ? MemorySizes.UNKNOWN : usable + size;
    }

    private Type read(long address) {
        String name = DataTypes.name(reader, address).orElse("");
        boolean embeddable = (memory.readLong(address + DataLayout.TYPE_FLAGS) & dataLayout.embeddable()) != 0;
        long function = memory.readLong(address + DataLayout.TYPE_SIZE);
        return new Type(function == 0 ? Kind.NONE : kind(name), function, embeddable);
    }

    private Kind kind(String name) {
        return switch (name) {
            case "VM/thread" -> Kind.THREAD;
            case "fiber" -> Kind.FIBER;
            case "T_IMEMO/iseq" -> Kind.ISEQ;
            case "autoload_table", "autoload" -> Kind.TABLE;
            case "weakmap" -> dataLayout.weakMapsOfPointers() ? Kind.WEAK_MAP : Kind.OLD_WEAK_MAP;
            case "weakkeymap" -> Kind.WEAK_KEY_MAP;
            case "StringScanner" -> Kind.SCANNER;
            case "VM/cc_table" -> Kind.CALL_CACHES;
            case "set" -> Kind.SET;
            case "marshal_compat_table" -> Kind.COMPATIBILITY;
            case "VM" -> Kind.MACHINE;
            default -> Kind.OTHER;
        };
    }

    private long of(Type type, long data) {
        return switch (type.kind()) {
            case NONE -> 0;
            case THREAD -> thread(data);
            case FIBER -> fiber(data);
            case ISEQ -> sizes.iseq(dataLayout.codeWrapped() ? memory.readLong(data) : data);
            case TABLE -> sizes.table(data);
            case WEAK_MAP -> weakMap(data, 16);
            case WEAK_KEY_MAP -> weakMap(data, 8);
            case OLD_WEAK_MAP -> oldWeakMap(data);
            case SCANNER -> scanner(type, data);
            case CALL_CACHES -> sizes.callCacheTable(data);
            case SET -> sizes.set(data);
            case COMPATIBILITY ->
                sizes.table(data) + MemsizeLayout.COMPATIBILITY * memory.readLong(data + TableLayout.ST_NUM_ENTRIES);
            // Since 3.3 this goes through the caches of all constants.
            case MACHINE -> function.callLong(type.function(), data);
            case OTHER -> function.call(type.function(), data);
        };
    }

    /** It counts the registers of its last match, which stand in its middle, if it was built so; or its size stays. */
    private long scanner(Type type, long data) {
        long own = function.call(type.function(), data);
        return own >= 0 ? own : MemsizeLayout.SCANNER + sizes.region(data + MemsizeLayout.SCANNER_REGISTERS);
    }

    private long weakMap(long data, int entry) {
        long table = memory.readLong(data);
        return sizes.table(table) + entry * memory.readLong(table + TableLayout.ST_NUM_ENTRIES);
    }

    /** With two tables, one of which has lists of values, which begin with their length. */
    private long oldWeakMap(long data) {
        long objects = memory.readLong(data);
        long size = MemsizeLayout.OLD_WEAK_MAP
                + sizes.table(objects)
                + sizes.table(memory.readLong(data + DataLayout.WEAK_MAP_SECOND));
        entries.over(objects);
        while (entries.next()) {
            size += 8 * (memory.readLong(entries.record()) + 1);
        }
        return size;
    }

    private long thread(long thread) {
        long size = layout.thread();
        long context = memory.readLong(thread + threads.ec());
        if (memory.readLong(thread + threads.rootFiber()) == 0) {
            size += 8 * memory.readLong(context + ContextLayout.VM_STACK_SIZE);
        }
        return size + storage(memory.readLong(context + contexts.localStorage()));
    }

    private long storage(long table) {
        if (table == 0) {
            return 0;
        }
        return contexts.localStorageById() ? sizes.idTable(table) : sizes.table(table);
    }

    /** The size of what fibers inherit, a Hash or nil. */
    private long hash(long value) {
        RValue hash = reader.isSlot(value) ? reader.at(value, other) : null;
        return hash != null && hash.type() == RubyType.HASH ? sizes.of(hash) : 0;
    }

    /** How much larger a fiber's jump buffer is than the compiler's own, or -1. */
    private int growth(long fiber) {
        int shift = fibers.shift(fiber);
        if (shift >= 0) {
            return shift;
        }
        // A thread's own fiber has no Proc.
        long usable = blocks.usable(fiber);
        return usable < 0
                ? -1
                : usable == layout.fiberUsable() + ContextLayout.LIBC_JMP_BUF_SHIFT
                        ? ContextLayout.LIBC_JMP_BUF_SHIFT
                        : 0;
    }

    private long fiber(long fiber) {
        long context = fiber + ContextLayout.FIBER_EC;
        long thread = memory.readLong(context + contexts.thread());
        // Ruby's jump buffer may be larger than that of the compiler. It stands twice in the size, once for each
        // structure.
        int growth = growth(fiber);
        if (growth < 0) {
            return MemorySizes.UNKNOWN;
        }
        long size = layout.fiber() + 2 * growth;
        long storage = memory.readLong(context + contexts.localStorage());
        if (storage != 0 && thread != 0 && memory.readLong(thread + threads.rootFiber()) != fiber) {
            size += storage(storage)
                    + (layout.fiberStorage()
                            ? hash(memory.readLong(context + contexts.localStorage() + ContextLayout.INHERITED_STORAGE))
                            : 0);
        }
        long stack = fiber + ContextLayout.FIBER_VM_STACK;
        if (memory.readLong(stack) != 0) {
            size += 8
                    * (memory.readLong(stack + ContextLayout.SAVED_STACK_SIZE)
                            + memory.readLong(stack + ContextLayout.SAVED_FRAMES_SIZE));
        }
        long machine = fiber + ContextLayout.FIBER_MACHINE;
        return size
                + (memory.readLong(machine) == 0 ? 0 : 8 * memory.readLong(machine + ContextLayout.SAVED_MACHINE_SIZE));
    }
}
