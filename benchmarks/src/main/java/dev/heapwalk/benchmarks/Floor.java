// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.benchmarks;

import dev.heapwalk.memory.Target;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * A loop in C over the memory of a target, which it reads by itself: from a process through a buffer, from a core where
 * that is mapped.
 */
abstract class Floor implements AutoCloseable {
    /** Bytes that it reads at once, as many as Heapwalk's own walkers. */
    static final long WINDOW = 1 << 20;

    /** What it is given; gone when it is closed. */
    final Arena memory = Arena.ofShared();

    /** The process to read, or 0 if all has an address here. */
    final int pid;

    /** {@link #WINDOW} bytes, every page of them touched. */
    final MemorySegment buffer = memory.allocate(WINDOW, 4096).fill((byte) 1);

    Floor(int pid) {
        this.pid = pid;
    }

    static int pid(Target target) {
        return target.mode() == Target.Mode.CORE ? 0 : (int) target.pid().orElseThrow();
    }

    static IllegalStateException unreadable() {
        return new IllegalStateException("the floor could not read the target");
    }

    final int pid() {
        return pid;
    }

    @Override
    public final void close() {
        memory.close();
    }
}
