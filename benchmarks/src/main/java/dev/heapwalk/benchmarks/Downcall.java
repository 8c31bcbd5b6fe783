// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.benchmarks;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.heapwalk.malloc.MallocHeap;
import dev.heapwalk.memory.AddressSpace;
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
 * What a call of a C function costs, a thousand of them an operation, by handles like those of memory-access, or by
 * memory-access itself.
 */
final class Downcall implements Subject.Ready {
    private static final int TIMES = 1000;
    private static final FunctionDescriptor DOWNCALL =
            FunctionDescriptor.of(JAVA_LONG, JAVA_INT, JAVA_LONG, JAVA_INT, JAVA_INT, JAVA_LONG, ADDRESS);
    private static final int GETTID = 0;
    private static final int READV = 1;
    private static final int PREAD = 2;

    /** The handles, which are constants for the compiler. They are made where something is measured, and not before. */
    private static final class Gettid {
        private static final MethodHandle PLAIN = of();
        private static final MethodHandle CRITICAL = of(Linker.Option.critical(false));
        private static final MethodHandle CHECKED = of(Linker.Option.captureCallState("errno"));

        private static MethodHandle of(Linker.Option... options) {
            Linker linker = Linker.nativeLinker();
            return linker.downcallHandle(
                    linker.defaultLookup().findOrThrow("gettid"), FunctionDescriptor.of(JAVA_INT), options);
        }
    }

    private final Arena memory = Arena.ofShared();
    private final MemorySegment errno = memory.allocate(Linker.Option.captureStateLayout());
    private final MemorySegment buffer = memory.allocate(JAVA_LONG);
    private final BenchmarkTarget opened;
    private final AddressSpace space;
    private final ProcessMemoryFile file;
    private final long address;
    private final int pid;
    private final int which;
    private final LongSupplier once;
    private final MethodHandle downcall;

    /**
     * Several calls: {@code gettid} with its error number, as memory-access calls everything; {@code gettid-plain}
     * without it; {@code gettid-critical} without leaving the state of a thread in Java, which is not for calls that
     * can wait; {@code readv8} and {@code pread8}, which read eight bytes of another process as memory-access does: by
     * the one call, and by the other where that one is refused.
     */
    static List<Subject<?>> subjects() {
        List<Subject<?>> all = new ArrayList<>();
        for (String call : List.of("gettid", "gettid-plain", "gettid-critical", "readv8", "pread8")) {
            all.add(Subject.of("Downcall/" + call, Suite.Set.QUICK, () -> new Downcall(call))
                    .way(Way.JAVA, Downcall::java)
                    .way(Way.C, Downcall::c));
        }
        return all;
    }

    /** Starts a program to read from. */
    private Downcall(String call) throws IOException {
        if (call.equals("pread8")) {
            RefusedCall.fromNowOn();
        }
        opened = BenchmarkTarget.of(Source.PROCESS, MallocProgram.FRESH, 1000);
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
    @Override
    public void close() {
        file.close();
        opened.close();
        memory.close();
    }

    private long checkedGettid() {
        try {
            return (int) Gettid.CHECKED.invokeExact(errno);
        } catch (Throwable e) {
            throw new IllegalStateException(e);
        }
    }

    private static long plainGettid() {
        try {
            return (int) Gettid.PLAIN.invokeExact();
        } catch (Throwable e) {
            throw new IllegalStateException(e);
        }
    }

    private static long criticalGettid() {
        try {
            return (int) Gettid.CRITICAL.invokeExact();
        } catch (Throwable e) {
            throw new IllegalStateException(e);
        }
    }

    /** Calls from Java; returns the sum of what the calls return. */
    private long java() {
        LongSupplier function = once;
        long sum = 0;
        for (int i = 0; i < TIMES; i++) {
            sum += function.getAsLong();
        }
        return sum;
    }

    /** Calls from C; returns the sum of what the calls return. */
    private long c() {
        try {
            return (long) downcall.invokeExact(which, (long) TIMES, pid, file.descriptor(), address, buffer);
        } catch (Throwable e) {
            throw new IllegalStateException(e);
        }
    }
}
