// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.benchmarks;

import dev.heapwalk.heap.Heap;
import dev.heapwalk.jemalloc.JemallocHeap;
import dev.heapwalk.malloc.MallocHeap;
import dev.heapwalk.mimalloc.MimallocHeap;
import dev.heapwalk.musl.MuslHeap;
import dev.heapwalk.ruby.RubyVm;
import dev.heapwalk.tcmalloc.TcmallocHeap;
import java.util.ArrayList;
import java.util.List;

/** Discovery: how long it takes to find a heap, without any knowledge from before. */
final class Locate {
    private static final int COUNT = 1_000_000;
    private static final int OF_A_GIGABYTE = 9_000_000;

    private Locate() {}

    /** Both kinds of heaps, in a process and in a core. */
    static List<Subject<?>> subjects() {
        List<Subject<?>> all = new ArrayList<>();
        for (Source source : Source.values()) {
            all.add(Subject.of(
                            name("malloc", source),
                            Suite.Set.QUICK,
                            () -> BenchmarkTarget.of(source, MallocProgram.FRAGMENTED, COUNT))
                    .way(Way.JAVA, Locate::malloc)
                    .allocates(Allocation.BY_NATURE));
            all.add(Subject.of(
                            name("ruby", source),
                            Suite.Set.QUICK,
                            () -> BenchmarkTarget.of(source, RubyProgram.FRAGMENTED, COUNT))
                    .way(Way.JAVA, Locate::ruby)
                    .allocates(Allocation.BY_NATURE));
        }
        for (Allocator allocator : Allocator.values()) {
            all.add(of(Suite.Set.QUICK, allocator, COUNT));
            all.add(of(Suite.Set.FULL, allocator, OF_A_GIGABYTE));
        }
        return all;
    }

    private static Subject<?> of(Suite.Set set, Allocator allocator, int count) {
        return Subject.of(
                        "Locate/%s/process/%s".formatted(allocator.label(), Suite.count(count)),
                        set,
                        () -> BenchmarkTarget.of(Source.PROCESS, allocator, count))
                .way(Way.JAVA, opened -> regions(allocator, opened))
                .allocates(Allocation.BY_NATURE);
    }

    private static String name(String what, Source source) {
        return "Locate/%s/%s/%s".formatted(what, source.label(), Suite.count(COUNT));
    }

    /** Finds malloc's heap; returns how many arenas it has. */
    static long malloc(BenchmarkTarget opened) {
        return MallocHeap.locate(opened.target()).arenas().size();
    }

    /** Finds the heap of another allocator; returns how many regions it has. */
    private static long regions(Allocator allocator, BenchmarkTarget opened) {
        Heap heap = switch (allocator) {
            case JEMALLOC -> JemallocHeap.locate(opened.target());
            case TCMALLOC -> TcmallocHeap.locate(opened.target());
            case MIMALLOC -> MimallocHeap.locate(opened.target());
            case MUSL -> MuslHeap.locate(opened.target());
        };
        return heap.regions().columns().size() + heap.firstRegion();
    }

    /** Finds Ruby's heap; returns how many pages it has. */
    static long ruby(BenchmarkTarget opened) {
        return RubyVm.locate(opened.target()).pages().count();
    }
}
