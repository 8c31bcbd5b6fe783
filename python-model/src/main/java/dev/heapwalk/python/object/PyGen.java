// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.python.object;

import dev.heapwalk.python.ObjectReader;
import dev.heapwalk.python.layout.CodeLayout;
import dev.heapwalk.python.layout.GeneratorLayout;
import dev.heapwalk.python.layout.PythonLayout;

/**
 * A generator, a coroutine or an asynchronous generator. C names {@code PyGenObject}, {@code PyCoroObject} and {@code
 * PyAsyncGenObject}.
 */
public final class PyGen extends NamedObject {
    private final GeneratorLayout layout;
    private final InterpreterFrame frame;
    private final PyCode code;

    /**
     * Makes a view that lies over nothing yet.
     *
     * @param reader what reads the objects
     */
    public PyGen(ObjectReader reader) {
        super(
                reader,
                PythonLayout.of(reader.series(), reader.freeThreaded())
                        .generator()
                        .bytes(),
                "generator",
                "coroutine",
                "async_generator");
        this.layout = PythonLayout.of(reader.series(), reader.freeThreaded()).generator();
        this.frame = new InterpreterFrame(reader);
        this.code = new PyCode(reader);
    }

    /** How a generator stands. */
    public enum State {
        /** It was made, and has not begun. */
        CREATED("created"),
        /** It runs now. */
        RUNNING("running"),
        /** It waits to go on. */
        SUSPENDED("suspended"),
        /** It has ended. */
        CLOSED("closed");

        private final String label;

        State(String label) {
            this.label = label;
        }

        /**
         * Its name for people, as that of {@code inspect.getgeneratorstate}.
         *
         * @return one word
         */
        public String label() {
            return label;
        }
    }

    /**
     * Where its frame is.
     *
     * @return target address of a frame, as {@link InterpreterFrame} shows it; 0 if it has ended
     */
    public long frame() {
        return layout.inline() ? state() == State.CLOSED ? 0 : place(layout.frame()) : longAt(layout.frame());
    }

    /**
     * What it runs.
     *
     * @return {@code gi_code}, target address of an object
     */
    public long code() {
        if (layout.code() >= 0) {
            return longAt(layout.code());
        }
        return frame.find(place(layout.frame())) ? frame.code() : 0;
    }

    /**
     * Its name.
     *
     * @return {@code gi_name}, target address of an object; 0 in 2.7
     */
    public long name() {
        return layout.name() < 0 ? 0 : longAt(layout.name());
    }

    /**
     * Its name with those of the classes and functions around it.
     *
     * @return {@code gi_qualname}, target address of an object; 0 in 2.7
     */
    public long qualname() {
        return layout.qualname() < 0 ? 0 : longAt(layout.qualname());
    }

    /**
     * How it stands.
     *
     * @return the state
     */
    public State state() {
        if (layout.state() < 0) {
            long address = frame();
            if (address == 0) {
                return State.CLOSED;
            }
            if (byteAt(layout.running()) != 0) {
                return State.RUNNING;
            }
            return frame.find(address) && frame.instruction(0) < 0 ? State.CREATED : State.SUSPENDED;
        }
        if (!layout.inline() && frame() == 0) {
            return State.CLOSED;
        }
        int state = layout.inline()
                ? byteAt(layout.state())
                : reader().memory().readByte(frame() + layout.state(), (byte) GeneratorLayout.States.NONE);
        GeneratorLayout.States states = layout.states();
        if (state == states.created()) {
            return State.CREATED;
        }
        if (state == states.executing()) {
            return State.RUNNING;
        }
        return state >= states.suspended() && state < states.executing() ? State.SUSPENDED : State.CLOSED;
    }

    /**
     * What it waits for: the generator or other object that it goes on with, by {@code yield from} or {@code await}.
     *
     * @return target address of an object; 0 if it is not suspended there
     */
    public long waitsFor() {
        if (state() != State.SUSPENDED || !frame.find(frame())) {
            return 0;
        }
        GeneratorLayout.Waiting waiting = layout.waiting();
        if (layout.states().delegating() != GeneratorLayout.States.NONE) {
            return byteAt(layout.state()) >= layout.states().delegating() ? frame.onStack(waiting.depth()) : 0;
        }
        if (waiting.opcodes().isEmpty() || !reader().find(frame.code(), code)) {
            return 0;
        }
        long bytecode = code.bytecode();
        long next = bytecode + frame.instruction(bytecode) + CodeLayout.UNIT;
        int opcode = reader().memory().readByte(next, (byte) 0) & 0xFF;
        int argument = reader().memory().readByte(next + CodeLayout.ARGUMENT, (byte) 0) & 0xFF;
        return waiting.opcodes().contains(opcode) && argument >= waiting.least() ? frame.onStack(waiting.depth()) : 0;
    }
}
