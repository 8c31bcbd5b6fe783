// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.benchmarks;

import dev.heapwalk.malloc.MallocHeap;
import dev.heapwalk.ruby.RubyVm;
import java.util.List;
import java.util.function.Function;
import java.util.function.ToLongFunction;
import java.util.function.UnaryOperator;

/**
 * A look at a heap that was found before: what a profiler does at each sample of a process that runs on. It is held
 * against finding the heap from the start.
 *
 * @param <H> what is looked at
 */
final class Refresh<H> implements Subject.Ready {
    private final BenchmarkTarget opened;
    private final UnaryOperator<H> again;
    private final ToLongFunction<H> parts;
    private final ToLongFunction<BenchmarkTarget> fromStart;
    private H heap;

    /** Heaps of malloc, one of which has many blocks with a mapping of their own, and a heap of Ruby. */
    static List<Subject<?>> subjects() {
        return List.of(
                malloc("malloc", MallocProgram.FRAGMENTED, 1_000_000),
                malloc("mmapped", MallocProgram.MMAPPED, 980),
                refresh(
                        "ruby",
                        1_000_000,
                        () -> new Refresh<>(
                                BenchmarkTarget.of(Source.PROCESS, RubyProgram.FRAGMENTED, 1_000_000),
                                opened -> RubyVm.locate(opened.target()),
                                RubyVm::refresh,
                                vm -> vm.pages().count(),
                                Locate::ruby)));
    }

    private static Subject<?> malloc(String what, MallocProgram program, int mallocs) {
        return refresh(
                what,
                mallocs,
                () -> new Refresh<>(
                        BenchmarkTarget.of(Source.PROCESS, program, mallocs),
                        opened -> MallocHeap.locate(opened.target()),
                        MallocHeap::refresh,
                        heap -> heap.arenas().size(),
                        Locate::malloc));
    }

    private static <H> Subject<Refresh<H>> refresh(String what, int count, Subject.Opener<Refresh<H>> opener) {
        return Subject.of(
                        "Refresh/%s/%s/%s".formatted(what, Source.PROCESS.label(), Suite.count(count)),
                        Suite.Set.QUICK,
                        opener)
                .way(Way.JAVA, Refresh::java)
                .way(Way.LOCATE, Refresh::locate)
                .goal("locate wall", 0.1)
                .allocates(Allocation.BY_NATURE);
    }

    private Refresh(
            BenchmarkTarget opened,
            Function<BenchmarkTarget, H> first,
            UnaryOperator<H> again,
            ToLongFunction<H> parts,
            ToLongFunction<BenchmarkTarget> fromStart) {
        this.opened = opened;
        this.again = again;
        this.parts = parts;
        this.fromStart = fromStart;
        heap = first.apply(opened);
        long found = parts.applyAsLong(heap);
        if (found == 0 || java() != found || locate() != found) {
            throw new IllegalStateException("%,d arenas or pages at first, %,d at the second look, %,d from the start"
                    .formatted(found, java(), locate()));
        }
    }

    /** Looks again; returns how many arenas or pages there are. */
    private long java() {
        heap = again.apply(heap);
        return parts.applyAsLong(heap);
    }

    /** Finds it from the start; returns how many arenas or pages there are. */
    private long locate() {
        return fromStart.applyAsLong(opened);
    }

    /** Ends the program. */
    @Override
    public void close() {
        opened.close();
    }
}
