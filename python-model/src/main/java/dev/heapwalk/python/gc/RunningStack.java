// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.python.gc;

import dev.heapwalk.memory.Reader;
import dev.heapwalk.python.ObjectReader;
import dev.heapwalk.python.layout.ActivationLayout;
import dev.heapwalk.python.layout.FrameLayout;
import dev.heapwalk.python.layout.PythonLayout;

/**
 * The room for the stack of a function that runs. While it does, the frame does not tell how far its stack goes, only
 * the machine's registers do; but its code tells how far it may go at most. What lies behind the end was left there by
 * what was on the stack before.
 */
final class RunningStack {
    private static final int LARGEST = 1 << 16;

    private final ObjectReader reader;
    private final Reader memory;
    private final ActivationLayout activation;
    private final FrameLayout fields;
    private long base;
    private long variables;
    private long code;
    private int room;

    RunningStack(ObjectReader reader) {
        PythonLayout layout = PythonLayout.of(reader.series(), reader.freeThreaded());
        this.reader = reader;
        this.memory = reader.memory();
        this.activation = layout.activation();
        this.fields = layout.frame();
    }

    /**
     * Goes to the stack of a frame.
     *
     * @param frame target address of what a function runs in, a {@code PyFrameObject} before 3.11
     * @return whether it does not tell how far it goes, and has room for something
     */
    boolean over(long frame) {
        ActivationLayout.Stack stack = activation.stack();
        room = 0;
        boolean told = stack.kind() == ActivationLayout.Stack.Kind.POINTER
                ? memory.readLong(frame + stack.top(), -1) != 0
                : memory.readInt(frame + stack.top(), 0) >= 0;
        code = memory.readLong(frame + activation.code(), 0) & ~activation.tag();
        if (told || reader.typeAt(code) == 0) {
            return false;
        }
        variables = frame + activation.variables();
        base = stack.base() >= 0
                ? memory.readLong(frame + stack.base(), 0)
                : variables
                        + (long) Math.clamp(memory.readInt(reader.place(code, fields.locals()), 0), 0, LARGEST)
                                * Long.BYTES;
        int most = Math.clamp(memory.readInt(reader.place(code, fields.stack()), 0), 0, LARGEST);
        room = base - variables >= 0 && memory.mapped(base, (long) most * Long.BYTES) ? most : 0;
        return room > 0;
    }

    /** How many values there is room for. */
    int room() {
        return room;
    }

    /** A value that may be on the stack, the first one at 0. */
    long value(int index) {
        return memory.readLong(base + (long) index * Long.BYTES, 0) & ~activation.tag();
    }

    /** The number of a value among the variables of the frame and what is on its stack. */
    long place(int index) {
        return (base - variables) / Long.BYTES + index;
    }

    /** Target address of the code that runs. */
    long code() {
        return code;
    }
}
