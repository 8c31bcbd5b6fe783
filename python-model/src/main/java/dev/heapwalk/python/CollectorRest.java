// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.python;

import dev.heapwalk.memory.AddressSpace;
import dev.heapwalk.memory.Reader;
import dev.heapwalk.memory.Rest;
import dev.heapwalk.memory.ThreadState;
import dev.heapwalk.memory.UnmappedAddressException;
import dev.heapwalk.python.layout.GcLayout;
import dev.heapwalk.python.layout.InterpreterLayout;
import dev.heapwalk.python.layout.OffsetTable;
import dev.heapwalk.python.layout.PythonLayout;
import java.util.List;
import java.util.stream.LongStream;

/**
 * Tells whether a garbage collection runs in any interpreter, by a variable of each: one takes from microseconds to
 * seconds. Before 3.7 the variable has no known place, and nothing is told.
 */
final class CollectorRest implements Rest {
    private static final int BUDGET = 1 << 20;

    private final String description;
    private final AddressSpace memory;
    private final long[] flags;

    private CollectorRest(PythonRuntime runtime, long[] flags) {
        this.description = runtime.target().description();
        this.memory = runtime.target().memory();
        this.flags = flags;
    }

    /**
     * Finds the variables.
     *
     * @param runtime the runtime
     * @param layout its layout
     */
    static CollectorRest of(PythonRuntime runtime, PythonLayout layout) {
        try (Reader reader = runtime.target().memory().reader(BUDGET)) {
            Finder finder = new Finder(reader, runtime, layout);
            return new CollectorRest(
                    runtime, finder.places().filter(place -> place != 0).toArray());
        }
    }

    /** Finds the variables of all interpreters. */
    private record Finder(Reader memory, PythonRuntime runtime, PythonLayout layout) {

        LongStream places() {
            if (layout.runtime().generations() >= 0) {
                return LongStream.of(
                        runtime.address() == 0
                                ? 0
                                : near(runtime.address() + layout.runtime().generations()));
            }
            return runtime.interpreters().stream().mapToLong(this::place);
        }

        /** The variable of an interpreter; 0 if it is not known. */
        private long place(PythonInterpreter interpreter) {
            OffsetTable table = layout.runtime().table();
            if (table.known()) {
                long gc = memory.readLong(runtime.address() + table.gc(), -1);
                long within = memory.readLong(runtime.address() + table.collecting(), -1);
                boolean sound =
                        gc > 0 && gc < OffsetTable.LARGEST_OFFSET && within > 0 && within < OffsetTable.LARGEST_OFFSET;
                return sound ? checked(interpreter.address() + gc + within) : 0;
            }
            GcLayout fields = layout.gc();
            return fields.generations() < 0 || fields.collecting() < 0
                    ? 0
                    : near(interpreter.address() + fields.generations());
        }

        /** The variable behind the lists, where the layout has them or as near to it as they are; 0 if they are not. */
        private long near(long place) {
            for (int distance = 0; distance <= InterpreterLayout.FARTHEST; distance += GcLayout.ALIGNMENT) {
                for (int some : new int[] {-distance, distance}) {
                    if (isThreeLists(place + some)) {
                        return checked(place + some + layout.gc().collecting());
                    }
                }
            }
            return 0;
        }

        private boolean isThreeLists(long place) {
            for (int i = 0; i < GcLayout.COUNT; i++) {
                long list = place + (long) i * layout.gc().strides().getFirst();
                long first = memory.readLong(list + GcLayout.NEXT, 0) & ~GcLayout.FLAGS;
                if (first == 0 || (memory.readLong(first + GcLayout.PREV, 0) & ~GcLayout.FLAGS) != list) {
                    return false;
                }
            }
            return true;
        }

        /** A place, if it is that of a variable which is true or false. */
        private long checked(long place) {
            return (memory.readInt(place, -1) & ~1) == 0 ? place : 0;
        }
    }

    @Override
    public boolean tells() {
        return flags.length > 0;
    }

    @Override
    public boolean likely() {
        try {
            for (long flag : flags) {
                if (memory.readInt(flag) == 1) {
                    return false;
                }
            }
        } catch (UnmappedAddressException e) {
            // It is another program now, or none, which whoever reads it finds out.
        }
        return true;
    }

    @Override
    public List<ThreadState> busy(List<ThreadState> threads) {
        if (likely()) {
            return List.of();
        }
        // The collector runs in one thread, for which those wait that might change the heap.
        List<ThreadState> running =
                threads.stream().filter(ThreadState::mayChangeMemory).toList();
        return running.isEmpty() ? threads : running;
    }

    @Override
    public String toString() {
        return "the collector of " + description;
    }
}
