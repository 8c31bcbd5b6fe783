// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.vm;

import dev.heapwalk.memory.UnmappedAddressException;
import dev.heapwalk.memory.Window;
import dev.heapwalk.memory.struct.Words;
import dev.heapwalk.ruby.ObjectReader;
import dev.heapwalk.ruby.layout.ContextLayout;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.List;

/**
 * Goes through the control frames of a thread or a fiber, the innermost first. C name {@code rb_control_frame_t}. All frames are
 * copied at once by {@link #over}; what is around them, such as local variables, is read when it is asked for. Allocates nothing
 * for frames whose code was seen before. For one thread.
 *
 * <p>{@link #next()} gives every frame. Those for which {@link #shown()} is true are what {@code Thread#backtrace_locations} of
 * that version gives, with its labels, paths and lines. A frame that can't be right, as in a thread that ran on while it was
 * read, is not shown, and a {@link #note()} tells of it.
 */
public final class Frames {
    /** {@code VM_FRAME_MAGIC_MASK}. */
    private static final long MAGIC_MASK = 0x7fff0001;
    /** {@code VM_FRAME_MAGIC_CFUNC}. */
    private static final long MAGIC_CFUNC = 0x55550001;
    /** The largest VM stack that is believed, in bytes. */
    private static final long LARGEST = 1L << 30;

    private static final byte HIDDEN = 0;
    private static final byte RUBY = 1;
    private static final byte NATIVE = 2;
    /** Written in Ruby, but a part of the interpreter that backtraces show as if it were written in C. */
    private static final byte DISGUISED = 3;

    private final Interpreter interpreter;
    private final ObjectReader reader;
    private final ContextLayout layout;
    private final boolean skipsAfterRescue;
    private final boolean hidesInternal;

    private long stack;
    private long stackEnd;
    private int count;
    private int index;
    private String note = "";
    private long[] pcs = new long[64];
    private long[] codes = new long[64];
    private long[] selves = new long[64];
    private long[] eps = new long[64];
    private long[] addresses = new long[64];
    private byte[] kinds = new byte[64];
    /** The frame whose path and line are shown; -1 for none. */
    private int[] places = new int[64];
    private boolean[] shown = new boolean[64];
    private Iseq[] iseqs = new Iseq[64];
    private MethodEntry[] methods = new MethodEntry[64];
    private boolean[] methodKnown = new boolean[64];

    Frames(Interpreter interpreter) {
        this.interpreter = interpreter;
        this.reader = interpreter.reader();
        this.layout = reader.layout().context();
        this.skipsAfterRescue = reader.layout().since(3, 4);
        this.hidesInternal = reader.layout().since(4, 0);
    }

    /**
     * Goes before the innermost frame of an execution context.
     *
     * @param ec target address of the {@code rb_execution_context_t} of a thread or a fiber
     * @return this cursor; without frames where it has none, or where it can't be read, which is {@linkplain #note() noted}
     */
    public Frames over(long ec) {
        count = 0;
        index = -1;
        note = "";
        stack = 0;
        stackEnd = 0;
        try {
            copy(ec);
            classify();
        } catch (UnmappedAddressException e) {
            note = "the frames of the execution context at 0x%x can't be read: %s".formatted(ec, e.getMessage());
        }
        return this;
    }

    private void copy(long ec) {
        stack = reader.word(ec + ContextLayout.VM_STACK);
        long words = reader.word(ec + ContextLayout.VM_STACK_SIZE);
        long cfp = reader.word(ec + ContextLayout.CFP);
        if (stack == 0 || cfp == 0) {
            return;
        }
        long size = layout.frameSize();
        stackEnd = stack + 8 * words;
        if ((stack & 7) != 0 || words <= 0 || words > LARGEST / 8 || cfp < stack || cfp > stackEnd
                || (stackEnd - cfp) % size != 0) {
            note = "the frame pointer 0x%x does not lie in the VM stack 0x%x-0x%x".formatted(cfp, stack, stackEnd);
            stackEnd = Math.max(stack, Math.min(stackEnd, stack + LARGEST));
            return;
        }
        // The outermost one is a dummy, the word before the thread's first frame.
        long frames = (stackEnd - cfp) / size - 1;
        int atOnce = (int) (Window.MAX_LENGTH / size);
        while (count < frames) {
            int some = (int) Math.min(atOnce, frames - count);
            long first = cfp + count * size;
            long offset = reader.find(first, some * size);
            if (offset < 0) {
                note = "%d of %d frames can't be read at 0x%x".formatted(frames - count, frames, first);
                return;
            }
            grow(count + some);
            MemorySegment segment = reader.segment();
            for (int i = 0; i < some; i++) {
                long at = offset + i * size;
                pcs[count] = segment.get(Words.LONG, at + ContextLayout.FRAME_PC);
                codes[count] = segment.get(Words.LONG, at + ContextLayout.FRAME_ISEQ);
                selves[count] = segment.get(Words.LONG, at + ContextLayout.FRAME_SELF);
                eps[count] = segment.get(Words.LONG, at + ContextLayout.FRAME_EP);
                addresses[count] = first + i * size;
                count++;
            }
        }
    }

