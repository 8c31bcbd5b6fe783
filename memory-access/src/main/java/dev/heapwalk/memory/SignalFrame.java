// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory;

import dev.heapwalk.memory.machine.Processor;
import java.lang.foreign.MemorySegment;
import java.util.Optional;

/**
 * Finds what a signal handler has interrupted: the kernel keeps the registers of that in a frame on the stack, where
 * the handler returns to code that asks the kernel to restore them.
 */
final class SignalFrame {
    /** So far it may lie from the top of the stack: handlers have shallow stacks, but for what they print. */
    private static final long MOST = 256 << 10;

    /** How much of the stack is read at a time. */
    private static final int STEP = 8 << 10;

    private static final int WORD = Long.BYTES;

    /** The code that a handler returns to is shorter. */
    private static final int CODE = 16;

    private final AddressSpace memory;
    private final Registers registers;
    private final Processor processor;

    SignalFrame(AddressSpace memory, Registers registers) {
        this.memory = memory;
        this.registers = registers;
        this.processor = registers.processor();
    }

    /** The registers that the frame next to the top of the stack keeps, empty if there is none. */
    Optional<Registers> find() {
        int size = processor.signalFrameSize();
        long top = registers.stackPointer() + WORD - 1 & -WORD;
        Optional<Mapping> mapping =
                size == 0 ? Optional.empty() : memory.mappings().at(top);
        if (mapping.isEmpty()) {
            return Optional.empty();
        }
        long length = Math.min(mapping.get().end() - top, MOST);
        MemorySegment stack = MemorySegment.ofArray(new byte[(int) Math.min(length, STEP + size)]);
        for (long from = 0; length - from >= size; from += STEP) {
            long got = memory.read(top + from, stack.asSlice(0, Math.min(stack.byteSize(), length - from)));
            for (long at = 0; at < STEP && got - at >= size; at += WORD) {
                if (processor.signalFrame(stack, at) && returnsFromSignal(processor.signalReturn(stack, at))) {
                    return Optional.of(processor.interrupted(stack, at, registers.threadPointer()));
                }
            }
        }
        return Optional.empty();
    }

    /** Whether there is code at an address that returns from a handler, or may be where it can't be read. */
    private boolean returnsFromSignal(long address) {
        if (!memory.mappings().at(address).map(Mapping::executable).orElse(false)) {
            return false;
        }
        MemorySegment code = MemorySegment.ofArray(new byte[CODE]);
        return memory.read(address, code) < CODE || processor.returnsFromSignal(code);
    }
}
