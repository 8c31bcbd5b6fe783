// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.vm;

import dev.heapwalk.memory.AddressSpace;
import dev.heapwalk.memory.Reader;
import dev.heapwalk.memory.UnmappedAddressException;
import dev.heapwalk.memory.Window;
import dev.heapwalk.memory.raw.Words;
import dev.heapwalk.ruby.ObjectReader;
import dev.heapwalk.ruby.layout.ContextLayout;
import dev.heapwalk.ruby.layout.EnvFlags;
import dev.heapwalk.ruby.layout.RubyLayout;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * Goes through the control frames of a thread or a fiber, the innermost first. C name {@code rb_control_frame_t}. All
 * frames are copied at once by {@link #over}; what is around them, such as local variables, is read when it is asked
 * for. Allocates nothing for frames whose code was seen before. For one thread.
 *
 * <p>{@link #next()} gives every frame. Those for which {@link #shown()} is true are what {@code
 * Thread#backtrace_locations} of that version gives, with its labels, paths and lines. A frame that can't be right, as
 * in a thread that ran on while it was read, is not shown, and a {@link #note()} tells of it. So it does of those that
 * are left out, where there are more than {@value #MOST_FRAMES}.
 */
public final class Frames {
    /** The largest VM stack that is believed, in bytes. */
    private static final long LARGEST = 1L << 30;

    /** The most frames that are read. */
    private static final int MOST_FRAMES = 1 << 20;

    /** The innermost frames of a sample whose environments are copied as well, since they may soon be gone. */
    private static final int NEAR = 16;

    private static final byte HIDDEN = 0;
    private static final byte RUBY = 1;
    private static final byte NATIVE = 2;
    /** Written in Ruby, but a part of the interpreter that backtraces show as if it were written in C. */
    private static final byte DISGUISED = 3;

    private final Interpreter interpreter;
    private final ObjectReader reader;
    private final Reader memory;
    private final AddressSpace space;
    private final ContextLayout layout;
    private final boolean skipsAfterRescue;
    private final boolean hidesInternal;

    /** What a sample is read into; made for the first one. */
    private MemorySegment copy;

    private final long[] nearFlags = new long[NEAR];
    private final long[] nearMethods = new long[NEAR];
    private final long[] nearOuter = new long[NEAR];
    private final long[] rangeAddresses = new long[NEAR + 2];
    private final long[] rangeLengths = new long[NEAR + 2];
    private final long[] rangeRead = new long[NEAR + 2];
    private int nearFrom;
    private int nearEnd;

    private long stack;
    private long stackEnd;
    private int count;
    /** The innermost frame that {@link #next} gives: 0 but for the torn frames of a sample. */
    private int first;

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
        this.memory = reader.memory();
        this.space = memory.memory();
        this.layout = RubyLayout.of(reader.series()).context();
        this.skipsAfterRescue = RubyLayout.of(reader.series()).context().skipsAfterRescue();
        this.hidesInternal = RubyLayout.of(reader.series()).context().hidesInternal();
    }

    /**
     * Goes before the innermost frame of an execution context.
     *
     * @param ec target address of the {@code rb_execution_context_t} of a thread or a fiber
     * @return this cursor; without frames where it has none, or where it can't be read, which is {@linkplain #note()
     *     noted}
     */
    public Frames over(long ec) {
        clear();
        try {
            copy(ec);
            classify();
        } catch (UnmappedAddressException e) {
            note = "the frames of the execution context at 0x%x can't be read: %s".formatted(ec, e.getMessage());
        }
        return this;
    }

    private void clear() {
        count = 0;
        first = 0;
        index = -1;
        nearFrom = 0;
        nearEnd = 0;
        note = "";
        stack = 0;
        stackEnd = 0;
    }

    private void copy(long ec) {
        long cfp = memory.readLong(ec + ContextLayout.CFP);
        long frames = frames(
                memory.readLong(ec + ContextLayout.VM_STACK), memory.readLong(ec + ContextLayout.VM_STACK_SIZE), cfp);
        long size = layout.frameSize();
        if (frames > MOST_FRAMES) {
            note = "%d of %d frames are left out, the outermost".formatted(frames - MOST_FRAMES, frames);
            frames = MOST_FRAMES;
        }
        int atOnce = (int) (Window.MAX_LENGTH / size);
        while (count < frames) {
            int some = (int) Math.min(atOnce, frames - count);
            long from = cfp + count * size;
            long offset = memory.find(from, some * size);
            if (offset < 0) {
                note = "%d of %d frames can't be read at 0x%x".formatted(frames - count, frames, from);
                return;
            }
            take(memory.segment(), offset, some, from);
        }
    }

    /** How many frames there are, after a look at whether they can be; notes what is wrong. */
    private long frames(long vmStack, long words, long cfp) {
        stack = vmStack;
        if (stack == 0 || cfp == 0) {
            return 0;
        }
        long size = layout.frameSize();
        stackEnd = stack + 8 * words;
        if ((stack & 7) != 0
                || words <= 0
                || words > LARGEST / 8
                || cfp < stack
                || cfp > stackEnd
                || (stackEnd - cfp) % size != 0) {
            note = "the frame pointer 0x%x does not lie in the VM stack 0x%x-0x%x".formatted(cfp, stack, stackEnd);
            stackEnd = Math.max(stack, Math.min(stackEnd, stack + LARGEST));
            return 0;
        }
        // The outermost one is a dummy, the word before the thread's first frame.
        return (stackEnd - cfp) / size - 1;
    }

    private void take(MemorySegment segment, long offset, int some, long from) {
        grow(count + some);
        long size = layout.frameSize();
        for (int i = 0; i < some; i++) {
            long at = offset + i * size;
            pcs[count] = segment.get(Words.LONG, at + ContextLayout.FRAME_PC);
            codes[count] = segment.get(Words.LONG, at + ContextLayout.FRAME_ISEQ);
            selves[count] = segment.get(Words.LONG, at + ContextLayout.FRAME_SELF);
            eps[count] = segment.get(Words.LONG, at + ContextLayout.FRAME_EP);
            addresses[count] = from + i * size;
            count++;
        }
    }

    /**
     * Goes before the innermost frame of a thread that runs on, for profilers that sample. The frames are read past
     * everything that the reader keeps, and a second time right after. Only those are given that both looks show in the
     * same place, called from the same place: these were on the stack all the while between the looks, which are some
     * microseconds apart. What the thread called or returned from meanwhile is left out and counted in {@link #torn()};
     * no frame is made up of two moments.
     *
     * @param ec target address of the {@code rb_execution_context_t} of a thread or a fiber
     * @return this cursor; without frames where it has none, or where it can't be read, which is {@linkplain #note()
     *     noted}
     */
    public Frames sample(long ec) {
        clear();
        if (copy == null) {
            copy = Arena.ofAuto().allocate(Window.MAX_LENGTH, 8);
        }
        if (!fresh(ec, ContextLayout.STACK_SIZE)) {
            note = "the execution context at 0x%x can't be read".formatted(ec);
            return this;
        }
        long cfp = copy.get(Words.LONG, ContextLayout.CFP);
        long frames = frames(
                copy.get(Words.LONG, ContextLayout.VM_STACK), copy.get(Words.LONG, ContextLayout.VM_STACK_SIZE), cfp);
        if (frames > MOST_FRAMES) {
            note = "%d frames are too many for a sample".formatted(frames);
            return this;
        }
        int size = layout.frameSize();
        int atOnce = Window.MAX_LENGTH / size;
        while (count < frames) {
            int some = (int) Math.min(atOnce, frames - count);
            long from = cfp + (long) count * size;
            if (!fresh(from, (long) some * size)) {
                note = "%d of %d frames can't be read at 0x%x".formatted(frames - count, frames, from);
                break;
            }
            take(copy, 0, some, from);
        }
        first = count - steady(ec);
        copyEnvironments();
        index = first - 1;
        classify();
        for (int i = first; i < count; i++) {
            // A C function's frame always has its method: one without was made or left between two looks.
            if (shown[i] && (isNative(i) || interpreter.labels().withClass()) && method(i) == null && isNative(i)) {
                first = i + 1;
                index = i;
            }
        }
        return this;
    }

    /** Reads without a cache. */
    private boolean fresh(long address, long length) {
        return space.read(address, copy.asSlice(0, length)) == length;
    }

    /**
     * Copies the environments of the innermost frames, which tell what methods they are in, between two more looks at
     * their frames, all in one call: another method may have had the same place on the stack between the other looks.
     */
    private void copyEnvironments() {
        int size = layout.frameSize();
        nearFrom = first;
        nearEnd = Math.min(count, first + NEAR);
        int frames = nearEnd - first;
        if (frames == 0) {
            return;
        }
        int ranges = 0;
        ranges = range(ranges, addresses[first], (long) frames * size);
        for (int i = first; i < nearEnd; i++) {
            if (copied(i)) {
                ranges = range(ranges, eps[i] + EnvFlags.METHOD, EnvFlags.SIZE);
            }
        }
        ranges = range(ranges, addresses[first], (long) frames * size);
        space.readRanges(rangeAddresses, rangeLengths, ranges, copy, rangeRead);
        long again = (long) frames * size + (ranges - 2) * EnvFlags.SIZE;
        int range = ranges - 1;
        boolean whole = rangeRead[0] == rangeLengths[0] && rangeRead[range] == rangeLengths[range];
        for (int i = nearEnd - 1; i >= nearFrom; i--) {
            long at = (long) (i - nearFrom) * size;
            boolean good = whole && same(i, at) && same(i, again + at);
            if (copied(i)) {
                range--;
                long environment = (long) frames * size + (range - 1) * EnvFlags.SIZE;
                nearMethods[i - nearFrom] = copy.get(Words.LONG, environment);
                nearOuter[i - nearFrom] =
                        copy.get(Words.LONG, environment + EnvFlags.SPECIAL - EnvFlags.METHOD) & ~EnvFlags.SPECIAL_TAG;
                nearFlags[i - nearFrom] = copy.get(Words.LONG, environment - EnvFlags.METHOD);
                long magic = nearFlags[i - nearFrom] & EnvFlags.MAGIC_MASK;
                good &= rangeRead[range] == EnvFlags.SIZE
                        && (codes[i] != 0 || magic == EnvFlags.MAGIC_CFUNC || magic == EnvFlags.MAGIC_DUMMY);
            }
            if (!good) {
                first = i + 1;
                return;
            }
            if (!samePc(i, at) || !samePc(i, again + at)) {
                first = i;
                return;
            }
        }
    }

    /** Whether the environment of one of the innermost frames is copied: where its label says a method or a class. */
    private boolean copied(int i) {
        return codes[i] == 0 || interpreter.labels().withClass();
    }

    /** The method of one of the innermost frames, by what was copied as far as that tells it. */
    private MethodEntry nearMethod(int i) {
        if (codes[i] == 0 || (nearFlags[i - nearFrom] & EnvFlags.LOCAL) != 0) {
            Optional<MethodEntry> found = interpreter.method(nearMethods[i - nearFrom]);
            return found.isPresent() || codes[i] == 0
                    ? found.orElse(null)
                    : interpreter.environments().method(eps[i]).orElse(null);
        }
        // A block's is that of the frame whose scope is around it, where that is still on the stack.
        for (int outer = i + 1; outer < nearEnd; outer++) {
            if (eps[outer] == nearOuter[i - nearFrom]) {
                return method(outer);
            }
        }
        return interpreter.environments().method(eps[i]).orElse(null);
    }

    private int range(int index, long address, long length) {
        rangeAddresses[index] = address;
        rangeLengths[index] = length;
        return index + 1;
    }

    /** Whether a frame is what a later look copied. */
    private boolean same(int frame, long at) {
        return codes[frame] == copy.get(Words.LONG, at + ContextLayout.FRAME_ISEQ)
                && selves[frame] == copy.get(Words.LONG, at + ContextLayout.FRAME_SELF)
                && eps[frame] == copy.get(Words.LONG, at + ContextLayout.FRAME_EP);
    }

    /** Whether a frame has not gone on, so that what is inside of it is what it called before. */
    private boolean samePc(int frame, long at) {
        return pcs[frame] == copy.get(Words.LONG, at + ContextLayout.FRAME_PC);
    }

    /** How many frames, counted from the outermost, a second look shows to be what they were. */
    private int steady(long ec) {
        if (!fresh(ec, ContextLayout.STACK_SIZE) || copy.get(Words.LONG, ContextLayout.VM_STACK) != stack) {
            return 0;
        }
        int size = layout.frameSize();
        int atOnce = Window.MAX_LENGTH / size;
        long end = stackEnd - size;
        long cfp = copy.get(Words.LONG, ContextLayout.CFP);
        int most = cfp < stack || cfp > end ? 0 : (int) Math.min((end - cfp) / size, count);
        int same = 0;
        while (same < most) {
            int some = Math.min(atOnce, most - same);
            long from = end - (long) (same + some) * size;
            if (!fresh(from, (long) some * size)) {
                return same;
            }
            for (int i = some - 1; i >= 0; i--) {
                int frame = count - same - 1;
                long at = (long) i * size;
                if (!same(frame, at)) {
                    return same;
                }
                same++;
                if (!samePc(frame, at)) {
                    return same;
                }
            }
        }
        return same;
    }

    /**
     * Goes before the innermost frame as {@link #over} does in a target that stands still, and as {@link #sample} does
     * in one that runs on.
     *
     * @param ec target address of the {@code rb_execution_context_t} of a thread or a fiber
     * @return this cursor
     */
    public Frames at(long ec) {
        return reader.vm().target().still() ? over(ec) : sample(ec);
    }

    /**
     * How many of the frames came or went while they were read: those that are {@linkplain #torn() torn}, and those
     * that the thread has {@linkplain #returned returned} from.
     *
     * @param ec what was given to {@link #at}
     * @return a count, with frames that Ruby does not show; 0 in a target that stands still
     */
    public int gone(long ec) {
        return reader.vm().target().still() ? 0 : torn() + returned(ec);
    }

    /**
     * How many of the innermost frames of a {@link #sample} were left out, because the thread called or returned while
     * it was read.
     *
     * @return a count, with frames that Ruby does not show; 0 for a sample that is whole
     */
    public int torn() {
        return first;
    }

    /**
     * How many of the frames of a {@link #sample} the thread has returned from since: what was read of their variables
     * may be of another moment.
     *
     * @param ec what was given to {@link #sample}
     * @return a count, with frames that Ruby does not show
     */
    public int returned(long ec) {
        return Math.max(0, count - first - steady(ec));
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
        for (int i = first; i < count; i++) {
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
        noteMissingTexts();
    }

    /** The labels and paths that are literals in C lie in a file, which a core may lack. */
    private void noteMissingTexts() {
        int missing = 0;
        for (int i = first; i < count; i++) {
            Iseq iseq = iseqs[i];
            missing += shown[i]
                            && iseq != null
                            && (iseq.label().isEmpty() || iseq.path().isEmpty())
                    ? 1
                    : 0;
        }
        if (missing > 0 && note.isEmpty()) {
            note = "of %d frames the label or the path can't be read".formatted(missing);
        }
    }

    /** Of the frames of the interpreter itself that call each other, the outermost is shown. */
    private void hideLast(int before) {
        for (int i = before - 1; i >= first; i--) {
            if (shown[i]) {
                shown[i] = false;
                return;
            }
        }
    }

    /** The frames in C that wait for it are shown where the frame in Ruby that called them is. */
    private void place(int caller, int pending) {
        int left = pending;
        for (int i = caller - 1; i >= first && left > 0; i--) {
            if (shown[i]) {
                places[i] = caller;
                left--;
            }
        }
    }

    private byte kind(int i) {
        if (codes[i] == 0) {
            try {
                long flags = i < nearEnd ? nearFlags[i - nearFrom] : memory.readLong(eps[i]);
                return (flags & EnvFlags.MAGIC_MASK) == EnvFlags.MAGIC_CFUNC ? NATIVE : HIDDEN;
            } catch (UnmappedAddressException e) {
                note = "the frame at 0x%x has no environment: %s".formatted(addresses[i], e.getMessage());
                return HIDDEN;
            }
        }
        if (pcs[i] == 0) {
            return HIDDEN;
        }
        try {
            iseqs[i] = interpreter.iseq(codes[i], pcs[i]).orElse(null);
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
        index = first - 1;
    }

    /**
     * How many frames there are.
     *
     * @return a count, with those that Ruby does not show, without those that are {@linkplain #torn() torn}
     */
    public int count() {
        return count - first;
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
        return isNative(index);
    }

    private boolean isNative(int i) {
        return kinds[i] == NATIVE || kinds[i] == DISGUISED;
    }

    /**
     * Its code.
     *
     * @return the code; empty for a method written in C
     */
    public Optional<Iseq> iseq() {
        Iseq iseq = iseqs[index];
        return iseq == null ? Optional.empty() : iseq.present();
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
     * @return the method; empty if there is none, or it can't be read
     */
    public Optional<MethodEntry> method() {
        MethodEntry method = method(index);
        return method == null ? Optional.empty() : method.present();
    }

    private MethodEntry method(int i) {
        if (!methodKnown[i]) {
            methodKnown[i] = true;
            try {
                methods[i] = i < nearEnd && copied(i)
                        ? nearMethod(i)
                        : interpreter.environments().method(eps[i]).orElse(null);
            } catch (UnmappedAddressException e) {
                methods[i] = null;
            }
        }
        return methods[i];
    }

    /**
     * How it is called, as {@code Thread::Backtrace::Location#label} of that version says it.
     *
     * @return for example {@code block in foo}, since 3.4 {@code block in Bar#foo}; empty if it can't be made out
     */
    public Optional<String> label() {
        if (isNative()) {
            MethodEntry method = method(index);
            return method == null ? Optional.empty() : method.label();
        }
        Iseq iseq = iseqs[index];
        if (iseq == null) {
            return Optional.empty();
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
     * @return a path; empty if there is none
     */
    public Optional<String> path() {
        int place = places[index];
        return place < 0 ? Optional.empty() : iseqs[place].path();
    }

    /**
     * What stands for the file in {@code Thread#backtrace}: the file, or the name of the program for a method in C that
     * no code in Ruby called, such as that which a fiber or a thread began with.
     *
     * @return a path; empty if it can't be read
     */
    public Optional<String> shownPath() {
        return places[index] < 0 && isNative() ? interpreter.programName() : path();
    }

    /**
     * The full path of the file, for a method written in C that of its caller.
     *
     * @return a path; empty if there is none
     */
    public Optional<String> absolutePath() {
        int place = places[index];
        return place < 0 ? Optional.empty() : iseqs[place].absolutePath();
    }

    /**
     * The line, for a method written in C that of its caller.
     *
     * @return the line, which {@code eval} may have begun with any number, 0 or one below it; 0 if it is not known
     */
    public int line() {
        return knownLine().orElse(0);
    }

    /**
     * The line, as {@link #line}, with a difference between the line 0 and none.
     *
     * @return the line; empty if it is not known
     */
    public OptionalInt knownLine() {
        int place = places[index];
        try {
            return place < 0 ? OptionalInt.empty() : OptionalInt.of(iseqs[place].line(pcs[place]));
        } catch (UnmappedAddressException e) {
            return OptionalInt.empty();
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

    /**
     * The frame for who wants to keep it.
     *
     * @return what the cursor is at
     */
    public Frame frame() {
        return new Frame(address(), shown(), isNative(), label(), path(), line(), self());
    }

    /**
     * Tells where it stands, without reading anything.
     *
     * @return for example {@code frame 2 of 7 at 0x7f0012345678}
     */
    @Override
    public String toString() {
        return index < first || index >= count
                ? "before the innermost of %d frames".formatted(count())
                : "frame %d of %d at 0x%x".formatted(index - first + 1, count(), addresses[index]);
    }

    /**
     * A frame, as it was when it was taken.
     *
     * @param address target address of the {@code rb_control_frame_t}
     * @param shown whether Ruby's own backtrace shows it
     * @param isNative whether it is that of a method written in C
     * @param label how it is called, if that can be made out
     * @param path the file, if there is one
     * @param line the line, 0 if there is none; {@code eval} may have begun with a number below zero
     * @param self the receiver, a {@code VALUE}
     */
    public record Frame(
            long address,
            boolean shown,
            boolean isNative,
            Optional<String> label,
            Optional<String> path,
            int line,
            long self) {}
}
