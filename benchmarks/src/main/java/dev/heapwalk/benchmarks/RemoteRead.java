// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.benchmarks;

import dev.heapwalk.malloc.MallocHeap;
import dev.heapwalk.memory.AddressSpace;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** Reads of 64 MiB of another process's memory, by {@link AddressSpace} and by the same calls in C. */
final class RemoteRead implements Subject.Ready {
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

    private final Arena memory = Arena.ofShared();
    private final BenchmarkTarget opened;
    private final AddressSpace space;
    private final MemorySegment buffer;
    private final long start;
    private final int window;
    private final int pid;
    private final int ranges;
    private final ProcessMemoryFile file;
    private final MethodHandle remoteRead;
    private final long[] addresses = new long[MANY];
    private final long[] lengths = new long[MANY];
    private final long[] read = new long[MANY];

    /**
     * Reads by several calls: {@code readv} and {@code readv64} are {@code process_vm_readv} of one range and of 64,
     * {@code mem} is {@code pread} of {@code /proc/PID/mem}, which is read where the other is refused, and so it is.
     */
    static List<Subject<?>> subjects() {
        List<Subject<?>> all = new ArrayList<>();
        for (String call : List.of("readv", "readv64", "mem")) {
            for (int window = 1 << 16; window <= 1 << 24; window <<= 2) {
                int size = window;
                boolean quick = call.equals("readv") || size == 1 << 16 || size == 1 << 20;
                all.add(Subject.of(
                                "RemoteRead/%s/%s".formatted(call, Suite.bytes(size)),
                                quick ? Suite.Set.QUICK : Suite.Set.FULL,
                                () -> new RemoteRead(call, size))
                        .way(Way.JAVA, RemoteRead::java)
                        .way(Way.C, RemoteRead::c));
            }
        }
        return all;
    }

    /** Starts the program and opens it; each call reads so many bytes. */
    private RemoteRead(String call, int window) throws IOException {
        this.window = window;
        if (call.equals("mem")) {
            RefusedCall.fromNowOn();
        }
        opened = BenchmarkTarget.of(Source.PROCESS, MallocProgram.LARGE, BLOCKS);
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
    @Override
    public void close() {
        if (file != null) {
            file.close();
        }
        opened.close();
        memory.close();
    }

    /** Reads by the address space; returns the bytes. */
    private long java() {
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

    /** Reads by the same calls from C; returns the bytes. */
    private long c() {
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
}
