// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.python;

import dev.heapwalk.heap.Evidence;
import dev.heapwalk.heap.Source;
import dev.heapwalk.memory.Range;
import dev.heapwalk.memory.Reader;
import dev.heapwalk.memory.Target;
import dev.heapwalk.python.layout.InterpreterLayout;
import dev.heapwalk.python.layout.PymallocLayout;
import dev.heapwalk.python.layout.PythonLayout;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.Set;
import java.util.TreeMap;

/**
 * Finds pymalloc: by its static variables up to 3.11, and since then in the interpreters, each of which may have one of
 * its own.
 */
final class AllocatorFinder {
    private static final String NONE =
            "there is no array of arenas: the objects may be in blocks of malloc (PYTHONMALLOC=malloc)";

    private final Target target;
    private final Reader memory;
    private final PymallocLayout layout;
    private final List<Range> variables;
    private final InterpreterFinder.Symbols symbols;
    private final ArenaFinder arenas;
    private final List<Evidence> evidence = new ArrayList<>();
    private final Set<Long> known = new HashSet<>();
    /** How far the state is from where the layout has it in an interpreter. */
    private int moved;

    AllocatorFinder(
            Target target,
            Reader memory,
            PythonLayout layout,
            List<Range> variables,
            InterpreterFinder.Symbols symbols) {
        this.target = target;
        this.memory = memory;
        this.layout = layout.pymalloc();
        this.variables = variables;
        this.symbols = symbols;
        this.arenas = new ArenaFinder(memory, layout.pymalloc());
    }

    /** The allocators in use, that of the main interpreter first. */
    List<Pymalloc> find(List<PythonInterpreter> interpreters) {
        List<Pymalloc> found = new ArrayList<>();
        if (layout.state() < 0) {
            findStatic(interpreters.getFirst(), found);
        } else {
            interpreters.forEach(interpreter -> findIn(interpreter, found));
        }
        if (found.isEmpty()) {
            say("not found", NONE);
        }
        return List.copyOf(found);
    }

    private void findStatic(PythonInterpreter main, List<Pymalloc> found) {
        OptionalLong symbol = symbols.of("arenas");
        long array = symbol.isEmpty() ? 0 : arenas.array(memory.readLong(symbol.getAsLong(), 0));
        if (array != 0) {
            add(found, main, arenas.arenas(array, -1), "the symbol arenas", Source.SYMBOL, Source.STRUCTURE);
            return;
        }
        List<Arena> best = amongVariables();
        if (!best.isEmpty()) {
            add(
                    found,
                    main,
                    best,
                    "of the arrays of arenas that variables point to, the one with the most arenas",
                    Source.STRUCTURE);
        }
    }

    /**
     * The arenas of the array that the allocator uses. When an array grows, it moves, and what is left of it in memory
     * that is used for something else may still look like one; but it has none of the arenas that came since. Of arrays
     * with as many arenas, the one in use is that which more variables point into: the lists of arenas with free pools
     * do.
     */
    private List<Arena> amongVariables() {
        Map<Long, Integer> pointers = new TreeMap<>();
        VariableScan scan = new VariableScan(target.memory(), variables);
        while (scan.next()) {
            long array = arenas.array(scan.word());
            if (array != 0) {
                pointers.merge(array, 1, Integer::sum);
            }
        }
        List<Arena> best = List.of();
        int most = 0;
        for (Map.Entry<Long, Integer> each : pointers.entrySet()) {
            List<Arena> some = arenas.arenas(each.getKey(), -1);
            if (some.size() > best.size() || some.size() == best.size() && each.getValue() > most) {
                best = some;
                most = each.getValue();
            }
        }
        return best;
    }

    private void findIn(PythonInterpreter interpreter, List<Pymalloc> found) {
        if (take(interpreter, moved, found)) {
            return;
        }
        // Of an interpreter that uses another one's, or none: whether fields moved is told by the first that has one.
        if (!found.isEmpty()) {
            return;
        }
        for (int distance = Long.BYTES; distance <= InterpreterLayout.FARTHEST; distance += Long.BYTES) {
            if (take(interpreter, -distance, found)) {
                moved = -distance;
                return;
            }
            if (take(interpreter, distance, found)) {
                moved = distance;
                return;
            }
        }
    }

    private boolean take(PythonInterpreter interpreter, int distance, List<Pymalloc> found) {
        long state = interpreter.address() + layout.state() + distance;
        if (layout.pointer()) {
            state = memory.readLong(state, 0);
        }
        if ((state & 7) != 0 || memory.find(state, PymallocLayout.STATE_BYTES) < 0) {
            return false;
        }
        long array = memory.readLong(state + PymallocLayout.ARENAS);
        int count = memory.readInt(state + PymallocLayout.MAX_ARENAS);
        if (count < PymallocLayout.FIRST_ARENAS
                || (array & 7) != 0
                || !memory.mapped(array, (long) count * PymallocLayout.ARENA_BYTES)
                || arenas.array(array) != array
                || !known.add(array)) {
            return false;
        }
        String where = "obmalloc of the interpreter at 0x%x, ".formatted(interpreter.address())
                + (distance == 0
                        ? "where that version is known to have it"
                        : "%d bytes from where that version is known to have it".formatted(distance));
        add(found, interpreter, arenas.arenas(array, count), where, Source.STRUCTURE);
        return true;
    }

    private void add(
            List<Pymalloc> found, PythonInterpreter interpreter, List<Arena> some, String basis, Source... sources) {
        Pymalloc allocator = new Pymalloc(target.memory(), interpreter.address(), arenas.sizes(), some);
        found.add(allocator);
        say(allocator.toString(), basis + "; a pool of each arena tells the arena's number", sources);
    }

    private void say(String conclusion, String basis, Source... sources) {
        evidence.add(Evidence.of("pymalloc", conclusion, basis, sources));
    }

    List<Evidence> evidence() {
        return evidence;
    }
}
