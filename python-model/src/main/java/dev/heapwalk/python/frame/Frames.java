// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.python.frame;

import dev.heapwalk.memory.Reader;
import dev.heapwalk.python.ObjectReader;
import dev.heapwalk.python.PythonRuntime;
import dev.heapwalk.python.PythonThread;
import dev.heapwalk.python.layout.PythonLayout;
import dev.heapwalk.python.layout.ThreadLayout;
import dev.heapwalk.python.object.InterpreterFrame;
import dev.heapwalk.python.object.PyBytes;
import dev.heapwalk.python.object.PyCell;
import dev.heapwalk.python.object.PyCode;
import dev.heapwalk.python.object.PyDict;
import dev.heapwalk.python.object.PyFrame;
import dev.heapwalk.python.object.PyGen;
import dev.heapwalk.python.object.PyUnicode;

/**
 * A cursor over frames: those of a thread, the innermost first, or the one of a generator or coroutine. It shows what
 * Python itself shows: no frame that is still being prepared, and none that only marks where C code called Python.
 *
 * <p>At each frame it is also a cursor over the variables: {@link #nextLocal()}. It allocates nothing but the texts
 * that it is asked for, and belongs to the thread of its reader.
 *
 * <p>Frames that lead back to themselves end the walk, and {@link #note()} says so; so does one that can't be read.
 */
public final class Frames {
    /** More than the largest stack of a process has room for. */
    private static final int MOST_FRAMES = 1 << 24;

    /** How many variables are looked at that may be in a dictionary too. */
    private static final int MOST_IN_BOTH = 1 << 8;

    private static final int LONGEST_NAME = 1 << 12;

    private final ObjectReader reader;
    private final Reader memory;
    private final ThreadLayout thread;
    private final boolean pointer;
    private final InterpreterFrame frame;
    private final Sample sample;
    private final PyCode code;
    private final PyGen generator;
    private final PyFrame object;
    private final PyCell cell;
    private final PyDict locals;
    private final PyUnicode unicode;
    private final PyBytes bytes;

    private long next;
    private boolean alone;
    private boolean sampled;
    private String note = "";
    // To find a frame that leads back to itself: one of those before, which moves on at each power of two.
    private long passed;
    private int steps;

    private long instruction;
    private int variables;
    private int variable;
    private boolean inDict;
    private long localName;
    private long localValue;

    /**
     * Makes a cursor that is at no frame.
     *
     * @param runtime the runtime that the frames are of
     * @param reader what reads the objects, made by that runtime
     */
    public Frames(PythonRuntime runtime, ObjectReader reader) {
        this.reader = reader;
        this.memory = reader.memory();
        this.thread = PythonLayout.of(runtime.series(), runtime.freeThreaded()).thread();
        this.pointer = PythonLayout.of(runtime.series(), runtime.freeThreaded())
                .activation()
                .pointer();
        this.frame = new InterpreterFrame(reader);
        this.sample = new Sample(memory, frame);
        this.code = new PyCode(reader);
        this.generator = new PyGen(reader);
        this.object = new PyFrame(reader);
        this.cell = new PyCell(reader);
        this.locals = new PyDict(reader);
        this.unicode = new PyUnicode(reader);
        this.bytes = new PyBytes(reader);
    }

    /**
     * Goes before the innermost frame of a thread.
     *
     * @param of a thread of the runtime
     */
    public void overThread(PythonThread of) {
        over(memory.readLong(pointer(of), 0), false);
    }

    /** Where a thread has the pointer to its innermost frame. */
    private long pointer(PythonThread of) {
        long field = of.address() + thread.frame();
        return thread.cframe() < 0 ? field : memory.readLong(field, 0) + thread.cframe();
    }

    /**
     * Goes before the innermost frame of a thread that runs on. Its frames are followed past everything that the
     * reader keeps, and then copied twice in as few calls as can be. Only those are told that both copies show, called
     * from the same place: they were there all the while between the copies, some microseconds. What the thread called
     * or returned from meanwhile is left out and counted in {@link #torn()}. A frame is told as it was copied, but its
     * variables are read when they are asked for.
     *
     * @param of a thread of the runtime
     */
    public void sampleThread(PythonThread of) {
        sample.take(() -> pointer(of));
        over(0, false);
        sampled = true;
    }

    /**
     * How many of the innermost frames {@link #sampleThread} has left out.
     *
     * @return a count, with frames that Python does not show
     */
    public int torn() {
        return sampled ? sample.torn() : 0;
    }

    /**
     * How many of the frames of {@link #sampleThread} the thread has returned from since: what was read of their
     * variables may be of another moment.
     *
     * @return a count, with frames that Python does not show
     */
    public int returned() {
        return sampled ? sample.returned() : 0;
    }

    /**
     * Goes before the frame of a generator, coroutine or asynchronous generator. Of one that runs, {@link #overThread}
     * tells the frame too.
     *
     * @param address target address of an object, or anything
     * @return whether it has a frame; there is none if it has ended, or is no generator
     */
    public boolean overGenerator(long address) {
        over(reader.find(address, generator) ? generator.frame() : 0, true);
        return next != 0;
    }

    /**
     * Goes before the frame that an object shows, and those that it was called from.
     *
     * @param address target address of a {@code frame} object, or anything
     * @return whether there is one
     */
    public boolean overObject(long address) {
        over(reader.find(address, object) ? object.frame() : 0, false);
        return next != 0;
    }

    private void over(long first, boolean one) {
        next = first;
        alone = one;
        sampled = false;
        note = "";
        passed = 0;
        steps = 0;
        variables = 0;
        variable = 0;
        inDict = false;
    }

    /**
     * Moves to the next frame.
     *
     * @return whether there is one
     */
    public boolean next() {
        while (follow()) {
            if (isShown()) {
                rewindLocals();
                return true;
            }
        }
        return false;
    }

