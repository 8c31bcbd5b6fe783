// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory.linux;

import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.heapwalk.memory.Machine;
import dev.heapwalk.memory.Registers;
import dev.heapwalk.memory.machine.Processor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.ref.Reference;

/**
 * Reads the general registers of stopped threads, in the layout that the kernel has for the kind of program. Belongs to
 * the tracer thread.
 */
final class RegisterSet {
    private static final int NT_PRSTATUS = 1;
    private static final long CAPACITY = 512;

    private final Libc libc;
    private final Arena arena = Arena.ofAuto();
    private final MemorySegment vector = arena.allocate(16, 8);
    private final MemorySegment bytes = arena.allocate(CAPACITY, 8);
    private final MemorySegment pointer = arena.allocate(CAPACITY, 8);
    private Processor processor = Processor.of(Machine.OTHER);

    RegisterSet(Libc libc) {
        this.libc = libc;
    }

    /**
     * Reads the registers of a thread.
     *
     * @param tid a stopped thread
     * @return 0, or the negative error number
     */
    int load(int tid) {
        long result = load(tid, NT_PRSTATUS, bytes);
        processor = Processor.ofRegisterSet(result == 0 ? vector.get(JAVA_LONG, 8) : 0);
        return (int) result;
    }

    private long load(int tid, int type, MemorySegment set) {
        vector.set(JAVA_LONG, 0, set.address());
        vector.set(JAVA_LONG, 8, CAPACITY);
        long result = libc.ptrace(Libc.PTRACE_GETREGSET, tid, type, vector.address());
        Reference.reachabilityFence(arena);
        return result;
    }

    /** Whether the thread was about to see an EINTR that nothing but a stop explains. */
    boolean interruptedCall() {
        return processor.interruptedCall(bytes);
    }

    /**
     * Lets the kernel decide again whether an interrupted call ends in EINTR.
     *
     * @param tid the thread, for which {@link #interruptedCall} said yes
     * @return 0, or the negative error number
     */
    long restart(int tid) {
        return libc.ptrace(Libc.PTRACE_POKEUSER, tid, processor.resultInUser(), Processor.RESTART);
    }

    /**
     * Loads the code that {@link #load}, {@link #interruptedCall} and {@link #restart} need; the thread is not
     * stopped.
     */
    void rehearse(int tid) {
        load(tid);
        // Where words or halves are this in turn, the result of a call is the first and its number the other.
        for (long pair : new long[] {Processor.INTERRUPTED, Processor.INTERRUPTED & 0xffffffffL}) {
            for (long at = 0; at < CAPACITY; at += 2 * Long.BYTES) {
                bytes.set(JAVA_LONG, at, pair);
                bytes.set(JAVA_LONG, at + Long.BYTES, pair < 0 ? 0 : pair);
            }
            for (Machine machine : Machine.values()) {
                processor = Processor.of(machine);
                interruptedCall();
            }
        }
        restart(tid);
    }

    /** What was loaded. */
    Registers registers(int tid) {
        int type = processor.threadPointerSet();
        boolean told = type >= 0 && load(tid, type, pointer) == 0 && vector.get(JAVA_LONG, 8) >= Long.BYTES;
        return processor.registers(bytes, told ? pointer.get(JAVA_LONG, 0) : 0);
    }
}
