// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.layout;

/**
 * C names {@code rb_execution_context_t}, {@code rb_control_frame_t} and {@code struct rb_fiber_struct}.
 *
 * @param frameSize the size of a control frame
 * @param size the size of an execution context
 * @param fiber {@code fiber_ptr} of an execution context
 * @param localStorage {@code local_storage} of an execution context: an {@code st_table} by ID in 2.7, later a
 *     {@code struct rb_id_table}
 * @param storage {@code storage} of an execution context, or -1 before 3.2
 * @param errinfo {@code errinfo} of an execution context
 * @param stackStart {@code machine.stack_start} of an execution context
 * @param stackEnd {@code machine.stack_end} of an execution context
 * @param machineRegisters {@code machine.regs} of an execution context
 * @param fiberProc {@code first_proc} of a fiber; it and what follows are moved by {@link #LIBC_JMP_BUF_SHIFT}
 *     in some builds
 * @param fiberPrevious {@code prev} of a fiber
 * @param fiberResuming {@code resuming_fiber} of a fiber, or -1 in 2.7
 * @param fiberStatus the byte whose bits 0 and 1 are {@code status} of a fiber
 */
public record ContextLayout(
        int frameSize,
        int size,
        int fiber,
        int localStorage,
        int storage,
        int errinfo,
        int stackStart,
        int stackEnd,
        int machineRegisters,
        int fiberProc,
        int fiberPrevious,
        int fiberResuming,
        int fiberStatus) {
    /** {@code vm_stack} of an execution context. */
    public static final int VM_STACK = 0;
    /** {@code vm_stack_size} of an execution context, in words. */
    public static final int VM_STACK_SIZE = 8;
    /** {@code cfp} of an execution context. */
    public static final int CFP = 16;

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

    /** {@code cont.self} of a fiber. */
    public static final int FIBER_SELF = 16;
    /** {@code cont.value} of a fiber. */
    public static final int FIBER_VALUE = 24;
    /** {@code cont.saved_ec} of a fiber, its execution context. */
    public static final int FIBER_EC = 80;

    /**
     * How far the fields of a fiber from {@code first_proc} on are moved, in bytes, where the {@code jmp_buf} before them is that
     * of glibc and not the smaller one of the compiler.
     */
    public static final int LIBC_JMP_BUF_SHIFT = 160;

    static ContextLayout of(int version) {
        return switch (version) {
            case 207 -> new ContextLayout(56, 376, 48, 64, -1, 120, 152, 160, 176, 512, 520, -1, 528);
            case 300 -> new ContextLayout(56, 376, 48, 64, -1, 120, 152, 160, 176, 512, 520, 528, 536);
            case 301 -> new ContextLayout(64, 368, 40, 56, -1, 112, 144, 152, 168, 504, 512, 520, 528);
            case 302 -> new ContextLayout(64, 376, 40, 56, 80, 120, 152, 160, 176, 512, 520, 528, 536);
            case 303 -> new ContextLayout(56, 376, 40, 56, 80, 120, 152, 160, 176, 512, 520, 528, 536);
            case 304 -> new ContextLayout(56, 368, 40, 56, 80, 112, 144, 152, 168, 496, 504, 512, 520);
            default -> new ContextLayout(56, 400, 40, 72, 96, 128, 176, 184, 200, 528, 536, 544, 552);
        };
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
