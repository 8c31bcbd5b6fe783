// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.benchmarks;

import dev.heapwalk.malloc.MallocHeap;
import dev.heapwalk.ruby.RubyVm;
import java.util.ArrayList;
import java.util.List;

/** Discovery: how long it takes to find a heap, without any knowledge from before. */
final class Locate {
    private static final int COUNT = 1_000_000;

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
        return all;
    }

    private static String name(String what, Source source) {
        return "Locate/%s/%s/%s".formatted(what, source.label(), Suite.count(COUNT));
    }

    /** Finds malloc's heap; returns how many arenas it has. */
    static long malloc(BenchmarkTarget opened) {
        return MallocHeap.locate(opened.target()).arenas().size();
    }

    /** Finds Ruby's heap; returns how many pages it has. */
    static long ruby(BenchmarkTarget opened) {
        return RubyVm.locate(opened.target()).pages().count();
    }
}