    /** Lays the view over the next frame, whether it is shown or not. */
    private boolean follow() {
        if (sampled) {
            steps++;
            return sample.next();
        }
        long address = next;
        if (address == 0) {
            return false;
        }
        next = 0;
        if (!frame.find(address)) {
            note = "the frame at 0x%x can't be read".formatted(address);
            return false;
        }
        if (address == passed || ++steps == MOST_FRAMES) {
            note = "the frame at 0x%x leads back to itself".formatted(address);
            return false;
        }
        if (Integer.bitCount(steps) == 1) {
            passed = address;
        }
        next = alone ? 0 : frame.back();
        return true;
    }

    private boolean isShown() {
        if (frame.owner() == InterpreterFrame.Owner.INTERPRETER) {
            return false;
        }
        if (!reader.find(frame.code(), code)) {
            note = "the frame at 0x%x has no code".formatted(frame.address());
            return false;
        }
        long at = frame.instruction(0);
        instruction = pointer ? at - code.bytecode(frame.copy()) : at;
        return frame.owner() == InterpreterFrame.Owner.GENERATOR
                || code.prologue() == 0
                || instruction >= code.prologue();
    }

    /**
     * What is wrong with the frames, as far as it has come.
     *
     * @return a text for people, empty if nothing is
     */
    public String note() {
        return note;
    }

    /**
     * Where the frame lies.
     *
     * @return target address of a {@code _PyInterpreterFrame}, before 3.11 of a {@code PyFrameObject}
     */
    public long address() {
        return frame.address();
    }

    /**
     * What runs.
     *
     * @return target address of a {@code PyCodeObject}
     */
    public long code() {
        return code.address();
    }

    /**
     * The object that shows the frame to programs.
     *
     * @return target address of a {@code PyFrameObject}; 0 if there is none yet, since 3.11
     */
    public long object() {
        return frame.object();
    }

    /**
     * The file that the code is of.
     *
     * @return {@code co_filename}; empty if it can't be read
     */
    public String file() {
        return text(code.filename());
    }

    /**
     * The name of the function, with those of the classes and functions around it since 3.11.
     *
     * @return {@code co_qualname}, before 3.11 {@code co_name}; empty if it can't be read
     */
    public String function() {
        long name = code.qualname();
        return text(name == 0 ? code.name() : name);
    }

    /**
     * The name of the function alone, as a traceback has it.
     *
     * @return {@code co_name}; empty if it can't be read
     */
    public String name() {
        return text(code.name());
    }

    /**
     * The line that runs, or was run last.
     *
     * @return from 1 on; -1 if there is none
     */
    public int line() {
        return code.line(instruction);
    }

    /**
     * How far it has come.
     *
     * @return bytes from the beginning of the bytecode, as {@code f_lasti}; negative if nothing was run yet
     */
    public long instruction() {
        return instruction;
    }

    /**
     * The names of its module.
     *
     * @return target address of a {@code dict}
     */
    public long globals() {
        return frame.globals();
    }

    /**
     * The variables of code that is no function, a module or the body of a class.
     *
     * @return target address of an object, mostly a {@code dict}; 0 for a function
     */
    public long namespace() {
        return code.optimized() ? 0 : frame.locals();
    }

    /** Goes before the first variable of the frame. */
    public void rewindLocals() {
        variables = code.variables();
        variable = 0;
        inDict = false;
    }

    /**
     * Moves to the next variable of the frame that has a value: arguments first, and those that are shared with
     * functions within or around as what they refer to. Of the body of a class, its {@link #namespace} is told. The
     * variables of a module are its {@link #globals}, and not told.
     *
     * @return whether there is one
     */
    public boolean nextLocal() {
        while (variable < variables) {
            int index = variable++;
            long value = frame.value(index);
            PyCode.Variable kind = code.variable(index);
            boolean shared = kind == PyCode.Variable.CELL || kind == PyCode.Variable.FREE;
            if (value == 0 || shared && !code.optimized() || code.isInCell(index)) {
                continue;
            }
            if (shared && reader.find(value, cell)) {
                value = cell.ref();
            }
            if (value != 0) {
                localName = code.variableName(index);
                localValue = value;
                return true;
            }
        }
        if (!inDict) {
            long address = namespace();
            if (address == 0 || address == globals() || !reader.find(address, locals)) {
                return false;
            }
            inDict = true;
            locals.rewind();
        }
        while (locals.next()) {
            if (!isTold(locals.key())) {
                localName = locals.key();
                localValue = locals.value();
                return true;
            }
        }
        return false;
    }

    /** Whether a name was told before: a function of 2.7 that uses {@code exec} has variables in both places. */
    private boolean isTold(long name) {
        for (int i = 0; i < Math.min(variables, MOST_IN_BOTH); i++) {
            if (code.variableName(i) == name && code.variable(i) == PyCode.Variable.LOCAL && frame.value(i) != 0) {
                return true;
            }
        }
        return false;
    }

    /**
     * The name of the variable.
     *
     * @return a text of at most some thousand characters; empty if it can't be read
     */
    public String localName() {
        return text(localName);
    }

    /**
     * The object that is the name of the variable.
     *
     * @return target address of a text
     */
    public long localNameAddress() {
        return localName;
    }

    /**
     * What the variable refers to.
     *
     * @return target address of an object
     */
    public long localValue() {
        return localValue;
    }

    private String text(long address) {
        if (reader.find(address, unicode)) {
            return unicode.text(LONGEST_NAME);
        }
        return reader.find(address, bytes) ? bytes.text(LONGEST_NAME) : "";
    }

    @Override
    public String toString() {
        return variables == 0 && steps == 0 ? "at no frame" : "at " + frame;
    }
}
