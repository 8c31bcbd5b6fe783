// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory.unwind;

import dev.heapwalk.memory.Reader;
import dev.heapwalk.memory.Registers;
import dev.heapwalk.memory.Target;
import dev.heapwalk.memory.ThreadState;
import dev.heapwalk.memory.UnmappedAddressException;
import dev.heapwalk.memory.elf.ElfModule;
import dev.heapwalk.memory.elf.ElfSymbol;
import dev.heapwalk.memory.machine.Processor;
import java.util.ArrayList;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Goes through the frames of threads, the innermost first, by the rules in {@code .eh_frame} of each module, which are
 * mapped in every process for exceptions. A flyweight that is put before one thread after the other:
 *
 * <pre>{@code
 * try (FrameCursor frames = FrameCursor.of(target)) {
 *     for (ThreadState thread : target.threads()) {
 *         frames.over(thread);
 *         while (frames.next()) {
 *             ... frames.programCounter() ... frames.function() ...
 *         }
 *     }
 * }
 * }</pre>
 *
 * <p>Known of x86-64 and aarch64. Where there are no rules for a frame's code, it is the last one: code that was made
 * at run time, and modules without {@code .eh_frame}. {@link #end()} says so. A step allocates next to nothing; what is needed
 * of a module is kept from its first frame on. Over a process that runs there are no registers, so no frames.
 *
 * <p>For one thread, and closed by who made it.
 */
public final class FrameCursor implements AutoCloseable {
    /** So many frames of a thread are told. */
    public static final int MOST_FRAMES = 10_000;

    private static final long BUDGET = 2 << 20;
    private static final int CODE = 16;
    /** On aarch64 the upper bits of a signed address are its signature. */
    private static final long WITHOUT_SIGNATURE = (1L << 48) - 1;

    private final Target target;
    private final Reader memory;
    private final Processor processor;
    private final int[] dwarf;
    private final FrameDescription description;
    private final FrameRules rules;
    private final Map<ElfModule, FrameTable> tables = new IdentityHashMap<>();
    private List<ElfModule> modules = List.of();

    private RegisterValues registers = new RegisterValues();
    private RegisterValues caller = new RegisterValues();
    private long counter;
    private long stackPointer;
    private long callerCounter;
    private long callerStackPointer;
    private long cfa;
    private int level;
    private boolean signal;
    /** An address in the code that made the frame: a call may be the last that a function does. */
    private long place;
    /** Whether what runs next in the caller is known to the instruction, and not only by where a call returns to. */
    private boolean exact;

    private boolean more;
    private ElfModule module;
    private StackEnd end = StackEnd.NO_REGISTERS;

    private FrameCursor(Target target) {
        this.target = target;
        this.memory = target.memory().reader(BUDGET);
        this.processor = Processor.of(target.machine());
        this.dwarf = processor.dwarfRegisters();
        this.description = new FrameDescription(memory);
        this.rules = new FrameRules(memory);
    }

    /**
     * Makes a cursor.
     *
     * @param target an open target; it must stay open while the cursor is used
     * @return a cursor that is before no thread
     */
    public static FrameCursor of(Target target) {
        return new FrameCursor(target);
    }

    /**
     * Puts the cursor before the innermost frame of a thread. Of a process that ran on, all is read again.
     *
     * @param thread a thread of the target, as it is now
     * @return this cursor
     * @throws IllegalStateException if the target is closed
     */
    public FrameCursor over(ThreadState thread) {
        begin();
        thread.registers().ifPresent(this::start);
        return this;
    }

    /**
     * Puts the cursor before a frame that is known by registers.
     *
     * @param frame the registers in that frame
     * @return this cursor
     * @throws IllegalStateException if the target is closed
     */
    public FrameCursor over(Registers frame) {
        begin();
        start(frame);
        return this;
    }

    private void begin() {
        if (target.runsOn()) {
            memory.forget();
            description.forget();
        }
        modules = target.modules();
        caller.clear();
        level = -1;
        more = false;
        module = null;
        end = StackEnd.NO_REGISTERS;
    }

    private void start(Registers frame) {
        long[] general = frame.general();
        for (int i = 0; i < dwarf.length; i++) {
            if (dwarf[i] >= 0 && dwarf[i] < general.length) {
                caller.set(i, general[dwarf[i]]);
            }
        }
        callerCounter = frame.programCounter();
        callerStackPointer = frame.stackPointer();
        exact = true;
        more = true;
        end = StackEnd.NONE;
    }

    /**
     * Moves to the next frame: from the innermost to its caller.
     *
     * @return whether there is one; otherwise {@link #end()} says why
     * @throws IllegalStateException if the target is closed
     */
    public boolean next() {
        if (!more) {
            return false;
        }
        RegisterValues left = registers;
        registers = caller;
        caller = left;
        counter = callerCounter;
        stackPointer = callerStackPointer;
        level++;
        signal = false;
        cfa = 0;
        place = exact ? counter : counter - 1;
        module = moduleAt(place);
        StackEnd reason = step();
        more = reason == StackEnd.NONE;
        end = reason;
        return true;
    }

    private ElfModule moduleAt(long address) {
        // Frames that follow one another often are of one module.
        if (module != null && module.contains(address)) {
            return module;
        }
        for (int i = 0; i < modules.size(); i++) {
            if (modules.get(i).contains(address)) {
                return modules.get(i);
            }
        }
        return null;
    }

    /** Works out the caller; why there is none, or that there is one. */
    private StackEnd step() {
        if (dwarf.length == 0) {
            return StackEnd.UNSUPPORTED;
        }
        if (level == MOST_FRAMES - 1) {
            return StackEnd.TOO_DEEP;
        }
        try {
            boolean wasExact = exact;
            if (wasExact && !isCode(counter)) {
                stepOutOfNowhere();
                return reach();
            }
            boolean found = find(place);
            if (!found && place != counter) {
                // No call returns there: what was put on the stack by hand leads to the beginning of code.
                ElfModule before = module;
                module = moduleAt(counter);
                found = find(counter);
                if (found) {
                    place = counter;
                } else {
                    module = before;
                }
            }
            if ((!found || description.signal() || !description.covers(counter)) && returnsFromSignal()) {
                place = counter;
                module = moduleAt(place);
                stepOverSignal();
                return reach();
            }
            if (!found) {
                return StackEnd.NO_RULES;
            }
            rules.at(description, place);
            cfa = rules.callFrameAddress(registers);
            if (rules.outermost()) {
                return StackEnd.OUTERMOST;
            }
            rules.apply(registers, cfa, caller);
            int top = stackRegister();
            if (!rules.hasRule(top)) {
                caller.set(top, cfa);
            }
            callerStackPointer = caller.get(top);
            callerCounter = caller.get(description.returnRegister());
            if (rules.signedReturn()) {
                callerCounter &= WITHOUT_SIGNATURE;
            }
            caller.set(counterRegister(), callerCounter);
            signal = description.signal();
            exact = signal;
            // A function without a frame of its own, that has called nothing, may leave the stack as it was.
            boolean rises = Long.compareUnsigned(callerStackPointer, stackPointer) > 0;
            if (!signal && !rises && !(wasExact && callerStackPointer == stackPointer)) {
                return StackEnd.DAMAGED;
            }
            return reach();
        } catch (DamagedRulesException e) {
            return StackEnd.DAMAGED;
        } catch (UnmappedAddressException e) {
            return StackEnd.UNREADABLE;
        }
    }

    private boolean find(long address) {
        return module != null && module.contains(address) && table().find(address, description);
    }

    private FrameTable table() {
        FrameTable table = tables.get(module);
        if (table == null) {
            table = FrameTable.of(module, memory);
            tables.put(module, table);
        }
        return table;
    }

    private boolean returnsFromSignal() {
        long offset = memory.find(counter, CODE);
        return offset >= 0 && processor.returnsFromSignal(memory.segment().asSlice(offset, CODE));
    }

    /** Takes the registers that the kernel keeps on the stack while a handler runs. */
    private void stepOverSignal() {
        caller.clear();
        for (int i = 0; i < dwarf.length; i++) {
            int offset = dwarf[i] < 0 ? -1 : processor.signalRegister(dwarf[i]);
            if (offset >= 0) {
                caller.set(i, memory.readLong(stackPointer + offset));
            }
        }
        callerStackPointer = caller.get(stackRegister());
        callerCounter = caller.get(counterRegister());
        cfa = callerStackPointer;
        signal = true;
        exact = true;
    }

    /** Where a call led to what is no code, the stack is as it was at the call. */
    private void stepOutOfNowhere() {
        int link = processor.linkRegister();
        caller.copy(registers);
        callerCounter = link < 0 ? memory.readLong(stackPointer) : registers.get(number(link));
        callerStackPointer = link < 0 ? stackPointer + Long.BYTES : stackPointer;
        caller.set(stackRegister(), callerStackPointer);
        caller.set(counterRegister(), callerCounter);
        cfa = callerStackPointer;
        exact = false;
    }

    /** Whether the caller's code is any. A signal may come where a call through a bad pointer led. */
    private StackEnd reach() {
        if (callerCounter == 0 && !exact) {
            return StackEnd.OUTERMOST;
        }
        // The code that a handler returns to may be the first of its mapping.
        return exact || isCode(callerCounter - 1) || isCode(callerCounter) ? StackEnd.NONE : StackEnd.NO_CALLER;
    }

    private boolean isCode(long address) {
        return target.memory().mappings().executable(address);
    }

    private int stackRegister() {
        return number(processor.stackPointer());
    }

    private int counterRegister() {
        return number(processor.programCounter());
    }

    private int number(int register) {
        for (int i = 0; i < dwarf.length; i++) {
            if (dwarf[i] == register) {
                return i;
            }
        }
        throw new IllegalStateException("DWARF has no number for a register of " + processor);
    }

    /**
     * How many frames lie inside of this one.
     *
     * @return 0 for the innermost frame, -1 before it
     */
    public int level() {
        return level;
    }

    /**
     * The next instruction.
     *
     * @return a target address, as {@link Frame#programCounter()}
     */
    public long programCounter() {
        return counter;
    }

    /**
     * An address in the code that made the frame, to find its name by: a call may be the last that a function does, so
     * what it returns to may be another function's.
     *
     * @return a target address, the next instruction or one byte before
     */
    public long place() {
        return place;
    }

    /**
     * The top of the stack in this frame.
     *
     * @return a target address
     */
    public long stackPointer() {
        return stackPointer;
    }

    /**
     * Where the stack pointer was before the frame was made.
     *
     * @return a target address, as {@link Frame#callFrameAddress()}
     */
    public long callFrameAddress() {
        return cfa;
    }

    /**
     * Whether it is the code that a signal handler returns to. The next frame is what the signal interrupted.
     *
     * @return whether it is
     */
    public boolean signal() {
        return signal;
    }

    /**
     * The module whose code it is.
     *
     * @return the module; empty for code of none
     */
    public Optional<ElfModule> module() {
        return Optional.ofNullable(module);
    }

    /**
     * The symbol that names the code.
     *
     * @return the symbol; empty if none does
     */
    public Optional<ElfSymbol> function() {
        return module == null ? Optional.empty() : module.symbolAt(place);
    }

    /**
     * Why there is no further frame.
     *
     * @return {@link StackEnd#NONE} as long as there is one
     */
    public StackEnd end() {
        return end;
    }

    /**
     * Keeps the frame.
     *
     * @return a record of it
     */
    public Frame frame() {
        return new Frame(level, counter, stackPointer, cfa, signal, module(), function());
    }

    /**
     * All frames of a thread; {@link #end()} says why there are no more.
     *
     * @param thread a thread of the target, as it is now
     * @return a list, the innermost frame first
     */
    public List<Frame> frames(ThreadState thread) {
        List<Frame> frames = new ArrayList<>();
        over(thread);
        while (next()) {
            frames.add(frame());
        }
        return List.copyOf(frames);
    }

    /** Says where the cursor stands. */
    @Override
    public String toString() {
        return level < 0
                ? "a cursor before the first frame"
                : "frame %d at 0x%x, stack pointer 0x%x".formatted(level, counter, stackPointer);
    }

    /** Frees the buffers. A second call does nothing. */
    @Override
    public void close() {
        memory.close();
    }
}
