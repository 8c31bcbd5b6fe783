// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.benchmarks;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.heapwalk.malloc.HeapInfo;
import dev.heapwalk.malloc.MallocChunk;
import dev.heapwalk.malloc.MallocHeap;
import dev.heapwalk.malloc.MallocPar;
import dev.heapwalk.malloc.MallocState;
import dev.heapwalk.malloc.TcachePerthread;
import dev.heapwalk.malloc.layout.MallocLayout;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.util.ArrayList;
import java.util.List;
import java.util.function.LongSupplier;

/**
 * Each view of a structure of glibc: lays it over a thousand structures and reads all fields of each. What is read is a
 * copy of a real heap, in which structures of that kind may lie or not: a view does not ask.
 */
final class StructView implements Subject.Ready {
    private static final int COUNT = 1000;
    private static final int ALIGNMENT = 16;

    private final Arena memory = Arena.ofShared();
    private final String view;
    private final MallocLayout layout = layout();
    private final MemorySegment bytes;
    private final long stride;
    private LongSupplier walk;
    private MethodHandle floor;
    private MemorySegment offsets;
    private MallocChunk chunk;
    private HeapInfo heapInfo;
    private MallocState state;
    private MallocPar par;
    private TcachePerthread tcache;

    /** Each view. */
    static List<Subject<?>> subjects() {
        List<Subject<?>> all = new ArrayList<>();
        for (String view : List.of("MallocChunk", "HeapInfo", "MallocState", "MallocPar", "TcachePerthread")) {
            all.add(Subject.of("StructView/" + view, Suite.Set.QUICK, () -> new StructView(view))
                    .way(Way.JAVA, StructView::java)
                    .way(Way.C, StructView::c));
        }
        return all;
    }

    /** Takes a copy of a heap, and holds both ways against each other. */
    private StructView(String view) throws IOException {
        this.view = view;
        try (BenchmarkTarget opened = BenchmarkTarget.of(Source.PROCESS, MallocProgram.FRAGMENTED, 50_000)) {
            MallocHeap heap = MallocHeap.locate(opened.target());
            long size = prepare(heap);
            stride = size + ALIGNMENT - 1 & -ALIGNMENT;
            bytes = memory.allocate(stride * COUNT, 4096);
            opened.target()
                    .memory()
                    .readFully(heap.arenas().getFirst().regions().getFirst().start(), bytes);
        }
        if (java() != c()) {
            throw new IllegalStateException(
                    "%s reads other fields than the floor: %d and %d".formatted(view, java(), c()));
        }
    }

    /** The layout of this machine's glibc, which the program to read has too. */
    private static MallocLayout layout() {
        Linker linker = Linker.nativeLinker();
        MethodHandle asked = linker.downcallHandle(
                linker.defaultLookup().findOrThrow("gnu_get_libc_version"), FunctionDescriptor.of(ADDRESS));
        String version;
        try {
            version = ((MemorySegment) asked.invokeExact())
                    .reinterpret(Short.MAX_VALUE)
                    .getString(0);
        } catch (Throwable e) {
            throw new IllegalStateException(e);
        }
        return MallocLayout.ALL.stream()
                .filter(layout -> layout.covers(version))
                .findFirst()
                .orElseThrow(() -> new IllegalStateException("no layout is known for glibc " + version));
    }

