// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.python.object;

import dev.heapwalk.memory.Reader;
import dev.heapwalk.python.ObjectReader;
import dev.heapwalk.python.layout.CodeLayout;
import dev.heapwalk.python.layout.PythonLayout;

/** Code that was compiled. C name {@code PyCodeObject}. */
public final class PyCode extends NamedObject {
    private static final int MOST_VARIABLES = 1 << 16;
    /** More arguments than a function can have. */
    private static final int MOST_CELLS = 1 << 8;

    private final CodeLayout layout;
    private LineTable lines;
    private PyTuple names;
    private PyBytes kinds;

    /**
     * Makes a view that lies over nothing yet.
     *
     * @param reader what reads the objects
     */
    public PyCode(ObjectReader reader) {
        super(
                reader,
                PythonLayout.of(reader.series(), reader.freeThreaded()).code().bytes(),
                "code");
        this.layout = PythonLayout.of(reader.series(), reader.freeThreaded()).code();
    }

    /**
     * The values that stand in it.
     *
     * @return {@code co_consts}, target address of an object
     */
    public long consts() {
        return longAt(layout.consts());
    }

    /**
     * The names that it looks for.
     *
     * @return {@code co_names}, target address of an object
     */
    public long names() {
        return longAt(layout.names());
    }

    /**
     * The file that it was compiled from.
     *
     * @return {@code co_filename}, target address of an object
     */
    public long filename() {
        return longAt(layout.filename());
    }

    /**
     * Its name.
     *
     * @return {@code co_name}, target address of an object
     */
    public long name() {
        return longAt(layout.name());
    }

    /**
     * Its name with those of the classes and functions around it.
     *
     * @return {@code co_qualname}, target address of an object; 0 before 3.11
     */
    public long qualname() {
        return layout.qualname() < 0 ? 0 : longAt(layout.qualname());
    }

    /**
     * The line that it begins at.
     *
     * @return {@code co_firstlineno}
     */
    public int firstLine() {
        return intAt(layout.firstLine());
    }

    /**
     * What it was compiled to be.
     *
     * @return {@code co_flags}
     */
    public int flags() {
        return intAt(layout.flags());
    }

    /**
     * Whether variables are not in a dictionary, as those of functions.
     *
     * @return whether it has {@code CO_OPTIMIZED}
     */
    public boolean optimized() {
        return (flags() & CodeLayout.OPTIMIZED) != 0;
    }

    /**
     * Which lines it was compiled from.
     *
     * @return {@code co_lnotab}, since 3.10 {@code co_linetable}, target address of an object
     */
    public long lineTable() {
        return longAt(layout.lineTable());
    }

    /**
     * Where a copy of the bytecode lies. Each thread may have one, since 3.14 without the global interpreter lock.
     *
     * @param copy {@link InterpreterFrame#copy()}
     * @return a target address; that of {@link #bytecode()} if there is no such copy
     */
    public long bytecode(int copy) {
        if (copy > 0 && layout.threads() >= 0) {
            Reader memory = reader().memory();
            long all = longAt(layout.threads());
            if (all != 0 && copy < memory.readLong(all + CodeLayout.THREADS_SIZE, 0)) {
                long found = memory.readLong(all + CodeLayout.THREADS_ENTRIES + (long) copy * Long.BYTES, 0);
                return found == 0 ? bytecode() : found;
            }
        }
        return bytecode();
    }

    /**
     * Where the bytecode lies.
     *
     * @return a target address; 0 if it can't be told
     */
    public long bytecode() {
        if (layout.inline()) {
            return place(layout.bytecode());
        }
        long object = longAt(layout.bytecode());
        return object == 0
                ? 0
                : object
                        + PythonLayout.of(reader().series(), reader().freeThreaded())
                                .string()
                                .bytes();
    }

