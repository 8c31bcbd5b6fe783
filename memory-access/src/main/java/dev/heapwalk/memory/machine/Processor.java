// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory.machine;

import dev.heapwalk.memory.Machine;
import dev.heapwalk.memory.Registers;
import dev.heapwalk.memory.raw.Words;
import java.lang.foreign.MemorySegment;
import java.util.List;

/**
 * What is particular to a processor, and to Linux on it. A number that does not exist there is -1; registers are told
 * by their index in the kernel's {@code user_regs_struct}, which is also the order in a core.
 */
public abstract sealed class Processor permits Amd64, I386, TlsAbove, UnknownProcessor {

    /**
     * The kernel's own code for "restart unless a handler runs now, else EINTR" ({@code ERESTARTNOHAND}). Put in
     * the place of EINTR it lets the kernel decide when the thread goes on: a signal that comes during the stop still
     * interrupts the call, and nothing depends on this process being alive by then.
     */
    public static final long RESTART = -514;

    /** What a system call returns that was interrupted: {@code -EINTR}. */
    public static final long INTERRUPTED = -4;

    /** Where a thread's static thread-local storage lies. */
    public enum TlsVariant {
        /** Above the thread pointer, behind {@link Processor#tcbSize()} bytes: variant I. */
        ABOVE,
        /** Below the thread pointer: variant II. */
        BELOW
    }

    private static final int[] NO_REGISTERS = {};

    private final Machine machine;
    private final List<String> registerNames;

    Processor(Machine machine, List<String> registerNames) {
        this.machine = machine;
        this.registerNames = registerNames;
    }

    /**
     * The processor of a program.
     *
     * @param machine what its ELF header names
     * @return its processor
     */
    public static Processor of(Machine machine) {
        return switch (machine) {
            case X86_64 -> X8664.PROCESSOR;
            case AARCH64 -> Aarch64.PROCESSOR;
            case I386 -> I386.PROCESSOR;
            case ARM -> Arm.PROCESSOR;
            case X32 -> X32.PROCESSOR;
            case OTHER -> UnknownProcessor.PROCESSOR;
        };
    }

    /**
     * The processor whose registers the kernel gave for a thread ({@code NT_PRSTATUS}), told by their size. A program
     * for x32 has those of x86-64.
     *
     * @param size how many bytes the kernel gave
     * @return the processor; one without registers if none is known that has so many
     */
    public static Processor ofRegisterSet(long size) {
        for (Processor each : new Processor[] {X8664.PROCESSOR, Aarch64.PROCESSOR, I386.PROCESSOR, Arm.PROCESSOR}) {
            if (each.registerSetSize() == size) {
                return each;
            }
        }
        return UnknownProcessor.PROCESSOR;
    }

    /**
     * The machine that ELF headers name.
     *
     * @return the machine
     */
    public final Machine machine() {
        return machine;
    }

    /**
     * The general registers as the kernel's {@code user_regs_struct} orders them, by the names that gdb has for them.
     *
     * @return an unmodifiable list, empty where they are not known
     */
    public final List<String> registerNames() {
        return registerNames;
    }

    /**
     * How large the kernel's set of general registers is.
     *
     * @return bytes, 0 where they are not known
     */
    public final int registerSetSize() {
        return registerNames.size() * machine.wordSize();
    }

    /**
     * Which register has the address of the next instruction.
     *
     * @return its index, or -1
     */
    public int programCounter() {
        return -1;
    }

    /**
     * Which register has the address of the top of the stack.
     *
     * @return its index, or -1
     */
    public int stackPointer() {
        return -1;
    }

    /**
     * Which of the general registers has the thread pointer.
     *
     * @return its index, or -1 where none has it: then {@link #threadPointerSet()} may
     */
    public int threadPointer() {
        return -1;
    }

    /**
     * The type of the register set, for {@code ptrace} and for a core's notes, that begins with the thread pointer.
     *
     * @return an {@code NT_*} of the owner {@code LINUX}, or -1 where there is none
     */
    public int threadPointerSet() {
        return -1;
    }

