// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory.machine;

import dev.heapwalk.memory.Machine;
import dev.heapwalk.memory.raw.Words;
import java.lang.foreign.MemorySegment;

/**
 * What an x86-64 thread needs to make a system call that its program does not have, and to come back by itself. The
 * instruction of the call is one of the program's own, with a {@code ret} behind it. That leads to the C library's
 * {@code rt_sigreturn}, and a frame on the stack, such as the kernel makes for a signal handler, to where the thread
 * was. A second frame is for a process that the call makes: it ends at once.
 *
 * <p>The frames lie below what the thread uses of its stack:
 *
 * <pre>
 *   sp          what the thread's functions keep
 *   sp - 128    the red zone, which belongs to the innermost of them
 *               a name for the new process
 *               the new process's frame
 *               the state of the vector registers, for both frames of the thread
 *               the thread's frame, which leads it to where it was
 *   stack()     a frame that takes a SIGTRAP away; below it a handler of a signal may run
 * </pre>
 *
 * <p>Where a tracer dies while its tracee stands still at a system call, the kernel sends that a {@code SIGTRAP}. All
 * signals are masked then, and the first frame leads to {@code rt_sigtimedwait}, which takes it from what is pending.
 */
public final class InjectedCall {
    /** {@code clone}, {@code wait4}, {@code rt_sigreturn}, {@code exit_group}, {@code prctl}, {@code close_range}. */
    public static final int CLONE = 56;

    /** See {@link #CLONE}. */
    public static final int WAIT4 = 61;

    /** See {@link #CLONE}. */
    public static final int SIGRETURN = 15;

    /** See {@link #CLONE}. */
    public static final int EXIT_GROUP = 231;

    /** See {@link #CLONE}. */
    public static final int PRCTL = 157;

    /** See {@link #CLONE}. */
    public static final int CLOSE_RANGE = 436;

    /** See {@link #CLONE}: {@code rt_sigtimedwait}. */
    public static final int SIGTIMEDWAIT = 128;

    /** What a filter of system calls sees of the processor: {@code AUDIT_ARCH_X86_64}. */
    public static final int AUDIT_ARCH = 0xc000003e;

    /** The exit status of a copy that nobody holds; of no use to a program, so that it tells whose copy it was. */
    public static final int ORPHANED = 104;

    /** The register set with vector registers: {@code NT_X86_XSTATE}. */
    public static final int STATE_SET = 0x202;

    /** Room for that set, in bytes. */
    public static final int STATE_CAPACITY = 1 << 14;

    /** Room for frames, in bytes. */
    public static final int IMAGE_CAPACITY = STATE_CAPACITY + (1 << 11);

    /** How the kernel names the copy, at most 15 characters. */
    public static final String COPY_NAME = "heapwalk-copy";

    private static final byte[] NAME = COPY_NAME.getBytes(java.nio.charset.StandardCharsets.US_ASCII);
    /** Behind the name: a set of signals with SIGTRAP, and no time. */
    private static final int SIGNALS = 16;

    private static final int NO_TIME = 24;
    private static final int DATA_ROOM = 48;
    private static final long SIGTRAP_SET = 1L << 5 - 1;

    /** {@code sizeof(struct rt_sigframe)} up to the information about the signal, which is not read, rounded up. */
    private static final int FRAME = 320;

    /** Where the frame has {@code uc.uc_stack.ss_flags}. */
    private static final long STACK_FLAGS = 32;

    /** No flags of an alternate stack: the kernel refuses that silently, and leaves the thread's stack as it is. */
    private static final int NO_STACK = 4;

    /** Where it has {@code uc.uc_mcontext.ss}, {@code fpstate}, and {@code uc.uc_sigmask}. */
    private static final long SS = X8664.CONTEXT + 150;

    private static final long STATE = X8664.CONTEXT + 184;
    private static final long MASK = X8664.CONTEXT + 256;
    private static final short USER_SS = 0x2b;
    /** The flag that interrupts are on, and the one that is always set. */
    private static final long PLAIN_FLAGS = 0x202;

    // struct _fpx_sw_bytes in the image of the vector registers.
    private static final long SOFTWARE = 464;
    private static final int MAGIC1 = 0x46505853;
    private static final int MAGIC2 = 0x46505845;
    /** Where that image has the mask of what is in it, {@code xstate_bv}. */
    private static final long IN_USE = 512;

    /** What an image without AMX has at most. */
    private static final int WITHOUT_AMX = 2696;

    private static final int SMALLEST_STATE = 576;
    private static final long AMX = 3L << 17;
    private static final long PROTECTION_KEYS = 1L << 9;

    /** The codes of the kernel that an interrupted call is restarted by: {@code ERESTARTSYS} and others. */
    private static final long FIRST_RESTART = -516;

    private static final long LAST_RESTART = -512;
    private static final int SYSCALL_LENGTH = 2;

    private final long call;
    private final long restorer;
    private int stateSize;
    private long name;
    private long copyFrame;
    private long state;
    private long thread;
    private long frame;
    private long end;

