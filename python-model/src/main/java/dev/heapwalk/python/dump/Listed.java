// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.python.dump;

import dev.heapwalk.memory.LongTable;
import dev.heapwalk.memory.Reader;
import dev.heapwalk.python.ObjectCursor;
import dev.heapwalk.python.PythonRuntime;
import dev.heapwalk.python.layout.ObjectLayout;
import dev.heapwalk.python.layout.PythonLayout;

/**
 * Tells which objects have lines: those that the walk tells, and others that one of these refers to, such as {@code
 * None}, small numbers and text of the interpreter itself, which are variables. It notes the others. For one thread.
 */
final class Listed {
    private static final int RECENT = 1 << 10;

    private final ObjectSet.Finder walked;
    private final ObjectCursor types;
    private final Reader memory;
    private final ObjectLayout layout;
    private final PythonRuntime runtime;
    private final LongTable others = new LongTable();
    /** Others that were asked for lately: most lines refer to the same few. */
    private final long[] recent = new long[RECENT];

    /**
     * Makes one.
     *
     * @param walked what the walk tells
     * @param types knows all types
     * @param runtime the runtime
     * @param memory what reads the objects
     */
    Listed(ObjectSet walked, ObjectCursor types, PythonRuntime runtime, Reader memory) {
        this.walked = walked.new Finder();
        this.types = types;
        this.memory = memory;
        this.layout = PythonLayout.of(runtime.series(), runtime.freeThreaded()).object();
        this.runtime = runtime;
    }

    /** Whether an object with a line lies at an address. */
    boolean contains(long address) {
        if (walked.contains(address)) {
            return true;
        }
        int place = (int) (address >>> 3) & RECENT - 1;
        if (recent[place] == address && address != 0) {
            return true;
        }
        if (!isOther(address)) {
            return false;
        }
        recent[place] = address;
        if (others.get(address, 0) == 0) {
            others.put(address, 1);
        }
        return true;
    }

    private boolean isOther(long address) {
        return (address & 7) == 0
                && address != 0
                && types.numberOf(memory.readLong(address + layout.shift() + ObjectLayout.TYPE, 0)) >= 0
                && layout.isInUse(layout.references(memory, address))
                // What lies there is told by the walk, or it is no object.
                && runtime.arenaAt(address) < 0;
    }

    /** Gives the others that were noted, and forgets them. */
    void drainTo(LongTable to) {
        others.forEach(to::put);
        others.clear();
    }
}