    /**
     * A register set as a note of a core has it, and {@code ptrace} gives it.
     *
     * @param owner the note's owner
     * @param type the note's type, and that of the set
     */
    public record RegisterNote(String owner, int type) {}

    /**
     * The register sets beside the general one that the kernel writes into a core, in its order: floating-point and
     * vector registers and the like. It has not all of them on each machine.
     *
     * @return an unmodifiable list
     */
    public List<RegisterNote> moreRegisterNotes() {
        return List.of();
    }

    /**
     * The name that gdb has for the thread pointer where it is no general register.
     *
     * @return the name, or an empty text
     */
    public String threadPointerName() {
        return "";
    }

    /**
     * How many bytes below the stack pointer belong to the function that runs.
     *
     * @return bytes
     */
    public int redZone() {
        return 0;
    }

    /**
     * Takes registers out of a set.
     *
     * @param set a register set of the kernel's ({@code NT_PRSTATUS}), of {@link #registerSetSize()} bytes
     * @param threadPointer the thread pointer if it is no general register, 0 if it is or is not known
     * @return the registers
     */
    public final Registers registers(MemorySegment set, long threadPointer) {
        long[] general = new long[registerNames.size()];
        for (int i = 0; i < general.length; i++) {
            general[i] = register(set, i);
        }
        return new Registers(this, general, threadPointer() >= 0 ? general[threadPointer()] : threadPointer);
    }

    /** A register of a set, without its sign. */
    final long register(MemorySegment set, int index) {
        return machine.wordSize() == 8
                ? set.get(Words.LONG, index * 8L)
                : Integer.toUnsignedLong(set.get(Words.INT, index * 4L));
    }

    /**
     * Where {@code struct elf_prstatus}, the note {@code NT_PRSTATUS}, has the thread's id.
     *
     * @return an offset in bytes
     */
    public final int statusThread() {
        return machine.wordSize() == 8 ? 32 : 24;
    }

    /**
     * Where {@code struct elf_prstatus} has the general registers.
     *
     * @return an offset in bytes
     */
    public final int statusRegisters() {
        return machine.wordSize() == 8 ? 112 : 72;
    }

    /**
     * Where {@code struct elf_prpsinfo}, the note {@code NT_PRPSINFO}, has the process's id.
     *
     * @return an offset in bytes
     */
    public final int infoProcess() {
        // 32-bit x86 and ARM have 16-bit user ids before it.
        return machine.wordSize() == 8 ? 24 : 12;
    }

    /**
     * Where {@code struct elf_prpsinfo} has the program's name, 16 bytes.
     *
     * @return an offset in bytes
     */
    public final int infoName() {
        return machine.wordSize() == 8 ? 40 : 28;
    }

    /**
     * Whether a thread that was stopped was about to see an EINTR that nothing but the stop explains.
     *
     * <p>Most calls end with an internal code (ERESTARTSYS and its like) when they are interrupted, and the kernel
     * restarts them by itself after a stop. Some end with a plain EINTR, as signal(7) lists them under "never
     * restarted": without more ado the program would see it. Each of them gives EINTR only when it has done nothing
     * yet, so it can be restarted, with its whole timeout if it has one. The calls that it is not safe for, such as
     * {@code close}, are not among them.
     *
     * @param set the thread's register set ({@code NT_PRSTATUS})
     * @return whether its call may be restarted; false on a processor that does not tell
     */
    public boolean interruptedCall(MemorySegment set) {
        return false;
    }

    /**
     * Where the tracer writes {@link #RESTART} ({@code PTRACE_POKEUSER}) to let an interrupted call restart: the
     * place of the register with the call's result in {@code struct user} of the tracer.
     *
     * @return an offset in bytes, or -1 where {@link #interruptedCall} is never true
     */
    public int resultInUser() {
        return -1;
    }

    /**
     * Whether a thread is in a system call that changes no mappings: it waits, and leaves its memory as it is but for
     * what that call writes.
     *
     * @param general its general registers, in the order of {@link #registerNames()}
     * @return whether it is; false on a processor that does not tell
     */
    public boolean waits(long[] general) {
        return false;
    }

