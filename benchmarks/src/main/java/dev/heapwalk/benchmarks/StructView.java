// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.benchmarks;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.heapwalk.malloc.HeapInfo;
import dev.heapwalk.malloc.MallocChunk;
import dev.heapwalk.malloc.MallocHeap;
import dev.heapwalk.malloc.MallocLayout;
import dev.heapwalk.malloc.MallocPar;
import dev.heapwalk.malloc.MallocState;
import dev.heapwalk.malloc.TcachePerthread;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/**
 * Each view of a structure of glibc: lays it over a thousand structures and reads all fields of each. What is read is a
 * copy of a real heap, in which structures of that kind may lie or not: a view does not ask.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Fork(value = 2, jvmArgsAppend = "--enable-native-access=ALL-UNNAMED")
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
public class StructView implements Subject {
    private static final int COUNT = 1000;
    private static final int ALIGNMENT = 16;

    /** The view. */
    @Param({"MallocChunk", "HeapInfo", "MallocState", "MallocPar", "TcachePerthread"})
    public String view;

    private final Arena memory = Arena.ofShared();
    private MallocLayout layout;
    private MemorySegment bytes;
    private long stride;
    private LongSupplier walk;
    private MethodHandle floor;
    private MemorySegment offsets;
    private MallocChunk chunk;
    private HeapInfo heapInfo;
    private MallocState state;
    private MallocPar par;
    private TcachePerthread tcache;

    /** Made by JMH, which sets the parameters. */
    public StructView() {}

    StructView(String view) {
        this.view = view;
    }

    /**
     * Takes a copy of a heap, and holds both ways against each other.
     *
     * @throws Exception if there is no heap
     */
    @Setup
    @Override
    public void open() throws Exception {
        try (BenchmarkTarget opened = BenchmarkTarget.malloc("process", BenchmarkTarget.FRAGMENTED, 50_000)) {
            MallocHeap heap = MallocHeap.locate(opened.target());
            layout = heap.layout();
            long size = prepare();
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

    private long prepare() {
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
                state = new MallocState(inState);
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
                par = new MallocPar(inPar);
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
                tcache = new TcachePerthread(layout);
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
    @TearDown
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

    /**
     * The view.
     *
     * @return the sum of all fields
     */
    @Benchmark
    public long java() {
        return walk.getAsLong();
    }

    /**
     * The same in C.
     *
     * @return the sum of all fields
     */
    @Benchmark
    public long c() {
        try {
            return (long) floor.invokeExact(bytes, stride, (long) COUNT, offsets);
        } catch (Throwable e) {
            throw new IllegalStateException(e);
        }
    }

    @Override
    public List<Lane> lanes() {
        return List.of(new Lane(JAVA, this::java), new Lane(C, this::c));
    }
}
