// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.benchmarks;

import dev.heapwalk.malloc.MallocHeap;
import dev.heapwalk.memory.AddressSpace;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;
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

/** Reads of 64 MiB of another process's memory, by {@link AddressSpace} and by the same calls in C. */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MILLISECONDS)
@Fork(value = 2, jvmArgsAppend = "--enable-native-access=ALL-UNNAMED")
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
public class RemoteRead implements Subject {
    private static final FunctionDescriptor REMOTE_READ = FunctionDescriptor.of(
            ValueLayout.JAVA_LONG,
            ValueLayout.JAVA_INT,
            ValueLayout.JAVA_INT,
            ValueLayout.JAVA_LONG,
            ValueLayout.JAVA_LONG,
            ValueLayout.JAVA_LONG,
            ValueLayout.JAVA_LONG,
            ValueLayout.ADDRESS);
    private static final int TOTAL = 1 << 26;
    private static final int MANY = 64;
    private static final int BLOCKS = 1400;
    private static final int COMPILED_AFTER = 50_000;

    /**
     * What is called: {@code readv} and {@code readv64} are {@code process_vm_readv} of one range and of 64, {@code
     * mem} is {@code pread} of {@code /proc/PID/mem}, which is read where the other is refused, and so it is.
     */
    @Param({"readv", "readv64", "mem"})
    public String call;

    /** How many bytes a call reads. */
    @Param({"65536", "262144", "1048576", "4194304", "16777216"})
    public int window;

    private final Arena memory = Arena.ofShared();
    private BenchmarkTarget opened;
    private AddressSpace space;
    private MemorySegment buffer;
    private long start;
    private int pid;
    private int ranges;
    private ProcessMemoryFile file;
    private MethodHandle remoteRead;
    private final long[] addresses = new long[MANY];
    private final long[] lengths = new long[MANY];
    private final long[] read = new long[MANY];

    /** Made by JMH, which sets the parameters. */
    public RemoteRead() {}

    RemoteRead(String call, int window) {
        this.call = call;
        this.window = window;
    }

    /**
     * Starts the program and opens it.
     *
     * @throws Exception if the program can't be started or read
     */
    @Setup
    @Override
    public void open() throws Exception {
        if (call.equals("mem")) {
            RefusedCall.fromNowOn();
        }
        opened = BenchmarkTarget.malloc("process", BenchmarkTarget.LARGE, BLOCKS);
        space = opened.target().memory();
        pid = (int) opened.target().pid().orElseThrow();
        start = MallocHeap.locate(opened.target())
                .arenas()
                .getFirst()
                .regions()
                .getFirst()
                .start();
        buffer = memory.allocate(window, 4096);
        buffer.fill((byte) 1);
        ranges = call.equals("readv64") ? MANY : 1;
        Arrays.fill(lengths, window / ranges);
        file = call.equals("mem") ? ProcessMemoryFile.open(pid) : null;
        remoteRead = FloorLibrary.function("remote_read.c", "remote_read", REMOTE_READ, memory);
        if (java() != TOTAL || c() != TOTAL) {
            throw new IllegalStateException("not all of the memory can be read");
        }
        compile();
    }

    /** A call allocates until it is compiled in full, which so few of such long ones don't bring about. */
    private void compile() {
        MemorySegment little = buffer.asSlice(0, Long.BYTES);
        long[] few = new long[MANY];
        Arrays.fill(few, Long.BYTES);
        for (int i = 0; i < COMPILED_AFTER; i++) {
            if (ranges == 1) {
                space.read(start, little);
            } else {
                space.readRanges(addresses, few, 1, little, read);
            }
        }
    }

    /** Ends the program. */
    @TearDown
    @Override
    public void close() {
        if (file != null) {
            file.close();
        }
        opened.close();
        memory.close();
    }

    /**
     * Heapwalk's own.
     *
     * @return bytes
     */
    @Benchmark
    public long java() {
        long total = 0;
        long address = start;
        for (int done = 0; done < TOTAL; done += window) {
            if (ranges == 1) {
                total += space.read(address, buffer);
            } else {
                total += readMany(address);
                address += window;
            }
            address += window;
        }
        return total;
    }

    private long readMany(long from) {
        long address = from;
        for (int i = 0; i < ranges; i++) {
            addresses[i] = address;
            address += 2 * lengths[i];
        }
        space.readRanges(addresses, lengths, ranges, buffer, read);
        long got = 0;
        for (int i = 0; i < ranges; i++) {
            got += read[i];
        }
        return got;
    }

    /**
     * The same calls from C.
     *
     * @return bytes
     */
    @Benchmark
    public long c() {
        try {
            return (long) remoteRead.invokeExact(
                    pid,
                    file == null ? -1 : file.descriptor(),
                    start,
                    (long) TOTAL,
                    (long) window,
                    (long) ranges,
                    buffer);
        } catch (Throwable e) {
            throw new IllegalStateException(e);
        }
    }

    @Override
    public List<Lane> lanes() {
        return List.of(new Lane(JAVA, this::java), new Lane(C, this::c));
    }
}