    private void grow(int wanted) {
        if (wanted > pcs.length) {
            int length = Math.max(wanted, pcs.length * 2);
            pcs = Arrays.copyOf(pcs, length);
            codes = Arrays.copyOf(codes, length);
            selves = Arrays.copyOf(selves, length);
            eps = Arrays.copyOf(eps, length);
            addresses = Arrays.copyOf(addresses, length);
            kinds = Arrays.copyOf(kinds, length);
            places = Arrays.copyOf(places, length);
            shown = Arrays.copyOf(shown, length);
            iseqs = Arrays.copyOf(iseqs, length);
            methods = Arrays.copyOf(methods, length);
            methodKnown = Arrays.copyOf(methodKnown, length);
        }
    }

    private void classify() {
        int pending = 0;
        boolean skip = false;
        for (int i = 0; i < count; i++) {
            methodKnown[i] = false;
            methods[i] = null;
            iseqs[i] = null;
            places[i] = -1;
            kinds[i] = kind(i);
            shown[i] = kinds[i] != HIDDEN;
            if (kinds[i] == RUBY || kinds[i] == DISGUISED) {
                // A rescue clause has a frame of its own, whose line is the one to show for both.
                shown[i] = !skip;
                skip = skipsAfterRescue && (iseqs[i].type() == IseqType.RESCUE || iseqs[i].type() == IseqType.ENSURE);
            }
            if (hidesInternal && kinds[i] == DISGUISED && shown[i] && pending > 0) {
                hideLast(i);
                pending--;
            }
            if (kinds[i] == RUBY && shown[i]) {
                place(i, pending);
                places[i] = i;
                pending = 0;
            } else if (shown[i]) {
                pending++;
            }
        }
    }

    /** Of the frames of the interpreter itself that call each other, the outermost is shown. */
    private void hideLast(int before) {
        for (int i = before - 1; i >= 0; i--) {
            if (shown[i]) {
                shown[i] = false;
                return;
            }
        }
    }

    /** The frames in C that wait for it are shown where the frame in Ruby that called them is. */
    private void place(int caller, int pending) {
        int left = pending;
        for (int i = caller - 1; i >= 0 && left > 0; i--) {
            if (shown[i]) {
                places[i] = caller;
                left--;
            }
        }
    }

    private byte kind(int i) {
        if (codes[i] == 0) {
            try {
                return (reader.word(eps[i]) & MAGIC_MASK) == MAGIC_CFUNC ? NATIVE : HIDDEN;
            } catch (UnmappedAddressException e) {
                note = "the frame at 0x%x has no environment: %s".formatted(addresses[i], e.getMessage());
                return HIDDEN;
            }
        }
        if (pcs[i] == 0) {
            return HIDDEN;
        }
        try {
            iseqs[i] = interpreter.iseq(codes[i], pcs[i]);
        } catch (UnmappedAddressException e) {
            iseqs[i] = null;
        }
        if (iseqs[i] == null || !iseqs[i].contains(pcs[i])) {
            note = "the frame at 0x%x runs no code that can be made out".formatted(addresses[i]);
            iseqs[i] = null;
            return HIDDEN;
        }
        return iseqs[i].shownAsC() || hidesInternal && iseqs[i].internal() ? DISGUISED : RUBY;
    }

    /**
     * Moves to the next frame outwards.
     *
     * @return whether there is one
     */
    public boolean next() {
        if (index + 1 >= count) {
            return false;
        }
        index++;
        return true;
    }

    /**
     * Moves to the next frame outwards that Ruby's own backtrace shows.
     *
     * @return whether there is one
     */
    public boolean nextShown() {
        while (next()) {
            if (shown[index]) {
                return true;
            }
        }
        return false;
    }

