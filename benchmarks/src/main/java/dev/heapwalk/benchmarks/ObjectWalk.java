// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.benchmarks;

import dev.heapwalk.heap.Heaps;
import dev.heapwalk.python.ObjectCursor;
import dev.heapwalk.python.ObjectPlace;
import dev.heapwalk.python.PythonRuntime;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * One pass over the objects in the pools of a Python process, as {@link ObjectCursor} does it and as the same loop does
 * it in C. Over a process a pass copies the memory too; over a core it is the walk alone.
 */
final class ObjectWalk implements Subject.Ready {
    private final BenchmarkTarget opened;
    private final ObjectCursor object;
    private final ObjectWalkFloor floor;
    private final CopyFloor copy;
    private final long[] ofType;
    /** How many there are in pools. */
    private long objects;

    /** Walks over heaps of all sizes. */
    static List<Subject<?>> subjects() {
        List<Subject<?>> all = new ArrayList<>();
        for (Source source : Source.values()) {
            all.add(walk(Suite.Set.QUICK, source, 10_000));
            all.add(walk(Suite.Set.SHORT, source, 500_000));
            all.add(walk(Suite.Set.FULL, source, 5_000_000));
        }
        return all;
    }

    private static Subject<ObjectWalk> walk(Suite.Set set, Source source, int instances) {
        return Subject.of(
                        "ObjectWalk/%s/%s".formatted(source.label(), Suite.count(instances)),
                        set,
                        () -> new ObjectWalk(source, instances))
                .steps(on -> on.objects)
                .allocates(Allocation.NOTHING_PER_STEP)
                .way(Way.JAVA, ObjectWalk::java)
                .way(Way.C, ObjectWalk::c)
                .way(Way.COPY, ObjectWalk::copy);
    }

    /** Starts the program, opens it, and holds both walks against each other. */
    private ObjectWalk(Source source, int instances) throws IOException {
        opened = BenchmarkTarget.python(source, instances);
        PythonRuntime runtime = PythonRuntime.locate(opened.target());
        object = runtime.objects(Heaps.of(opened.target()));
        floor = new ObjectWalkFloor(runtime, object);
        copy = new CopyFloor(floor.pid(), floor.ranges());
        ofType = new long[object.typeCount()];
        long said = floor.walk();
        objects = said;
        walk();
        if (object.next() && object.place() == ObjectPlace.POOL
                || Arrays.stream(ofType).sum() != said) {
            throw new IllegalStateException("the cursor tells %,d objects of pools or more, the floor %,d"
                    .formatted(Arrays.stream(ofType).sum(), said));
        }
        for (int type = 0; type < ofType.length; type++) {
            if (ofType[type] != floor.objects(type)) {
                throw new IllegalStateException("the cursor tells %,d objects of type 0x%x, the floor %,d"
                        .formatted(ofType[type], object.typeAt(type), floor.objects(type)));
            }
        }
    }

    /** Ends the program. */
    @Override
    public void close() {
        copy.close();
        floor.close();
        object.close();
        opened.close();
    }

    /** Counts the objects in pools by type; these come first. */
    private void walk() {
        Arrays.fill(ofType, 0);
        ObjectCursor cursor = object;
        long[] count = ofType;
        cursor.rewind();
        for (long left = objects; left > 0 && cursor.next(); left--) {
            count[cursor.typeNumber()]++;
        }
    }

    /** Walks by the cursor; returns the objects. */
    private long java() {
        walk();
        return objects;
    }

    /** Walks by the same loop in C; returns the objects. */
    private long c() {
        return floor.walk();
    }

    /** Copies the pools; returns the bytes. */
    private long copy() {
        return copy.copy();
    }
}
