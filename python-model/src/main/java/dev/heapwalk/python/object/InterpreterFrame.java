// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.python.object;

import dev.heapwalk.memory.Reader;
import dev.heapwalk.memory.struct.StructView;
import dev.heapwalk.python.ObjectReader;
import dev.heapwalk.python.layout.ActivationLayout;
import dev.heapwalk.python.layout.ObjectLayout;
import dev.heapwalk.python.layout.PythonLayout;

/**
 * What a function has while it runs, or waits to go on. C name {@code _PyInterpreterFrame}; before 3.11 the {@code
 * PyFrameObject} itself. It is no object: {@link #find} lays it.
 */
public final class InterpreterFrame extends StructView {
    private final ObjectReader reader;
    private final ActivationLayout layout;

    /**
     * Makes a view that lies over nothing yet.
     *
     * @param reader what reads the objects
     */
    public InterpreterFrame(ObjectReader reader) {
        this.reader = reader;
        this.layout = PythonLayout.of(reader.series(), reader.freeThreaded()).activation();
    }

    /**
     * How much of a frame it looks at.
     *
     * @return bytes
     */
    public int bytes() {
        return layout.bytes();
    }

    /**
     * Whether the frame of what is called lies behind that of its caller, as on a stack, and not in a block of its own.
     *
     * @return whether it does, since 3.11; those of generators do not
     */
    public boolean stacked() {
        return layout.fromObject() >= 0;
    }

    /**
     * Lays it over a frame, if memory is there. It keeps a copy, so that other things can be read meanwhile.
     *
     * @param address a target address, or anything
     * @return whether it was laid
     */
    public boolean find(long address) {
        if ((address & 7) != 0) {
            return false;
        }
        Reader memory = reader.memory();
        long offset = memory.find(address, layout.bytes());
        if (offset < 0) {
            return false;
        }
        keep(memory.segment(), offset, address, layout.bytes());
        return true;
    }

    /**
     * What runs.
     *
     * @return {@code f_code}, since 3.13 {@code f_executable} without a tag, target address of an object
     */
    public long code() {
        return longAt(layout.code()) & ~layout.tag();
    }

    /**
     * The frame that it was called from.
     *
     * @return {@code f_back}, since 3.11 {@code previous}, target address of a frame; 0 if there is none
     */
    public long back() {
        return longAt(layout.back());
    }

    /**
     * The names of its module.
     *
     * @return {@code f_globals}, target address of an object
     */
    public long globals() {
        return longAt(layout.globals());
    }

    /**
     * The variables of code that is no function: a module, or the body of a class. Before 3.13 a function may have
     * there what somebody asked for once.
     *
     * @return {@code f_locals}, target address of an object; 0 if there is none
     */
    public long locals() {
        return longAt(layout.locals());
    }

    /**
     * The object that shows it to programs.
     *
     * @return {@code frame_obj}, target address of a {@code PyFrameObject}; 0 if there is none yet
     */
    public long object() {
        return layout.object() < 0 ? address() : longAt(layout.object());
    }

    /**
     * Whether it was given back. Before 3.11, frames that may be used again are in a list by {@link #back()}, the one that
     * was called last behind the others.
     *
     * @return whether nobody refers to it, where it is an object
     */
    public boolean freed() {
        return layout.object() < 0 && longAt(ObjectLayout.REFCNT) == 0;
    }

    /**
     * Who it belongs to.
     *
     * @return the owner
     */
    public Owner owner() {
        if (layout.owner() < 0) {
            return Owner.FUNCTION;
        }
        int owner = byteAt(layout.owner());
        return owner == ActivationLayout.OF_GENERATOR
                ? Owner.GENERATOR
                : owner >= ActivationLayout.OF_NOBODY ? Owner.INTERPRETER : Owner.FUNCTION;
    }

    /** Who a frame belongs to. */
    public enum Owner {
        /** A function, or other code that is no generator. Before 3.11, all frames are told to be that. */
        FUNCTION,
        /** A generator or coroutine, which it lies in. */
        GENERATOR,
        /** The interpreter: it only marks where C code called Python. */
        INTERPRETER
    }

    /**
     * How far it has come.
     *
     * @param bytecode where its code has its bytecode, a target address
     * @return bytes from there to the instruction that runs or was run last; negative if it has run none
     */
    public long instruction(long bytecode) {
        return layout.pointer()
                ? longAt(layout.instruction()) - bytecode
                : (long) intAt(layout.instruction()) * layout.step();
    }

    /**
     * Which copy of its code's bytecode it runs.
     *
     * @return a number, 0 for the bytecode in the code itself
     */
    public int copy() {
        return layout.copy() < 0 ? 0 : intAt(layout.copy());
    }

    /**
     * Where a variable lies.
     *
     * @param index from 0 on
     * @return a target address
     */
    public long variable(int index) {
        return address() + layout.variables() + (long) index * Long.BYTES;
    }

    /**
     * What a variable refers to.
     *
     * @param index from 0 to the number of variables that its code tells
     * @return target address of an object, 0 if it has no value, or can't be read
     */
    public long value(int index) {
        return reader.memory().readLong(variable(index), 0) & ~layout.tag();
    }

    /**
     * The last value of its stack, as a generator has it that waits.
     *
     * @param depth 1 for the last one, 2 for that before it
     * @return target address of an object, 0 if there is none
     */
    public long onStack(int depth) {
        ActivationLayout.Stack stack = layout.stack();
        long top = switch (stack.kind()) {
            case POINTER -> longAt(stack.top());
            case DEPTH -> longAt(stack.base()) + (long) intAt(stack.top()) * Long.BYTES;
            case COUNT -> variable(intAt(stack.top()));
        };
        long at = top - (long) depth * Long.BYTES;
        long least = stack.base() < 0 ? variable(0) : longAt(stack.base());
        return top == 0 || at < least ? 0 : reader.memory().readLong(at, 0) & ~layout.tag();
    }

    @Override
    protected String describeFields() {
        return "code 0x%x".formatted(code());
    }
}