    /**
     * How much is needed of the frame that the kernel makes on the stack for a signal handler, from the address that
     * the handler returns to.
     *
     * @return bytes, 0 where it is not known
     */
    public int signalFrameSize() {
        return 0;
    }

    /**
     * Whether what lies on a stack may be such a frame.
     *
     * @param stack a part of a stack
     * @param at where in it the frame would begin; it has {@link #signalFrameSize()} bytes from there
     * @return whether what has few values in such a frame has one of them
     */
    public boolean signalFrame(MemorySegment stack, long at) {
        return false;
    }

    /**
     * The address that a handler returns to.
     *
     * @param stack a part of a stack
     * @param at where in it the frame begins
     * @return a target address
     */
    public final long signalReturn(MemorySegment stack, long at) {
        return stack.get(Words.LONG, at);
    }

    /**
     * Whether code is what a handler returns to.
     *
     * @param code the first bytes there
     * @return whether it asks the kernel to restore what was interrupted
     */
    public boolean returnsFromSignal(MemorySegment code) {
        return false;
    }

    /**
     * The registers of what a handler interrupted.
     *
     * @param stack a part of a stack
     * @param at where in it the frame begins
     * @param threadPointer the thread pointer, which handlers do not change
     * @return the registers
     * @throws UnsupportedOperationException where such frames are not known
     */
    public Registers interrupted(MemorySegment stack, long at, long threadPointer) {
        throw new UnsupportedOperationException("frames of signal handlers on " + this);
    }

    /**
     * Where the kernel keeps a general register of what a signal has interrupted, while the handler returns to the code
     * that asks for it.
     *
     * @param index the register
     * @return an offset in bytes from the stack pointer of that moment, or -1 where it is not known
     */
    public int signalRegister(int index) {
        return -1;
    }

    /**
     * Which register has the address that a function returns to when it begins.
     *
     * @return its index, or -1 where that lies on top of the stack
     */
    public int linkRegister() {
        return -1;
    }

    /**
     * The general registers by the numbers that DWARF has for them.
     *
     * @return for each number from 0 on the register's index, or -1; empty where they are not known. The caller does
     *     not change it
     */
    public int[] dwarfRegisters() {
        return NO_REGISTERS;
    }

    /**
     * The type of a relocation that sets a word to an address within the module ({@code R_*_RELATIVE}).
     *
     * @return the type, or -1
     */
    public int relativeRelocation() {
        return -1;
    }

    /**
     * The type of a relocation that sets a word to a thread-local variable's offset from the thread pointer.
     *
     * @return the type, or -1
     */
    public int threadOffsetRelocation() {
        return -1;
    }

    /**
     * The type of a relocation that sets a word to the number of the module that has a thread-local variable.
     *
     * @return the type, or -1
     */
    public int threadModuleRelocation() {
        return -1;
    }

    /**
     * Where static thread-local storage lies.
     *
     * @return above or below the thread pointer
     */
    public TlsVariant tlsVariant() {
        return TlsVariant.BELOW;
    }

    /**
     * How many bytes at the thread pointer are the C library's, before thread-local storage above it.
     *
     * @return bytes, 0 where that storage lies below
     */
    public int tcbSize() {
        return 0;
    }

    /**
     * Where the pointer to the vector of thread-local storage lies, in glibc's {@code tcbhead_t.dtv}.
     *
     * @return an offset in bytes from the thread pointer, or -1
     */
    public int dtv() {
        return -1;
    }

    /**
     * Where the thread pointer itself stands a second time at the thread pointer, in glibc's {@code tcbhead_t.self}.
     *
     * @return an offset in bytes from the thread pointer, or -1
     */
    public int self() {
        return -1;
    }

    /**
     * Where the thread's id lies, in glibc's {@code struct pthread.tid}.
     *
     * @return an offset in bytes from the thread pointer, or -1 where it depends on the version
     */
    public int threadId() {
        return -1;
    }

    @Override
    public final String toString() {
        return machine.label();
    }
}
