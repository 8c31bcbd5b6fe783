// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.benchmarks;

import dev.heapwalk.heap.Heaps;
import dev.heapwalk.heap.usage.Category;
import dev.heapwalk.heap.usage.UsageCursor;
import dev.heapwalk.malloc.MallocHeap;
import java.util.ArrayList;
import java.util.List;

/**
 * One pass over every chunk of a heap that also says what each is used for, as {@link UsageCursor} does it. It is held
 * against the bare walk in C, which says nothing of use.
 */
final class Categorize implements Subject.Ready {
    private static final int COUNT = 1_000_000;

    private final BenchmarkTarget opened;
    private final UsageCursor usage;
    private final ChunkWalkFloor floor;
    private final CopyFloor copy;
    private final long steps;

    /** Heaps of C strings and of Ruby, and one of Ruby in which neighbours are of different classes. */
    static List<Subject<?>> subjects() {
        List<Subject<?>> all = new ArrayList<>();
        for (Source source : Source.values()) {
            all.add(usage(
                    Suite.Set.QUICK,
                    "strings",
                    source,
                    () -> new Categorize(BenchmarkTarget.of(source, MallocProgram.STRINGS, COUNT))));
            all.add(usage(
                    Suite.Set.QUICK,
                    "ruby",
                    source,
                    () -> new Categorize(BenchmarkTarget.of(source, RubyProgram.FRAGMENTED, COUNT))));
        }
        all.add(usage(
                Suite.Set.SHORT,
                "ruby-alternating",
                Source.PROCESS,
                () -> new Categorize(BenchmarkTarget.of(Source.PROCESS, RubyProgram.ALTERNATING, COUNT))));
        return all;
    }

    private static Subject<Categorize> usage(
            Suite.Set set, String program, Source source, Subject.Opener<Categorize> opener) {
        return Subject.of("Categorize/%s/%s/%s".formatted(program, source.label(), Suite.count(COUNT)), set, opener)
                .way(Way.JAVA, Categorize::java)
                .way(Way.WALK, Categorize::c)
                .way(Way.COPY, Categorize::copy)
                .steps(on -> on.steps)
                .allocates(Allocation.NOTHING_PER_STEP);
    }

    private Categorize(BenchmarkTarget opened) {
        this.opened = opened;
        Heaps heaps = Heaps.of(opened.target());
        usage = UsageCursor.over(heaps);
        floor = new ChunkWalkFloor(heaps.find(MallocHeap.class).orElseThrow());
        copy = new CopyFloor(floor.pid(), floor.ranges());
        long passed = 0;
        while (usage.next()) {
            passed++;
        }
        steps = passed;
        long categorized = java();
        if (categorized < COUNT / 2) {
            throw new IllegalStateException(
                    "only %,d of some %,d blocks have a category".formatted(categorized, COUNT));
        }
    }

    /** Ends the program. */
    @Override
    public void close() {
        copy.close();
        floor.close();
        opened.close();
    }

    /** Walks the whole heap; returns how many used chunks and blocks there are. */
    private long java() {
        usage.rewind();
        long used = 0;
        while (usage.next()) {
            if (usage.category() != Category.NONE) {
                used++;
            }
        }
        return used;
    }

    /** Walks the chunks alone, in C; returns the bytes in used ones. */
    private long c() {
        return floor.walk();
    }

    /** Copies the heap; returns the bytes. */
    private long copy() {
        return copy.copy();
    }
}