    /**
     * How much of the bytecode prepares a frame. Python shows no frame that has not come behind it.
     *
     * @return bytes from the beginning of the bytecode; 0 before 3.11
     */
    public long prologue() {
        return layout.firstTraceable() < 0 ? 0 : (long) intAt(layout.firstTraceable()) * CodeLayout.UNIT;
    }

    /**
     * The line that an instruction was compiled from.
     *
     * @param instruction bytes from the beginning of the bytecode; a negative number stands for the beginning
     * @return a line from 1 on; -1 if it has none, or the table is damaged
     */
    public int line(long instruction) {
        if (lines == null) {
            lines = new LineTable(reader());
        }
        return lines.line(lineTable(), firstLine(), instruction);
    }

    /**
     * How many variables a frame of it has.
     *
     * @return a count, 0 if it contradicts itself; it counts those too that functions share
     */
    public int variables() {
        CodeLayout.Variables places = layout.variables();
        if (places.names() >= 0) {
            return count(places.names());
        }
        return count(places.varnames()) + count(places.cellvars()) + count(places.freevars());
    }

    /** How many names a tuple has, of those that a frame may have. */
    private int count(int place) {
        return tuple(place) ? Math.clamp(names.size(), 0, MOST_VARIABLES) : 0;
    }

    private boolean tuple(int place) {
        if (names == null) {
            names = new PyTuple(reader());
            kinds = new PyBytes(reader());
        }
        return reader().find(longAt(place), names);
    }

    /**
     * The name of a variable.
     *
     * @param index from 0 to {@link #variables()}, as they lie in a frame
     * @return target address of a text; 0 if it can't be read
     */
    public long variableName(int index) {
        CodeLayout.Variables places = layout.variables();
        if (places.names() >= 0) {
            return tuple(places.names()) ? names.item(index) : 0;
        }
        int at = index;
        for (int place : new int[] {places.varnames(), places.cellvars(), places.freevars()}) {
            int count = count(place);
            if (at < count) {
                return names.item(at);
            }
            at -= count;
        }
        return 0;
    }

    /**
     * What is special about a variable.
     *
     * @param index from 0 to {@link #variables()}
     * @return how it is kept
     */
    public Variable variable(int index) {
        CodeLayout.Variables places = layout.variables();
        if (places.names() < 0) {
            int local = count(places.varnames());
            return index < local
                    ? Variable.LOCAL
                    : index < local + count(places.cellvars()) ? Variable.CELL : Variable.FREE;
        }
        tuple(places.names());
        if (!reader().find(longAt(places.kinds()), kinds) || index >= kinds.size()) {
            return Variable.LOCAL;
        }
        int kind = reader().memory().readByte(kinds.data() + index, (byte) 0);
        if ((kind & CodeLayout.Variables.FREE) != 0) {
            return Variable.FREE;
        }
        if ((kind & CodeLayout.Variables.CELL) != 0) {
            return Variable.CELL;
        }
        return (kind & CodeLayout.Variables.HIDDEN) != 0 ? Variable.HIDDEN : Variable.LOCAL;
    }

    /**
     * Whether a variable is an argument whose value is in a cell, so that what lies in the place of the argument is
     * nothing, or in 2.7 what was passed. Since 3.11 there is one place for both.
     *
     * @param index from 0 to {@link #variables()}
     * @return whether there is a cell of the same name
     */
    public boolean isInCell(int index) {
        CodeLayout.Variables places = layout.variables();
        if (places.names() >= 0 || index >= count(places.varnames())) {
            return false;
        }
        long name = names.item(index);
        int cells = Math.min(count(places.cellvars()), MOST_CELLS);
        for (int i = 0; i < cells; i++) {
            if (names.item(i) == name) {
                return true;
            }
        }
        return false;
    }

    /** How a variable of a frame is kept. */
    public enum Variable {
        /** As it is. */
        LOCAL,
        /** In a cell that functions within share. */
        CELL,
        /** In a cell of a function around. */
        FREE,
        /** As it is, while a comprehension within runs, since 3.12. */
        HIDDEN
    }
}
