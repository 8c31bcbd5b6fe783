// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.benchmarks;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.util.List;

/** The copy of {@code copy.c}, compiled here: what it takes to touch the same bytes. */
final class CopyFloor extends Floor {
    private static final FunctionDescriptor COPY = FunctionDescriptor.of(
            ValueLayout.JAVA_LONG,
            ValueLayout.JAVA_INT,
            ValueLayout.ADDRESS,
            ValueLayout.JAVA_LONG,
            ValueLayout.ADDRESS,
            ValueLayout.JAVA_LONG);

    /**
     * A run of bytes.
     *
     * @param address in the target
     * @param length in bytes
     * @param local address here, 0 if it is to be read from the process
     */
    record Range(long address, long length, long local) {}

    private final MethodHandle copy;
    private final long count;
    private final MemorySegment ranges;

    CopyFloor(int pid, List<Range> what) {
        super(pid);
        copy = FloorLibrary.function("copy.c", "copy", COPY, memory);
        count = what.size();
        ranges = memory.allocate(ValueLayout.JAVA_LONG, count * 3);
        long at = 0;
        for (Range range : what) {
            ranges.setAtIndex(ValueLayout.JAVA_LONG, at++, range.address);
            ranges.setAtIndex(ValueLayout.JAVA_LONG, at++, range.length);
            ranges.setAtIndex(ValueLayout.JAVA_LONG, at++, range.local);
        }
    }

    /** Copies all once; returns how many bytes there are. */
    long copy() {
        long copied;
        try {
            copied = (long) copy.invokeExact(pid, ranges, count, buffer, WINDOW);
        } catch (Throwable e) {
            throw new IllegalStateException(e);
        }
        if (copied < 0) {
            throw unreadable();
        }
        return copied;
    }
}
