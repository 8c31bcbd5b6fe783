// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.musl;

import dev.heapwalk.memory.AddressSpace;
import dev.heapwalk.memory.Registers;
import dev.heapwalk.memory.Rest;
import dev.heapwalk.memory.ThreadState;
import dev.heapwalk.memory.UnmappedAddressException;
import java.util.List;
import java.util.OptionalLong;

/**
 * Tells which threads are inside malloc: their program counter is there, or it is in musl's library and the way back
 * leads there. In a system call that malloc does not make a thread has changed nothing. Where the code of malloc is not
 * known, in a program that has musl in itself, each thread that runs the program's code may be inside.
 */
final class MuslRest implements Rest {
    /** So far from the top of the stack are return addresses looked for, in words. */
    private static final int FRAMES = 32;

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
        OptionalLong call = registers.get("orig_rax");
        boolean calls = call.isPresent() && (int) call.getAsLong() >= 0;
        if (calls && !mayBeMallocs((int) call.getAsLong(), registers)) {
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

    /** Whether malloc makes such a system call of x86-64. */
    private static boolean mayBeMallocs(int call, Registers registers) {
        return switch (call) {
            // mmap, mprotect, munmap, brk, mremap, madvise
            case 9, 10, 11, 12, 25, 28 -> true;
            // futex: who waits for a lock inside of musl expects a negative number. Others are woken by malloc too.
            case 202 -> !waits(registers) || (int) registers.get("rdx").orElse(0) < 0;
            default -> false;
        };
    }

    private static boolean waits(Registers registers) {
        return ((int) registers.get("rsi").orElse(0) & FUTEX_COMMAND) == FUTEX_WAIT;
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
