// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.python.gc;

import dev.heapwalk.memory.Reader;
import dev.heapwalk.python.ObjectReader;
import dev.heapwalk.python.PythonRuntime;
import dev.heapwalk.python.layout.ObjectLayout;
import dev.heapwalk.python.layout.PymallocLayout;
import dev.heapwalk.python.layout.PythonLayout;
import dev.heapwalk.python.layout.TypeLayout;

/**
 * Which block an object lies in, and which object lies in a block: a head of the garbage collector and two more words
 * may lie before an object, and heads for debugging before these. For one thread.
 */
public final class ObjectBlocks {
    private static final int MOST_DEBUG_HEADS = 2;
    /** So many types of types of types are more than enough. */
    private static final int DEEPEST = 8;

    private final ObjectReader reader;
    private final Reader memory;
    private final ObjectLayout layout;
    private final PythonRuntime runtime;
    private final boolean debugHeads;
    private final long typeType;
    private final int[] distances;

    /**
     * Makes one.
     *
     * @param runtime the runtime that the objects are of
     * @param reader what follows the pointers
     */
    public ObjectBlocks(PythonRuntime runtime, ObjectReader reader) {
        this.reader = reader;
        this.memory = reader.memory();
        this.layout = PythonLayout.of(reader.series(), reader.freeThreaded()).object();
        this.runtime = runtime;
        this.debugHeads = runtime.debugHeads();
        this.typeType = runtime.typeType();
        this.distances = new int[] {
            0, layout.gcHead(), layout.gcHead() + ObjectLayout.PRE_HEADER, ObjectLayout.PRE_HEADER,
        };
    }

    /**
     * How many bytes of its block lie before an object.
     *
     * @param type target address of its type
     * @return bytes
     */
    public int before(long type) {
        long flags = reader.flags(type);
        return ((flags & TypeLayout.HAVE_GC) != 0 ? layout.gcHead() : 0)
                + ((flags & layout.preHeaderFlags()) != 0 ? ObjectLayout.PRE_HEADER : 0);
    }

    /**
     * The block that an object lies in.
     *
     * @param object target address of an object
     * @param type target address of its type
     * @return the address of the block as its heap tells it, if the object lies in one
     */
    public long blockOf(long object, long type) {
        return blockOf(object - before(type));
    }

    /**
     * The block that Python asked for.
     *
     * @param address target address of what Python got
     * @return the address of the block as its heap tells it: before a head for debugging, if an allocator other than
     *     pymalloc has the block
     */
    public long blockOf(long address) {
        long block = address;
        if (debugHeads && runtime.arenaAt(address) < 0) {
            for (int i = 0; i < MOST_DEBUG_HEADS && hasHead(block); i++) {
                block -= PymallocLayout.DEBUG_HEAD;
            }
        }
        return block;
    }

    /**
     * The object in a block.
     *
     * @param block target address of a block, as its heap tells it
     * @return target address of the object, 0 if there is none
     */
    public long objectIn(long block) {
        long start = block;
        if (debugHeads && runtime.arenaAt(block) < 0) {
            for (int i = 0; i < MOST_DEBUG_HEADS && hasHead(start + PymallocLayout.DEBUG_HEAD); i++) {
                start += PymallocLayout.DEBUG_HEAD;
            }
        }
        for (int distance : distances) {
            long object = start + distance;
            long type = reader.typeAt(object);
            if (type != 0
                    && isType(type)
                    && before(type) == distance
                    && layout.isInUse(layout.references(memory, object))) {
                return object;
            }
        }
        return 0;
    }

    /** Links of the collector's lists may look like types, but the types of these do not lead to {@code type}. */
    private boolean isType(long address) {
        long type = address;
        for (int i = 0; i < DEEPEST && type != 0; i++) {
            if (type == typeType) {
                return true;
            }
            type = reader.field(type, ObjectLayout.TYPE);
        }
        return false;
    }

    private boolean hasHead(long address) {
        long head = address - PymallocLayout.DEBUG_HEAD;
        return PymallocLayout.isDebugHead(
                memory.readLong(head, -1), memory.readLong(head + PymallocLayout.DEBUG_LETTER, 0));
    }
}
