// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.python.usage;

import dev.heapwalk.heap.BlockView;
import dev.heapwalk.heap.Heaps;
import dev.heapwalk.heap.UsedBlocks;
import dev.heapwalk.heap.usage.Category;
import dev.heapwalk.memory.Reader;
import dev.heapwalk.python.ObjectCursor;
import dev.heapwalk.python.ObjectPlace;
import dev.heapwalk.python.ObjectReader;
import dev.heapwalk.python.PythonInterpreter;
import dev.heapwalk.python.PythonRuntime;
import dev.heapwalk.python.PythonThread;
import dev.heapwalk.python.layout.ObjectLayout;
import dev.heapwalk.python.layout.PythonLayout;
import dev.heapwalk.python.layout.TypeLayout;
import dev.heapwalk.python.owned.BufferKind;
import dev.heapwalk.python.owned.BufferSink;
import dev.heapwalk.python.owned.InstanceDict;
import dev.heapwalk.python.owned.OwnedBuffers;

/**
 * Finds what each block of a target is that holds an object or belongs to one, in one walk over all objects. What owns
 * a block decides: a buffer that looks like an object is a buffer.
 */
final class Ownership {
    private static final int TELL_EACH = 1 << 13;
    /** If there are more blocks of allocators, what lies in the others is not followed. */
    private static final int MOST_BLOCKS = 1 << 20;

    private final PythonRuntime runtime;
    private final UseTable table;
    private final ObjectReader reader;
    private final Reader memory;
    private final TypeUses uses;
    private final OwnedBuffers buffers;
    private final InstanceDict dicts;
    private final ForeignMemory foreign;
    private final InternedTable interned;
    private final int internedTable;
    private final int internedKeys;
    private final int gcHead;
    private final int debugHead;

    /** Whose buffers are told: the number and the address of the type, and whether its instance's dictionary's are. */
    private int type;

    private long typeAddress;
    private boolean ofDict;
    private boolean ofInterned;

    private long object;
    private final BufferSink sink = this::owned;

    private Ownership(PythonRuntime runtime, UseTable table, ObjectReader reader) {
        this.runtime = runtime;
        this.table = table;
        this.reader = reader;
        this.memory = reader.memory();
        this.uses = new TypeUses(table, reader.typeNames());
        this.buffers = new OwnedBuffers(runtime, reader);
        this.dicts = new InstanceDict(runtime, reader);
        this.foreign = new ForeignMemory(runtime, reader, table);
        this.interned = new InternedTable(runtime, reader);
        this.internedTable = table.number(TypeUses.category("interned strings", "dict"));
        this.internedKeys = table.number(TypeUses.category("interned strings", "dict keys"));
        this.gcHead = PythonLayout.of(runtime.series(), runtime.freeThreaded())
                .object()
                .gcHead();
        this.debugHead = PythonHeap.debugHead(runtime);
    }

    /** Fills a table, and makes what knows the blocks that are not in it. */
    static Leftovers find(PythonRuntime runtime, Heaps heaps, UseTable table, ObjectReader reader, Runnable progress) {
        Ownership found = new Ownership(runtime, table, reader);
        found.takeInterpreters();
        try (ObjectCursor object = runtime.objects(heaps)) {
            found.foreign.types(object);
            for (int count = 1; object.next(); count++) {
                found.take(object);
                if ((count & TELL_EACH - 1) == 0) {
                    progress.run();
                }
            }
            found.takeTypes(object);
            new DelayedFrees(
                            table,
                            reader.memory(),
                            PythonLayout.of(runtime.series(), runtime.freeThreaded())
                                    .freeing())
                    .find(runtime);
            Leftovers leftovers = new Leftovers(runtime, reader, object);
            UsedBlocks blocks =
                    UsedBlocks.of(heaps, block -> isUnknown(block, table, leftovers, reader.memory()), MOST_BLOCKS);
            new KeptBlocks(runtime, blocks, table, reader.memory()).find(object);
            found.foreign.finish(blocks);
            return leftovers;
        }
    }

    /** Whether nobody knows the use of a block, and it does not show in what the block holds. */
    private static boolean isUnknown(BlockView block, UseTable table, Leftovers leftovers, Reader memory) {
        return table.get(block.address()) == UseTable.UNKNOWN && leftovers.of(block, memory) == Category.NONE;
    }

    private void takeInterpreters() {
        int state = table.number(TypeUses.category("interpreter", "PyInterpreterState"));
        int thread = table.number(TypeUses.category("interpreter", "PyThreadState"));
        for (PythonInterpreter one : runtime.interpreters()) {
            table.put(table.block(one.address()), state);
            for (PythonThread some : one.threads()) {
                table.put(table.block(some.address()), thread);
            }
        }
    }

    /** Types that C code has made like variables of its own, in blocks that begin with them. */
    private void takeTypes(ObjectCursor object) {
        for (int i = 0; i < object.typeCount(); i++) {
            long block = table.block(object.typeAt(i));
            if (table.get(block) == UseTable.UNKNOWN) {
                long metatype = reader.field(object.typeAt(i), ObjectLayout.TYPE);
                table.put(
                        block,
                        table.number(TypeUses.category(
                                reader.typeNames().of(metatype).toString(), "")));
                foreign.takeOf(object.typeAt(i), metatype);
            }
        }
    }

    private void take(ObjectCursor object) {
        if (object.place() == ObjectPlace.MODULE || object.place() == ObjectPlace.NUMBERS) {
            return;
        }
        long address = object.address();
        long block = object.place() == ObjectPlace.POOL ? object.block() + debugHead : object.block();
        int before = table.get(block);
        if (before != UseTable.UNKNOWN) {
            // It has an owner: it was told with the instance whose dictionary it is, or is no object at all.
            return;
        }
        this.object = address;
        type = object.typeNumber();
        typeAddress = object.type();
        ofDict = false;
        ofInterned = interned.is(address, typeAddress);
        table.put(block, ofInterned ? internedTable : uses.object(type, typeAddress));
        if (buffers.mayOwn(typeAddress)) {
            buffers.buffers(address, typeAddress, sink);
        }
        long dict = dicts.of(address, typeAddress);
        if (dict != 0) {
            takeDict(dict);
        }
        foreign.take(address, type);
    }

    private void takeDict(long dict) {
        long dictType = reader.field(dict, ObjectLayout.TYPE);
        if ((reader.flags(dictType) & TypeLayout.DICT_SUBCLASS) == 0) {
            return;
        }
        table.put(table.block(dict - gcHead), uses.dict(type, typeAddress));
        ofDict = true;
        ofInterned = false;
        buffers.buffers(dict, dictType, sink);
    }

    private void owned(long address, long bytes, BufferKind kind) {
        long block = table.block(address);
        if (ofInterned) {
            table.put(block, internedKeys);
        } else if (kind != BufferKind.SHARED_KEYS) {
            table.put(block, ofDict ? uses.dictBuffer(type, typeAddress, kind) : uses.buffer(type, typeAddress, kind));
        } else if (!ofDict && (reader.flags(typeAddress) & TypeLayout.TYPE_SUBCLASS) != 0) {
            // The keys of its instances.
            table.put(
                    block,
                    table.number(TypeUses.category(
                            kind.label(), reader.typeNames().of(object).toString())));
        } else if (table.get(block) == UseTable.UNKNOWN) {
            table.put(block, ofDict ? uses.dictBuffer(type, typeAddress, kind) : uses.buffer(type, typeAddress, kind));
        }
    }
}
