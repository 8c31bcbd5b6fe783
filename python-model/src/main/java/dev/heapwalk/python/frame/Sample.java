// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.python.frame;

import dev.heapwalk.memory.Reader;
import dev.heapwalk.python.object.InterpreterFrame;
import java.util.Arrays;

/**
 * The frames of a thread that runs on: those that two looks show in the same place, called from the same place. They
 * were there all the while between the looks. What the thread called or returned from meanwhile is left out.
 */
final class Sample {
    /** The most frames that are looked at. */
    private static final int MOST = 1 << 16;

    /** Where the innermost frame of the thread is now. */
    interface Top {
        long frame();
    }

    private final Reader memory;
    private final InterpreterFrame frame;
    private final Look first = new Look();
    private final Look second = new Look();
    private int torn;
    private int index;

    /** Frames as one look shows them, the innermost first. */
    private static final class Look {
        private long[] addresses = new long[64];
        private long[] codes = new long[64];
        private long[] instructions = new long[64];
        private int count;

        void add(InterpreterFrame frame) {
            if (count == addresses.length) {
                addresses = Arrays.copyOf(addresses, 2 * count);
                codes = Arrays.copyOf(codes, 2 * count);
                instructions = Arrays.copyOf(instructions, 2 * count);
            }
            addresses[count] = frame.address();
            codes[count] = frame.code();
            instructions[count++] = frame.instruction(0);
        }
    }

    Sample(Reader memory, InterpreterFrame frame) {
        this.memory = memory;
        this.frame = frame;
    }

    /** Takes two looks. */
    void take(Top top) {
        look(first, top);
        look(second, top);
        torn = first.count - steady();
        index = torn;
    }

    private void look(Look at, Top top) {
        memory.forget();
        at.count = 0;
        long address = top.frame();
        while (address != 0 && at.count < MOST && frame.find(address)) {
            at.add(frame);
            address = frame.back();
        }
        if (address != 0) {
            // Where the outermost frame is not known, none is known to be the same.
            at.count = 0;
        }
    }

    /** How many frames, counted from the outermost, are the same in both looks. */
    private int steady() {
        int most = Math.min(first.count, second.count);
        int same = 0;
        while (same < most) {
            int a = first.count - same - 1;
            int b = second.count - same - 1;
            if (first.addresses[a] != second.addresses[b] || first.codes[a] != second.codes[b]) {
                return same;
            }
            same++;
            if (first.instructions[a] != second.instructions[b]) {
                return same;
            }
        }
        return same;
    }

    /** How many of the innermost frames of the first look were left out. */
    int torn() {
        return torn;
    }

    /** How many of the frames that were told the thread has returned from since. */
    int returned(Top top) {
        look(second, top);
        return Math.max(0, first.count - torn - steady());
    }

    /** The next frame, 0 if there is none. */
    long next() {
        return index < first.count ? first.addresses[index++] : 0;
    }

    /** The code that the frame had. */
    long code() {
        return first.codes[index - 1];
    }

    /** How far it had come: what {@link InterpreterFrame#instruction} told of bytecode at address 0. */
    long instruction() {
        return first.instructions[index - 1];
    }
}
