// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory;

import dev.heapwalk.memory.machine.Processor;
import dev.heapwalk.memory.machine.Processor.TlsVariant;
import dev.heapwalk.memory.raw.Words;
import java.lang.foreign.MemorySegment;
import java.util.Optional;

/** Finds the part of a thread's stack that is in use. */
final class ThreadStack {
    /** How far {@code struct pthread} reaches from the thread pointer, in every version and more. */
    private static final int CONTROL_BLOCK = 1 << 12;

    private static final long LARGEST = 1L << 40;

    private final AddressSpace memory;
    private final Registers registers;
    private final Processor processor;

    ThreadStack(AddressSpace memory, Registers registers) {
        this.memory = memory;
        this.registers = registers;
        this.processor = registers.processor();
    }

    Optional<Range> find() {
        long top = registers.stackPointer();
        Optional<Mapping> mapping =
                top == 0 ? Optional.empty() : memory.mappings().at(top);
        if (mapping.isEmpty()) {
            return Optional.empty();
        }
        long start = top - Math.min(processor.redZone(), top - mapping.get().start());
        long end = glibcEnd(top);
        return Optional.of(new Range(
                start,
                end != 0 && end - mapping.get().end() < 0 ? end : mapping.get().end()));
    }

    /**
     * The end of the block that glibc made for a thread, which has the stack and, at its end, the control block and
     * static thread-local storage. The control block names it in words that follow one another ({@code
     * struct pthread.stackblock}, {@code stackblock_size}, {@code guardsize}), whose place depends on the version.
     *
     * @return a target address, or 0 where there is no such block, or the stack pointer does not lie in it
     */
    private long glibcEnd(long top) {
        long pointer = registers.threadPointer();
        Optional<Mapping> mapping =
                pointer == 0 ? Optional.empty() : memory.mappings().at(pointer);
        if (mapping.isEmpty() || processor.machine().wordSize() != Long.BYTES) {
            return 0;
        }
        long from = processor.tlsVariant() == TlsVariant.BELOW ? pointer : pointer - CONTROL_BLOCK;
        MemorySegment words = MemorySegment.ofArray(new byte[CONTROL_BLOCK]);
        long got = memory.read(from, words);
        for (long at = 0; at + 3 * Long.BYTES <= got; at += Long.BYTES) {
            long block = words.get(Words.LONG, at);
            long size = words.get(Words.LONG, at + Long.BYTES);
            long guard = words.get(Words.LONG, at + 2 * Long.BYTES);
            if (block > 0
                    && size > 0
                    && size <= LARGEST
                    && block <= top
                    && top < pointer
                    && pointer - block < size
                    && block + size <= mapping.get().end()
                    && guard >= 0
                    && guard < size) {
                return block + size;
            }
        }
        return 0;
    }
}
