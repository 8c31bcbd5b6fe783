// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.benchmarks;

import dev.heapwalk.memory.Reader;
import dev.heapwalk.memory.Window;
import dev.heapwalk.python.Arena;
import dev.heapwalk.python.GcState;
import dev.heapwalk.python.ObjectCursor;
import dev.heapwalk.python.ObjectPlace;
import dev.heapwalk.python.ObjectReader;
import dev.heapwalk.python.PythonRuntime;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.util.ArrayList;
import java.util.List;

/** The walk of {@code object_walk.c}, compiled here and fed with the arenas, types and lists that were found. */
final class ObjectWalkFloor extends Floor {
    private static final FunctionDescriptor OBJECT_WALK = FunctionDescriptor.of(
            ValueLayout.JAVA_LONG,
            ValueLayout.JAVA_INT,
            ValueLayout.ADDRESS,
            ValueLayout.JAVA_LONG,
            ValueLayout.ADDRESS,
            ValueLayout.ADDRESS,
            ValueLayout.JAVA_LONG,
            ValueLayout.ADDRESS,
            ValueLayout.JAVA_LONG,
            ValueLayout.ADDRESS,
            ValueLayout.JAVA_LONG);
    private static final int ARENA_WORDS = 5;
    private static final int TYPE_WORDS = 6;
    private static final int GRAIN = 16;
    private static final long POOL = 1 << 14;
    private static final long HASH = 0x9E3779B97F4A7C15L;
    // Fields and flags of a type of 3.13.
    private static final int BASICSIZE = 32;
    private static final int ITEMSIZE = 40;
    private static final int FLAGS = 168;
    private static final long INLINE_VALUES = 1L << 2;
    private static final long PRE_HEADER = 1L << 3 | 1L << 4;
    private static final long HAVE_GC = 1L << 14;
    private static final long NUMBER = 1L << 24;
    private static final long TEXT = 1L << 28;

    private final MethodHandle objectWalk;
    private final MemorySegment arenas;
    private final int count;
    private final MemorySegment types;
    private final MemorySegment table;
    private final int slots;
    private final MemorySegment ofType;
    private final int typeCount;

    ObjectWalkFloor(PythonRuntime runtime, ObjectCursor object) {
        super(pid(runtime.target()));
        objectWalk = FloorLibrary.function("object_walk.c", "object_walk", OBJECT_WALK, memory);
        List<Arena> found = runtime.arenas().stream()
                .filter(arena -> arena.carved() > arena.firstPool())
                .toList();
        count = found.size();
        arenas = memory.allocate(ValueLayout.JAVA_LONG, (long) count * ARENA_WORDS);
        Window window = runtime.target().memory().window();
        for (int i = 0; i < count; i++) {
            Arena arena = found.get(i);
            set(i, 0, arena.address());
            set(i, 1, arena.firstPool());
            set(i, 2, arena.carved());
            if (pid == 0) {
                // The others follow it where the core is mapped.
                long offset = window.require(arena.firstPool(), POOL);
                set(i, 3, window.segment().address() + offset);
            }
            set(
                    i,
                    4,
                    memory.allocate(runtime.arenaSize() / GRAIN / Byte.SIZE, Long.BYTES)
                            .address());
        }
        object.rewind();
        while (object.next()) {
            if (object.gcState() != GcState.NOT_COLLECTED
                    && object.gcState() != GcState.UNTRACKED
                    && object.place() == ObjectPlace.POOL) {
                list(object.address(), runtime.arenaSize());
            }
        }
        typeCount = object.typeCount();
        types = memory.allocate(ValueLayout.JAVA_LONG, (long) typeCount * TYPE_WORDS);
        slots = Integer.highestOneBit(typeCount) << 2;
        table = memory.allocate(ValueLayout.JAVA_INT, slots);
        table.fill((byte) -1);
        try (ObjectReader reader = runtime.reader()) {
            for (int i = 0; i < typeCount; i++) {
                type(i, object.typeAt(i), reader);
            }
        }
        ofType = memory.allocate(ValueLayout.JAVA_LONG, typeCount);
    }

    private void set(int arena, int field, long value) {
        arenas.setAtIndex(ValueLayout.JAVA_LONG, (long) arena * ARENA_WORDS + field, value);
    }

    private long get(int arena, int field) {
        return arenas.getAtIndex(ValueLayout.JAVA_LONG, (long) arena * ARENA_WORDS + field);
    }

    private void list(long address, int arenaSize) {
        int low = 0;
        int high = count - 1;
        while (low < high) {
            int middle = low + high + 1 >>> 1;
            if (get(middle, 0) <= address) {
                low = middle;
            } else {
                high = middle - 1;
            }
        }
        long bit = (address - get(low, 0)) / GRAIN;
        MemorySegment bits = MemorySegment.ofAddress(get(low, 4)).reinterpret(arenaSize / GRAIN / Byte.SIZE);
        long word = bits.getAtIndex(ValueLayout.JAVA_LONG, bit >>> 6);
        bits.setAtIndex(ValueLayout.JAVA_LONG, bit >>> 6, word | 1L << bit);
    }

    private void type(int number, long address, ObjectReader reader) {
        Reader target = reader.memory();
        long flags = target.readLong(address + FLAGS, 0);
        long itemsize = target.readLong(address + ITEMSIZE, 0);
        String name = reader.typeNames().of(address).toString();
        // What generators and frames have behind them depends on their code, which is not looked at here.
        boolean plain = itemsize == 0 || name.matches("builtins\\.(generator|coroutine|async_generator|frame)");
        boolean values = (flags & INLINE_VALUES) != 0;
        long kind = (flags & NUMBER) != 0 ? 2 : values ? 4 : (flags & TEXT) != 0 ? 3 : plain ? 0 : 1;
        long before = ((flags & HAVE_GC) != 0 ? GRAIN : 0) + ((flags & PRE_HEADER) != 0 ? GRAIN : 0);
        long[] words = {
            address, before, kind, target.readLong(address + BASICSIZE, 0), itemsize, (flags & HAVE_GC) != 0 ? 1 : 0
        };
        for (int i = 0; i < TYPE_WORDS; i++) {
            types.setAtIndex(ValueLayout.JAVA_LONG, (long) number * TYPE_WORDS + i, words[i]);
        }
        long at = address * HASH >>> 32 & slots - 1;
        while (table.getAtIndex(ValueLayout.JAVA_INT, at) >= 0) {
            at = at + 1 & slots - 1;
        }
        table.setAtIndex(ValueLayout.JAVA_INT, at, number);
    }

    /** What is walked, for a plain copy of it. */
    List<CopyFloor.Range> ranges() {
        List<CopyFloor.Range> ranges = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            ranges.add(new CopyFloor.Range(get(i, 1), get(i, 2) - get(i, 1), get(i, 3)));
        }
        return ranges;
    }

    /** Walks once; returns how many objects there are. */
    long walk() {
        long objects;
        try {
            objects = (long) objectWalk.invokeExact(
                    pid, arenas, (long) count, types, table, slots - 1L, buffer, WINDOW, ofType, (long) typeCount);
        } catch (Throwable e) {
            throw new IllegalStateException(e);
        }
        if (objects < 0) {
            throw unreadable();
        }
        return objects;
    }

    /** The objects of a type, by its number. */
    long objects(int type) {
        return ofType.getAtIndex(ValueLayout.JAVA_LONG, type);
    }
}