    /**
     * Makes one for a program.
     *
     * @param call target address of {@code syscall} and {@code ret}
     * @param restorer target address of code that calls {@code rt_sigreturn}
     */
    public InjectedCall(long call, long restorer) {
        this.call = call;
        this.restorer = restorer;
    }

    /**
     * Whether bytes are a system call with a return behind it.
     *
     * @param code bytes of a program
     * @param at where in them
     * @return whether they are
     */
    public static boolean isCall(byte[] code, int at) {
        return at + 3 <= code.length && code[at] == 0x0f && code[at + 1] == 0x05 && code[at + 2] == (byte) 0xc3;
    }

    /**
     * Whether bytes are a call of {@code rt_sigreturn}.
     *
     * @param code bytes of a program
     * @param at where in them
     * @return whether they are
     */
    public static boolean isRestorer(byte[] code, int at) {
        for (byte[] number : X8664.SIGRETURN) {
            int behind = at + number.length;
            if (behind + 2 <= code.length
                    && code[behind] == 0x0f
                    && code[behind + 1] == 0x05
                    && java.util.Arrays.mismatch(code, at, behind, number, 0, number.length) < 0) {
                return true;
            }
        }
        return false;
    }

    /**
     * Lays out the frames.
     *
     * @param general the thread's general registers as the kernel gave them
     * @param image what it gave of {@link #STATE_SET}
     * @param length how many bytes that were
     * @return whether that can be done; false of a thread that runs 32-bit code, and of an image that is not known
     */
    public boolean place(MemorySegment general, MemorySegment image, long length) {
        if ((short) general.get(Words.LONG, X8664.CS_INDEX * 8L) != X8664.USER_CS
                || length < SMALLEST_STATE
                || length > STATE_CAPACITY) {
            return false;
        }
        boolean whole = length <= WITHOUT_AMX || (image.get(Words.LONG, IN_USE) & AMX) != 0;
        stateSize = whole ? (int) length : WITHOUT_AMX;
        end = register(general, X8664.RSP) - Processor.of(Machine.X86_64).redZone() & -16L;
        name = end - DATA_ROOM;
        copyFrame = name - FRAME;
        state = copyFrame - stateSize - 8 & -64L;
        thread = state - FRAME & -16L;
        frame = thread - FRAME;
        return true;
    }

    /**
     * The stack pointer of the call.
     *
     * @return target address of the lowest byte that is written
     */
    public long stack() {
        return frame;
    }

    /**
     * Where what is written ends.
     *
     * @return target address behind the last byte
     */
    public long end() {
        return end;
    }

    /**
     * The stack pointer of a process that the call makes.
     *
     * @return a target address
     */
    public long copyStack() {
        return copyFrame;
    }

    /**
     * Where {@link #COPY_NAME} is written.
     *
     * @return a target address
     */
    public long name() {
        return name;
    }

    /**
     * Writes the frames.
     *
     * @param to receives the bytes from {@link #stack()} to {@link #end()}
     * @param general the thread's general registers
     * @param mask its mask of signals
     * @param image its vector registers
     */
    public void write(MemorySegment to, MemorySegment general, long mask, MemorySegment image) {
        to.asSlice(0, end - frame).fill((byte) 0);
        writeFrame(to, 0, -1);
        to.set(Words.LONG, STATE, state);
        setCall(to, 0, SIGTIMEDWAIT, thread, name + SIGNALS, 0, name + NO_TIME, Long.BYTES);
        to.set(Words.LONG, name - frame + SIGNALS, SIGTRAP_SET);
        long at = thread - frame;
        writeFrame(to, at, mask);
        to.set(Words.LONG, at + STATE, state);
        for (int i = 0; i < X8664.IN_CONTEXT.length; i++) {
            to.set(Words.LONG, at + X8664.CONTEXT + 8L * i, register(general, X8664.IN_CONTEXT[i]));
        }
        if (restarts(general)) {
            // From its beginning: what the kernel keeps of the time that is left is lost in rt_sigreturn.
            setInContext(to, at, X8664.RAX, register(general, X8664.ORIG_RAX));
            setInContext(to, at, X8664.RIP, register(general, X8664.RIP) - SYSCALL_LENGTH);
        }
        writeState(to, state - frame, image);
        long copy = copyFrame - frame;
        writeFrame(to, copy, -1);
        setCall(to, copy, EXIT_GROUP, copyFrame, ORPHANED);
        MemorySegment.copy(MemorySegment.ofArray(NAME), 0, to, name - frame, NAME.length);
    }

    private void writeFrame(MemorySegment to, long at, long mask) {
        to.set(Words.LONG, at, restorer);
        to.set(Words.LONG, at + X8664.FLAGS, X8664.ALL_FLAGS);
        to.set(Words.INT, at + STACK_FLAGS, NO_STACK);
        to.set(Words.SHORT, at + X8664.CS, X8664.USER_CS);
        to.set(Words.SHORT, at + SS, USER_SS);
        to.set(Words.LONG, at + MASK, mask);
    }

