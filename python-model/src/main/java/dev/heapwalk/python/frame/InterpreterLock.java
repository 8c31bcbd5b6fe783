// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.python.frame;

import dev.heapwalk.memory.Machine;
import dev.heapwalk.memory.Reader;
import dev.heapwalk.memory.elf.ElfModule;
import dev.heapwalk.python.ObjectReader;
import dev.heapwalk.python.PythonInterpreter;
import dev.heapwalk.python.PythonRuntime;
import dev.heapwalk.python.layout.LockLayout;
import dev.heapwalk.python.layout.OffsetTable;
import dev.heapwalk.python.layout.PythonLayout;
import java.util.OptionalLong;

/** Tells which thread of an interpreter has the global interpreter lock. */
final class InterpreterLock {
    private final PythonRuntime runtime;
    private final Reader memory;
    private final PythonLayout layout;

    InterpreterLock(PythonRuntime runtime, ObjectReader reader) {
        this.runtime = runtime;
        this.memory = reader.memory();
        this.layout = PythonLayout.of(runtime.series(), runtime.freeThreaded());
    }

    /** Target address of the {@code PyThreadState}, 0 if no thread has it; empty if that is not known. */
    OptionalLong holder(PythonInterpreter interpreter) {
        if (layout.freeThreaded()) {
            return OptionalLong.empty();
        }
        LockLayout lock = layout.lock();
        OffsetTable table = layout.runtime().table();
        if (table.known()) {
            // The interpreter may use the lock of another one.
            long own = told(table.gilState());
            return runtime.address() == 0
                    ? OptionalLong.empty()
                    : holder(
                            interpreter.address() + told(table.gil()),
                            told(table.gilLocked()) - own,
                            told(table.gilHolder()) - own);
        }
        if (lock.gil() >= 0) {
            return holder(interpreter.address() + lock.gil(), lock.locked(), lock.holder());
        }
        if (lock.current() >= 0) {
            int more = runtime.target().machine() == Machine.AARCH64 ? LockLayout.MUTEXES_OF_AARCH64 : 0;
            return runtime.address() == 0 ? OptionalLong.empty() : thread(runtime.address() + lock.current() + more);
        }
        for (ElfModule module : runtime.target().modules()) {
            OptionalLong variable = module.exported(LockLayout.CURRENT);
            if (variable.isPresent()) {
                return thread(variable.getAsLong());
            }
        }
        return OptionalLong.empty();
    }

    private long told(int place) {
        long offset = memory.readLong(runtime.address() + place, 0);
        return offset < 0 || offset > OffsetTable.LARGEST_OFFSET ? 0 : offset;
    }

    private OptionalLong holder(long pointer, long locked, long holder) {
        long gil = memory.readLong(pointer, 0);
        if (gil == 0) {
            return OptionalLong.empty();
        }
        return memory.readInt(gil + locked, 0) == 0 ? OptionalLong.of(0) : thread(gil + holder);
    }

    /** A thread that an interpreter knows, or none; else what was read is something else. */
    private OptionalLong thread(long variable) {
        long found = memory.readLong(variable, -1);
        boolean known = found == 0
                || runtime.interpreters().stream()
                        .flatMap(interpreter -> interpreter.threads().stream())
                        .anyMatch(thread -> thread.address() == found);
        return known ? OptionalLong.of(found) : OptionalLong.empty();
    }
}
