// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory.linux;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.heapwalk.memory.core.CoreNote;
import dev.heapwalk.memory.machine.Processor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/**
 * Reads the register sets of stopped threads beside the general one, as the notes of a core have them. Belongs to the
 * tracer thread.
 */
final class RegisterNotes {
    /** More than any set has: the largest are those of SVE, some 9 KiB, and of AMX, some 11 KiB. */
    private static final int CAPACITY = 1 << 16;

    private final Libc libc;
    private final Processor processor;
    private final MemorySegment vector;
    private final MemorySegment set;

    RegisterNotes(Libc libc, Processor processor, Arena arena) {
        this.libc = libc;
        this.processor = processor;
        this.vector = arena.allocate(16, 8);
        this.set = arena.allocate(CAPACITY, 64);
    }

    /** Those of a thread that the kernel has; none of one that was killed meanwhile. */
    List<CoreNote> of(long tid) {
        List<CoreNote> notes = new ArrayList<>();
        for (Processor.RegisterNote kind : processor.moreRegisterNotes()) {
            vector.set(JAVA_LONG, 0, set.address());
            vector.set(JAVA_LONG, 8, CAPACITY);
            long result = libc.ptrace(Libc.PTRACE_GETREGSET, (int) tid, kind.type(), vector.address());
            long size = vector.get(JAVA_LONG, 8);
            if (result == 0 && size > 0 && size <= CAPACITY) {
                notes.add(note(kind, size));
            }
        }
        return notes;
    }

    private CoreNote note(Processor.RegisterNote kind, long size) {
        return new CoreNote(kind.owner(), kind.type(), set.asSlice(0, size).toArray(JAVA_BYTE));
    }

    /** Has the code of this loaded; the thread is not stopped. */
    void rehearse(long tid) {
        of(tid);
        processor.moreRegisterNotes().forEach(kind -> note(kind, CAPACITY));
    }
}