    /** Goes back before the innermost frame. */
    public void rewind() {
        index = -1;
    }

    /**
     * How many frames there are.
     *
     * @return a count, with those that Ruby does not show
     */
    public int count() {
        return count;
    }

    /**
     * Where the VM stack begins.
     *
     * @return target address of {@code ec->vm_stack}, 0 if there is none
     */
    public long stack() {
        return stack;
    }

    /**
     * Where the VM stack ends.
     *
     * @return the target address behind it
     */
    public long stackEnd() {
        return stackEnd;
    }

    /**
     * What was wrong with the frames.
     *
     * @return a sentence, empty if nothing was
     */
    public String note() {
        return note;
    }

    /**
     * Where the frame is.
     *
     * @return a target address
     */
    public long address() {
        return addresses[index];
    }

    /**
     * Whether Ruby's own backtrace has it.
     *
     * @return false for the frames that it leaves out
     */
    public boolean shown() {
        return shown[index];
    }

    /**
     * Whether it is that of a method written in C, or shown as one.
     *
     * @return whether it has no line of its own
     */
    public boolean isNative() {
        return kinds[index] == NATIVE || kinds[index] == DISGUISED;
    }

    /**
     * Its code.
     *
     * @return the code; null for a method written in C
     */
    public Iseq iseq() {
        return iseqs[index];
    }

    /**
     * Its program counter.
     *
     * @return target address of the next instruction, 0 for a method written in C
     */
    public long pc() {
        return pcs[index];
    }

    /**
     * Its {@code self}.
     *
     * @return a {@code VALUE}
     */
    public long self() {
        return selves[index];
    }

    /**
     * Its environment pointer.
     *
     * @return a target address, see {@link Environments}
     */
    public long ep() {
        return eps[index];
    }

    /**
     * The method that it belongs to.
     *
     * @return the method; null if there is none, or it can't be read
     */
    public MethodEntry method() {
        return method(index);
    }

    private MethodEntry method(int i) {
        if (!methodKnown[i]) {
            methodKnown[i] = true;
            try {
                methods[i] = interpreter.environments().method(eps[i]);
            } catch (UnmappedAddressException e) {
                methods[i] = null;
            }
        }
        return methods[i];
    }

    /**
     * How it is called, as {@code Thread::Backtrace::Location#label} of that version says it.
     *
     * @return for example {@code block in foo}, since 3.4 {@code block in Bar#foo}; null if it can't be made out
     */
    public String label() {
        if (isNative()) {
            MethodEntry method = method(index);
            return method == null ? null : method.label();
        }
        Iseq iseq = iseqs[index];
        if (iseq == null) {
            return null;
        }
        if (!interpreter.labels().withClass()) {
            return iseq.label();
        }
        MethodEntry method = method(index);
        return iseq.labelOf(method == null ? 0 : method.owner());
    }

    /**
     * The file, for a method written in C that of its caller.
     *
     * @return a path; null if there is none
     */
    public String path() {
        int place = places[index];
        return place < 0 ? null : iseqs[place].path();
    }

    /**
     * The full path of the file, for a method written in C that of its caller.
     *
     * @return a path; null if there is none
     */
    public String absolutePath() {
        int place = places[index];
        return place < 0 ? null : iseqs[place].absolutePath();
    }

    /**
     * The line, for a method written in C that of its caller.
     *
     * @return the line, 0 if it is not known
     */
    public int line() {
        int place = places[index];
        try {
            return place < 0 ? 0 : iseqs[place].line(pcs[place]);
        } catch (UnmappedAddressException e) {
            return 0;
        }
    }

    /**
     * The local variables, those of the levels of scope around it too.
     *
     * @return a new list, empty for a method written in C
     * @throws UnmappedAddressException if they can't be read
     */
    public List<Local> locals() {
        Iseq iseq = iseqs[index];
        return iseq == null ? List.of() : interpreter.environments().locals(eps[index], iseq);
    }

    /**
     * The arguments of its method or block.
     *
     * @return a new list, empty for a method written in C
     * @throws UnmappedAddressException if they can't be read
     */
    public List<Argument> arguments() {
        Iseq iseq = iseqs[index];
        return iseq == null ? List.of() : interpreter.environments().arguments(eps[index], iseq);
    }
}
