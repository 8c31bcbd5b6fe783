// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.python.owned;

import dev.heapwalk.heap.Damage;
import dev.heapwalk.heap.Heaps;
import dev.heapwalk.memory.LongTable;
import dev.heapwalk.python.GcState;
import dev.heapwalk.python.ObjectCursor;
import dev.heapwalk.python.ObjectReader;
import dev.heapwalk.python.PythonRuntime;
import dev.heapwalk.python.object.TypeNames;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.function.LongConsumer;

/**
 * How many objects there are of each type, how large they are, and how much they own. A buffer that several objects
 * share is counted once, with the object that comes first. Immutable.
 */
public final class TypeCounts {
    private static final int STATES = GcState.values().length;
    private static final int TELL_EACH = 1 << 13;

    private final List<TypeCount> types;
    private final List<Damage> damages;
    private final List<String> notices;

    private TypeCounts(Counting counted) {
        this.types = counted.list();
        this.damages = List.copyOf(counted.object.damages());
        this.notices = counted.object.notices();
    }

    /**
     * Counts all objects.
     *
     * @param runtime whose objects
     * @param heaps the heaps of the same target
     * @return the counts
     */
    public static TypeCounts of(PythonRuntime runtime, Heaps heaps) {
        return of(runtime, heaps, counted -> {});
    }

    /**
     * Counts all objects, and says how far it is.
     *
     * @param runtime whose objects
     * @param heaps the heaps of the same target
     * @param progress is given from time to time how many bytes the objects have that were counted; an exception of it ends
     *     that
     * @return the counts
     */
    public static TypeCounts of(PythonRuntime runtime, Heaps heaps, LongConsumer progress) {
        try (ObjectReader reader = runtime.reader();
                ObjectCursor object = runtime.objects(heaps)) {
            Counting counting = new Counting(object, new OwnedBuffers(runtime, reader), reader.typeNames());
            counting.all(progress);
            return new TypeCounts(counting);
        }
    }

    /** Counts in arrays by the number of a type. */
    private static final class Counting {
        private final ObjectCursor object;
        private final OwnedBuffers buffers;
        private final TypeNames names;
        private final BufferSink sink = this::owned;
        private final LongTable shared = new LongTable();
        private final long[] objects;
        private final long[] bytes;
        private final long[] owned;
        private final long[] states;

        Counting(ObjectCursor object, OwnedBuffers buffers, TypeNames names) {
            this.object = object;
            this.buffers = buffers;
            this.names = names;
            this.objects = new long[object.typeCount()];
            this.bytes = new long[objects.length];
            this.owned = new long[objects.length];
            this.states = new long[objects.length * STATES];
        }

        void all(LongConsumer progress) {
            long count = 0;
            long walked = 0;
            while (object.next()) {
                int type = object.typeNumber();
                objects[type]++;
                bytes[type] += object.size();
                walked += object.size();
                states[type * STATES + object.gcState().ordinal()]++;
                if (buffers.mayOwn(object.type())) {
                    buffers.buffers(object.address(), object.type(), sink);
                }
                if ((++count & TELL_EACH - 1) == 0) {
                    progress.accept(walked);
                }
            }
        }

        private void owned(long address, long size, BufferKind kind) {
            if (kind.shared()) {
                if (shared.get(address, 0) != 0) {
                    return;
                }
                shared.put(address, 1);
            }
            owned[object.typeNumber()] += size;
        }

        List<TypeCount> list() {
            List<TypeCount> all = new ArrayList<>();
            for (int i = 0; i < objects.length; i++) {
                if (objects[i] > 0) {
                    long type = object.typeAt(i);
                    all.add(new TypeCount(type, names.of(type), objects[i], bytes[i], owned[i], states(i)));
                }
            }
            all.sort(Comparator.comparingLong((TypeCount each) -> each.bytes() + each.owned())
                    .reversed()
                    .thenComparing(each -> each.name().toString())
                    .thenComparing(TypeCount::type));
            return List.copyOf(all);
        }

        private Map<GcState, Long> states(int type) {
            Map<GcState, Long> some = new EnumMap<>(GcState.class);
            for (GcState state : GcState.values()) {
                long count = states[type * STATES + state.ordinal()];
                if (count > 0) {
                    some.put(state, count);
                }
            }
            return some;
        }
    }

    /**
     * The counts by type, of all types that have objects.
     *
     * @return an unmodifiable list, most bytes first with what is owned; two types may have one name
     */
    public List<TypeCount> list() {
        return types;
    }

    /**
     * What was damaged where objects were looked for.
     *
     * @return an unmodifiable list
     */
    public List<Damage> damages() {
        return damages;
    }

    /**
     * What is worth knowing of the walk.
     *
     * @return a line each, for a person
     */
    public List<String> notices() {
        return notices;
    }
}
