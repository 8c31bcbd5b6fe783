// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.benchmarks;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.heapwalk.malloc.MallocHeap;
import dev.heapwalk.memory.AddressSpace;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
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
 * What a call of a C function costs, a thousand of them an operation, by handles like those of memory-access, or by
 * memory-access itself.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Fork(value = 2, jvmArgsAppend = "--enable-native-access=ALL-UNNAMED")
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
public class Downcall implements Subject {
    private static final int TIMES = 1000;
    private static final FunctionDescriptor DOWNCALL =
            FunctionDescriptor.of(JAVA_LONG, JAVA_INT, JAVA_LONG, JAVA_INT, JAVA_INT, JAVA_LONG, ADDRESS);
    private static final int GETTID = 0;
    private static final int READV = 1;
    private static final int PREAD = 2;

    private static final MethodHandle PLAIN_GETTID = gettid();
    private static final MethodHandle CRITICAL_GETTID = gettid(Linker.Option.critical(false));
    private static final MethodHandle CHECKED_GETTID = gettid(Linker.Option.captureCallState("errno"));

    /**
     * What is called: {@code gettid} with its error number, as memory-access calls everything; {@code gettid-plain}
     * without it; {@code gettid-critical} without leaving the state of a thread in Java, which is not for calls that
     * can wait; {@code readv8} and {@code pread8}, which read eight bytes of another process as memory-access does: by
     * the one call, and by the other where that one is refused.
     */
    @Param({"gettid", "gettid-plain", "gettid-critical", "readv8", "pread8"})
    public String call;

    private final Arena memory = Arena.ofShared();
    private final MemorySegment errno = memory.allocate(Linker.Option.captureStateLayout());
    private final MemorySegment buffer = memory.allocate(JAVA_LONG);
    private BenchmarkTarget opened;
    private AddressSpace space;
    private ProcessMemoryFile file;
    private long address;
    private int pid;
    private int which;
    private LongSupplier once;
    private MethodHandle downcall;

    /** Made by JMH, which sets the parameters. */
    public Downcall() {}

    Downcall(String call) {
        this.call = call;
    }

    private static MethodHandle gettid(Linker.Option... options) {
        Linker linker = Linker.nativeLinker();
        return linker.downcallHandle(
                linker.defaultLookup().findOrThrow("gettid"), FunctionDescriptor.of(JAVA_INT), options);
    }

    /**
     * Starts a program to read from.
     *
     * @throws Exception if the program can't be started or read
     */
    @Setup
    @Override
    public void open() throws Exception {
        if (call.equals("pread8")) {
            RefusedCall.fromNowOn();
        }
        opened = BenchmarkTarget.malloc("process", BenchmarkTarget.FRESH, 1000);
        space = opened.target().memory();
        pid = (int) opened.target().pid().orElseThrow();
        address = MallocHeap.locate(opened.target())
                .arenas()
                .getFirst()
                .regions()
                .getFirst()
                .start();
        file = ProcessMemoryFile.open(pid);
        which = call.startsWith("gettid") ? GETTID : call.equals("readv8") ? READV : PREAD;
        once = switch (call) {
            case "gettid" -> this::checkedGettid;
            case "gettid-plain" -> Downcall::plainGettid;
            case "gettid-critical" -> Downcall::criticalGettid;
            case "readv8", "pread8" -> () -> space.read(address, buffer);
            default -> throw new IllegalArgumentException("there is no call " + call);
        };
        downcall = FloorLibrary.function("downcall.c", "downcall", DOWNCALL, memory);
        if (java() != c()) {
            throw new IllegalStateException("Java and C call different functions");
        }
    }

    /** Ends the program. */
    @TearDown
    @Override
    public void close() {
        file.close();
        opened.close();
        memory.close();
    }

    private long checkedGettid() {
        try {
            return (int) CHECKED_GETTID.invokeExact(errno);
        } catch (Throwable e) {
            throw new IllegalStateException(e);
        }
    }

    private static long plainGettid() {
        try {
            return (int) PLAIN_GETTID.invokeExact();
        } catch (Throwable e) {
            throw new IllegalStateException(e);
        }
    }

    private static long criticalGettid() {
        try {
            return (int) CRITICAL_GETTID.invokeExact();
        } catch (Throwable e) {
            throw new IllegalStateException(e);
        }
    }

    /**
     * From Java.
     *
     * @return the sum of what the calls return
     */
    @Benchmark
    public long java() {
        LongSupplier function = once;
        long sum = 0;
        for (int i = 0; i < TIMES; i++) {
            sum += function.getAsLong();
        }
        return sum;
    }

    /**
     * From C.
     *
     * @return the sum of what the calls return
     */
    @Benchmark
    public long c() {
        try {
            return (long) downcall.invokeExact(which, (long) TIMES, pid, file.descriptor(), address, buffer);
        } catch (Throwable e) {
            throw new IllegalStateException(e);
        }
    }

    @Override
    public List<Lane> lanes() {
        return List.of(new Lane(JAVA, this::java), new Lane(C, this::c));
    }
}