    /** Has a frame lead to a call. */
    private void setCall(MemorySegment to, long at, int number, long stack, long... arguments) {
        for (int i = 0; i < arguments.length; i++) {
            setInContext(to, at, ARGUMENTS[i], arguments[i]);
        }
        setInContext(to, at, X8664.RAX, number);
        setInContext(to, at, X8664.RSP, stack);
        setInContext(to, at, X8664.RIP, call);
        setInContext(to, at, EFLAGS, PLAIN_FLAGS);
    }

    private void writeState(MemorySegment to, long at, MemorySegment image) {
        MemorySegment.copy(image, 0, to, at, stateSize);
        long there = image.get(Words.LONG, SOFTWARE);
        long inUse = image.get(Words.LONG, IN_USE);
        long features = there != 0 ? there : inUse | 3;
        if (stateSize == WITHOUT_AMX) {
            features &= ~AMX;
        }
        // The kernel gives their value also where it does not count them as in use.
        to.set(Words.LONG, at + IN_USE, inUse | features & PROTECTION_KEYS);
        to.set(Words.INT, at + SOFTWARE, MAGIC1);
        to.set(Words.INT, at + SOFTWARE + 4, stateSize + 4);
        to.set(Words.LONG, at + SOFTWARE + 8, features);
        to.set(Words.INT, at + SOFTWARE + 16, stateSize);
        to.asSlice(at + SOFTWARE + 20, 28).fill((byte) 0);
        to.set(Words.INT, at + stateSize, MAGIC2);
    }

    /** Sets a register in a frame. */
    private static void setInContext(MemorySegment to, long at, int register, long value) {
        for (int i = 0; i < X8664.IN_CONTEXT.length; i++) {
            if (X8664.IN_CONTEXT[i] == register) {
                to.set(Words.LONG, at + X8664.CONTEXT + 8L * i, value);
            }
        }
    }

    /**
     * Whether a thread is in a call that the kernel restarts.
     *
     * @param general its general registers
     * @return whether it is
     */
    public static boolean restarts(MemorySegment general) {
        long result = register(general, X8664.RAX);
        return inCall(general) && result >= FIRST_RESTART && result <= LAST_RESTART;
    }

    /**
     * Whether a thread is in a system call, or at its end.
     *
     * @param general its general registers
     * @return whether it is
     */
    public static boolean inCall(MemorySegment general) {
        return register(general, X8664.ORIG_RAX) >= 0;
    }

    /**
     * What a call has returned.
     *
     * @param general the general registers at its end
     * @return the result, or a negative error number
     */
    public static long result(MemorySegment general) {
        return register(general, X8664.RAX);
    }

    /**
     * The registers that make a call.
     *
     * @param to receives them
     * @param general the thread's registers
     * @param stack the stack pointer
     * @param number of the call
     * @param arguments up to six
     */
    public void set(MemorySegment to, MemorySegment general, long stack, int number, long... arguments) {
        MemorySegment.copy(general, 0, to, 0, X8664.PROCESSOR.registerSetSize());
        for (int i = 0; i < ARGUMENTS.length; i++) {
            setRegister(to, ARGUMENTS[i], i < arguments.length ? arguments[i] : 0);
        }
        setRegister(to, X8664.RAX, number);
        // No call that is to be restarted.
        setRegister(to, X8664.ORIG_RAX, -1);
        setRegister(to, X8664.RIP, call);
        setRegister(to, X8664.RSP, stack);
        setRegister(to, EFLAGS, PLAIN_FLAGS);
    }

    /**
     * The instruction of the call.
     *
     * @return a target address
     */
    public long call() {
        return call;
    }

    /**
     * The call of {@code rt_sigreturn}.
     *
     * @return a target address
     */
    public long restorer() {
        return restorer;
    }

    private static final int RDI = 14;
    private static final int EFLAGS = 18;
    /** {@code rdi}, {@code rsi}, {@code rdx}, {@code r10}, {@code r8} and {@code r9}. */
    private static final int[] ARGUMENTS = {RDI, 13, 12, 7, 9, 8};

    private static long register(MemorySegment general, int index) {
        return general.get(Words.LONG, index * 8L);
    }

    private static void setRegister(MemorySegment general, int index, long value) {
        general.set(Words.LONG, index * 8L, value);
    }

    /**
     * The stack pointer of a thread.
     *
     * @param general its general registers
     * @return a target address
     */
    public static long stackPointer(MemorySegment general) {
        return register(general, X8664.RSP);
    }

    /**
     * The next instruction of a thread.
     *
     * @param general its general registers
     * @return a target address
     */
    public static long programCounter(MemorySegment general) {
        return register(general, X8664.RIP);
    }

    /**
     * The thread pointer of a thread.
     *
     * @param general its general registers
     * @return a target address
     */
    public static long threadPointer(MemorySegment general) {
        return register(general, X8664.FS_BASE);
    }

    /**
     * Makes registers of 64-bit code that stands nowhere.
     *
     * @param general receives what {@link #place} asks for
     */
    public static void rehearse(MemorySegment general) {
        setRegister(general, X8664.CS_INDEX, X8664.USER_CS);
        setRegister(general, X8664.RSP, 1 << 20);
    }
}