    private long prepare(MallocHeap heap) {
        MallocLayout.State inState = layout.state();
        MallocLayout.Par inPar = layout.par();
        MallocLayout.Tcache inTcache = layout.tcache();
        return switch (view) {
            case "MallocChunk" -> {
                chunk = new MallocChunk();
                floor("chunks");
                walk = this::chunks;
                yield MallocChunk.MIN_SIZE;
            }
            case "HeapInfo" -> {
                heapInfo = new HeapInfo();
                floor("heap_infos");
                walk = this::heapInfos;
                yield layout.heapInfoSize();
            }
            case "MallocState" -> {
                state = new MallocState(heap);
                floor(
                        "states",
                        inState.fastbins(),
                        inState.top(),
                        inState.bins(),
                        inState.next(),
                        inState.attachedThreads(),
                        inState.systemMem(),
                        inState.maxSystemMem());
                walk = this::states;
                yield inState.size();
            }
            case "MallocPar" -> {
                par = new MallocPar(heap);
                floor(
                        "pars",
                        inPar.nMmaps(),
                        inPar.mmappedMem(),
                        inPar.maxMmappedMem(),
                        inPar.sbrkBase(),
                        inPar.tcacheBins(),
                        inPar.tcacheMaxBytes(),
                        inPar.tcacheCount(),
                        inPar.hugePageSize());
                walk = this::pars;
                yield inPar.size();
            }
            case "TcachePerthread" -> {
                tcache = new TcachePerthread(heap);
                floor("tcaches", inTcache.bins(), inTcache.countWidth(), inTcache.entries());
                walk = this::tcaches;
                yield inTcache.size();
            }
            default -> throw new IllegalArgumentException("there is no view " + view);
        };
    }

    private void floor(String function, long... where) {
        offsets = memory.allocateFrom(JAVA_LONG, where);
        floor = FloorLibrary.function(
                "struct_view.c",
                function,
                FunctionDescriptor.of(JAVA_LONG, ADDRESS, JAVA_LONG, JAVA_LONG, ADDRESS),
                memory);
    }

    /** Frees the copy. */
    @Override
    public void close() {
        memory.close();
    }

    private long chunks() {
        long sum = 0;
        for (long at = 0; at < COUNT * stride; at += stride) {
            chunk.wrap(bytes, at, at);
            sum += chunk.mchunkSize() + chunk.size() + (chunk.mmapped() ? 1 : 0) + chunk.fd() + chunk.bk();
        }
        return sum;
    }

    private long heapInfos() {
        long sum = 0;
        for (long at = 0; at < COUNT * stride; at += stride) {
            heapInfo.wrap(bytes, at, at);
            sum += heapInfo.arPtr() + heapInfo.prev() + heapInfo.size() + heapInfo.mprotectSize();
        }
        return sum;
    }

    private long states() {
        long sum = 0;
        for (long at = 0; at < COUNT * stride; at += stride) {
            state.wrap(bytes, at, at);
            sum += state.mutex() + state.flags() + (state.noncontiguous() ? 1 : 0);
            for (int bin = 0; bin < MallocLayout.FASTBINS; bin++) {
                sum += state.fastbin(bin);
            }
            for (int bin = 1; bin <= MallocLayout.BINS; bin++) {
                sum += state.first(bin);
            }
            sum += state.top() + state.next() + state.attachedThreads() + state.systemMem() + state.maxSystemMem();
        }
        return sum;
    }

    private long pars() {
        long sum = 0;
        for (long at = 0; at < COUNT * stride; at += stride) {
            par.wrap(bytes, at, at);
            sum += par.topPad()
                    + par.mmapThreshold()
                    + par.nMmaps()
                    + par.nMmapsMax()
                    + par.maxNMmaps()
                    + par.noDynThreshold()
                    + par.mmappedMem()
                    + par.maxMmappedMem()
                    + par.sbrkBase()
                    + par.tcacheBins()
                    + par.tcacheMaxBytes()
                    + par.tcacheCount()
                    + par.hugePageSize();
        }
        return sum;
    }

    private long tcaches() {
        int bins = layout.tcache().bins();
        long sum = 0;
        for (long at = 0; at < COUNT * stride; at += stride) {
            tcache.wrap(bytes, at, at);
            for (int bin = 0; bin < bins; bin++) {
                sum += tcache.count(bin) + tcache.entry(bin);
            }
        }
        return sum;
    }

    /** Reads by the view; returns the sum of all fields. */
    private long java() {
        return walk.getAsLong();
    }

    /** Reads in C; returns the sum of all fields. */
    private long c() {
        try {
            return (long) floor.invokeExact(bytes, stride, (long) COUNT, offsets);
        } catch (Throwable e) {
            throw new IllegalStateException(e);
        }
    }
}
