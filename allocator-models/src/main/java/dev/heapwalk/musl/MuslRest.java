// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.musl;

import dev.heapwalk.memory.AddressSpace;
import dev.heapwalk.memory.Registers;
import dev.heapwalk.memory.Rest;
import dev.heapwalk.memory.ThreadState;
import dev.heapwalk.memory.UnmappedAddressException;
import java.util.List;

/**
 * Tells which threads are inside malloc: their program counter is there, or it is in musl's library and the way back
 * leads there. In a system call that malloc does not make a thread has changed nothing. Where the code of malloc is not
 * known, in a program that has musl in itself, each thread that runs the program's code may be inside.
 */
final class MuslRest implements Rest {
    /** So far from the top of the stack are return addresses looked for, in words. */
    private static final int FRAMES = 32;

    /** The number of the call on x86-64. */
    private static final long FUTEX = 202;

    private static final int FUTEX_WAIT = 0;
    private static final int FUTEX_COMMAND = 127;

    private final List<Code> codes;

    /** What of a module is malloc, and all of it. */
    private record Code(MuslModule of, long start, long end) {
        boolean isMalloc(long address) {
            return start == 0 ? of.module().contains(address) : address >= start && address < end;
        }
    }

    MuslRest(List<MuslModule> modules) {
        codes = modules.stream()
                .map(module -> new Code(module, module.codeStart(), module.codeEnd()))
                .toList();
    }

    @Override
    public List<ThreadState> busy(List<ThreadState> threads) {
        return threads.stream().filter(this::isInside).toList();
    }

    private boolean isInside(ThreadState thread) {
        Registers registers = thread.registers().orElse(null);
        if (registers == null) {
            return false;
        }
        if (!thread.mayChangeMemory() && !isAtMuslsLock(registers)) {
            return false;
        }
        for (Code code : codes) {
            long counter = registers.programCounter();
            if (code.of.module().contains(counter)
                    && (code.isMalloc(counter) || leadsTo(code, thread.target().memory(), registers.stackPointer()))) {
                return true;
            }
        }
        return false;
    }

    /**
     * Whether a thread waits for a lock inside of musl, as malloc's is, or wakes others that do. Who waits for one of
     * these expects a negative number there, and else nobody does.
     */
    private static boolean isAtMuslsLock(Registers registers) {
        if (registers.get("orig_rax").orElse(-1) != FUTEX) {
            return false;
        }
        boolean waits = ((int) registers.get("rsi").orElse(0) & FUTEX_COMMAND) == FUTEX_WAIT;
        return !waits || (int) registers.get("rdx").orElse(0) < 0;
    }

    private static boolean leadsTo(Code code, AddressSpace memory, long top) {
        for (int i = 0; i < FRAMES; i++) {
            try {
                if (code.isMalloc(memory.readLong(top + (long) Long.BYTES * i))) {
                    return true;
                }
            } catch (UnmappedAddressException e) {
                return false;
            }
        }
        return false;
    }
}
