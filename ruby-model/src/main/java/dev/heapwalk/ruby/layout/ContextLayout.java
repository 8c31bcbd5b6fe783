// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.layout;

/**
 * C names {@code rb_execution_context_t}, {@code rb_control_frame_t} and {@code struct rb_fiber_struct}.
 *
 * @param frameSize the size of a control frame
 * @param fiber {@code fiber_ptr} of an execution context
 * @param localStorage {@code local_storage} of an execution context
 * @param localStorageById whether that is a {@code struct rb_id_table}, and not an {@code st_table} by ID
 * @param stackStart {@code machine.stack_start} of an execution context; {@code stack_end}, {@code stack_maxsize} and
 *     {@code regs} follow it
 * @param fiberProc {@code first_proc} of a fiber; it and what follows are moved by {@link #LIBC_JMP_BUF_SHIFT}
 *     in some builds
 * @param fiberPrevious {@code prev} of a fiber
 * @param fiberStatus the byte whose bits 0 and 1 are {@code status} of a fiber
 * @param skipsDummyFrames whether frames of no program are not marked
 * @param marksEscaped whether a frame whose level lies in an object keeps that and its method alive
 * @param fibersKeepStack whether a fiber that is no continuation may have a copy of its machine stack
 * @param skipsAfterRescue whether a backtrace leaves out the frame below that of a rescue or ensure clause
 * @param hidesInternal whether a backtrace hides the frames of methods of the interpreter that are written in Ruby
 * @param labelsWithClass whether a label has the class
 */
public record ContextLayout(
        int frameSize,
        int fiber,
        int localStorage,
        boolean localStorageById,
        int stackStart,
        int fiberProc,
        int fiberPrevious,
        int fiberStatus,
        boolean skipsDummyFrames,
        boolean marksEscaped,
        boolean fibersKeepStack,
        boolean skipsAfterRescue,
        boolean hidesInternal,
        boolean labelsWithClass) {
    /** {@code vm_stack} of an execution context. */
    public static final int VM_STACK = 0;
    /** {@code vm_stack_size} of an execution context, in words. */
    public static final int VM_STACK_SIZE = 8;
    /** {@code cfp} of an execution context. */
    public static final int CFP = 16;
    /** The size of these three, which tell the VM stack and the frames on it. */
    public static final int STACK_SIZE = 24;

    /** How far {@code root_lep} of an execution context is before {@code root_svar}. */
    public static final int ROOT_LEP = 8;

    /** {@code pc} of a control frame. */
    public static final int FRAME_PC = 0;
    /** {@code sp} of a control frame. */
    public static final int FRAME_SP = 8;
    /** {@code iseq} of a control frame. */
    public static final int FRAME_ISEQ = 16;
    /** {@code self} of a control frame. */
    public static final int FRAME_SELF = 24;
    /** {@code ep} of a control frame. */
    public static final int FRAME_EP = 32;
    /** {@code block_code} of a control frame. */
    public static final int FRAME_BLOCK_CODE = 40;

    /** {@code cont.self} of a fiber; {@code cont.value} follows it. */
    public static final int FIBER_SELF = 16;
    /** {@code cont.saved_vm_stack} of a fiber: {@code ptr}, {@code slen} and {@code clen}. */
    public static final int FIBER_VM_STACK = 32;
    /** {@code cont.machine} of a fiber: {@code stack}, {@code stack_src} and {@code stack_size}. */
    public static final int FIBER_MACHINE = 56;
    /** {@code cont.saved_ec} of a fiber, its execution context. */
    public static final int FIBER_EC = 80;

    /** {@code type} of a fiber's {@code rb_context_t}, 32 bits: 0 for a continuation. */
    public static final int FIBER_TYPE = 0;
    /** Of a copied stack of the virtual machine: {@code slen}, and {@code clen} behind it. */
    public static final int SAVED_STACK_SIZE = 8;
    /** Of a copied stack of the virtual machine: {@code clen}. */
    public static final int SAVED_FRAMES_SIZE = 16;
    /** Of a copied machine stack: {@code stack_size}. */
    public static final int SAVED_MACHINE_SIZE = 16;
    /** How far {@code storage} of an execution context is behind {@code local_storage}. */
    public static final int INHERITED_STORAGE = 24;

    /** The size of {@code machine.regs} of an execution context, a {@code jmp_buf}. */
    public static final int REGISTERS_SIZE = 200;

    /**
     * How far the fields of a fiber from {@code first_proc} on are moved, in bytes, where the {@code jmp_buf} before
     * them is that of glibc and not the smaller one of the compiler.
     */
    public static final int LIBC_JMP_BUF_SHIFT = 160;

    static ContextLayout of(int version) {
        boolean dummies = version == 302;
        boolean escaped = version >= 300;
        boolean newest = version >= 400;
        boolean labels = version >= 304;
        boolean stacks = !labels;
        return switch (version) {
            case 207 ->
                new ContextLayout(
                        56, 48, 64, false, 152, 512, 520, 528, dummies, escaped, stacks, labels, newest, labels);
            case 300 ->
                new ContextLayout(
                        56, 48, 64, true, 152, 512, 520, 536, dummies, escaped, stacks, labels, newest, labels);
            case 301 ->
                new ContextLayout(
                        64, 40, 56, true, 144, 504, 512, 528, dummies, escaped, stacks, labels, newest, labels);
            case 302 ->
                new ContextLayout(
                        64, 40, 56, true, 152, 512, 520, 536, dummies, escaped, stacks, labels, newest, labels);
            case 303 ->
                new ContextLayout(
                        56, 40, 56, true, 152, 512, 520, 536, dummies, escaped, stacks, labels, newest, labels);
            case 304 ->
                new ContextLayout(
                        56, 40, 56, true, 144, 496, 504, 520, dummies, escaped, stacks, labels, newest, labels);
            default ->
                new ContextLayout(
                        56, 40, 72, true, 176, 528, 536, 552, dummies, escaped, stacks, labels, newest, labels);
        };
    }

    /**
     * {@code machine.stack_end} of an execution context.
     *
     * @return its offset
     */
    public int stackEnd() {
        return stackStart + 8;
    }

    /**
     * {@code machine.stack_maxsize} of an execution context.
     *
     * @return its offset
     */
    public int stackSize() {
        return stackStart + 16;
    }

    /**
     * {@code machine.regs} of an execution context.
     *
     * @return its offset
     */
    public int registers() {
        return stackStart + 24;
    }

    /**
     * {@code thread_ptr} of an execution context.
     *
     * @return its offset
     */
    public int thread() {
        return fiber + 8;
    }
}
