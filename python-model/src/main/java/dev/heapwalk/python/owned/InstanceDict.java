// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.python.owned;

import dev.heapwalk.memory.LongTable;
import dev.heapwalk.memory.Reader;
import dev.heapwalk.python.ObjectReader;
import dev.heapwalk.python.PythonRuntime;
import dev.heapwalk.python.layout.InstanceLayout;
import dev.heapwalk.python.layout.ObjectLayout;
import dev.heapwalk.python.layout.PythonLayout;
import dev.heapwalk.python.layout.TypeLayout;

/** Finds the {@code __dict__} of instances, if they have made one. Allocates nothing for an object. For one thread. */
public final class InstanceDict {
    /** An instance may have items, and its dictionary is found from their end. */
    private static final long FROM_END = 1L << 32;

    private static final long NONE = 1L << 33;
    private static final long MANAGED = 1L << 34;
    private static final int FARTHEST = 1 << 20;

    private final Reader memory;
    private final InstanceLayout layout;
    private final int shift;
    /** Of each type that came, where its objects have it. */
    private final LongTable types = new LongTable();

    private long lastType;
    private long last = NONE;

    /**
     * Makes one.
     *
     * @param runtime the runtime whose objects are asked for
     * @param reader what follows their pointers, made by that runtime
     */
    public InstanceDict(PythonRuntime runtime, ObjectReader reader) {
        this.memory = reader.memory();
        PythonLayout acting = PythonLayout.of(runtime.series(), runtime.freeThreaded());
        this.layout = acting.instance();
        this.shift = acting.object().shift();
    }

    /**
     * The {@code __dict__} of an object.
     *
     * @param object target address of an object
     * @param type target address of its type
     * @return target address of what is there, which should be a dictionary; 0 if there is none
     */
    public long of(long object, long type) {
        long place = place(type);
        if (place == NONE) {
            return 0;
        }
        if (place == MANAGED) {
            long word = memory.readLong(object + shift + layout.dict(), 0);
            return layout.tagged() && (word & 1) != 0 ? 0 : word;
        }
        if ((place & FROM_END) == 0) {
            return memory.readLong(object + place, 0);
        }
        long items = Math.abs(memory.readLong(object + shift + ObjectLayout.SIZE, 0));
        long size = memory.readLong(type + shift + TypeLayout.BASICSIZE, 0)
                + items * memory.readLong(type + shift + TypeLayout.ITEMSIZE, 0);
        long offset = (size + Long.BYTES - 1 & -Long.BYTES) + (int) place;
        return offset < ObjectLayout.BYTES ? 0 : memory.readLong(object + offset, 0);
    }

    private long place(long type) {
        if (type != lastType) {
            long known = types.get(type, -1);
            if (known < 0) {
                known = find(type);
                types.put(type, known);
            }
            lastType = type;
            last = known;
        }
        return last;
    }

    private long find(long type) {
        long flags = memory.readLong(type + shift + TypeLayout.FLAGS, 0);
        if ((flags & layout.managedDict()) != 0) {
            return MANAGED;
        }
        // Types have the dictionary of their objects' attributes there, which is none of theirs alone.
        long offset = memory.readLong(type + shift + TypeLayout.DICTOFFSET, 0);
        if (offset == 0 || Math.abs(offset) > FARTHEST || (flags & TypeLayout.TYPE_SUBCLASS) != 0) {
            return NONE;
        }
        return offset > 0 ? offset : FROM_END | offset & FROM_END - 1;
    }
}
