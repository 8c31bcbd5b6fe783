// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory;

import dev.heapwalk.memory.machine.Processor;
import dev.heapwalk.memory.machine.Processor.TlsVariant;
import dev.heapwalk.memory.raw.Words;
import java.lang.foreign.MemorySegment;
import java.util.Optional;

/** Finds a thread's stack, and the part of it that is in use. */
final class ThreadStack {
    /** How far {@code struct pthread} reaches from the thread pointer, in every version and more. */
    private static final int CONTROL_BLOCK = 1 << 12;

    /** musl makes no smaller stack than 2 KiB, of which it may need some itself: other words look like a tiny one. */
    private static final long LEAST = 1024;

    private static final long LARGEST = 1L << 40;

    /** {@code mmap_min_addr} as most systems have it: the kernel maps nothing below. */
    private static final long LOWEST = 1 << 16;

    private final AddressSpace memory;
    private final Registers registers;
    private final Processor processor;

    /** A stack that the C library has made, and how much at its start guards it. */
    private record Block(Range range, long guard) {}

    ThreadStack(AddressSpace memory, Registers registers) {
        this.memory = memory;
        this.registers = registers;
        this.processor = registers.processor();
    }

    Optional<Range> find() {
        return from(registers.stackPointer());
    }

    /** What is in use of the stack that an address is the top of. */
    Optional<Range> from(long top) {
        Optional<Mapping> mapping =
                top == 0 ? Optional.empty() : memory.mappings().at(top);
        if (mapping.isEmpty()) {
            return Optional.empty();
        }
        long start = top - Math.min(processor.redZone(), top - mapping.get().start());
        long end =
                block(top).map(block -> block.range.end()).orElse(mapping.get().end());
        return Optional.of(new Range(
                start, end - mapping.get().end() < 0 ? end : mapping.get().end()));
    }

    /** The stack that the C library has given the thread, whatever it stands on; empty for the main thread. */
    Optional<Range> own() {
        return block(0).map(Block::range);
    }

    /** The block that glibc made for a thread, of which only the control block is known. */
    static Optional<Range> block(AddressSpace memory, Processor processor, long pointer) {
        return new ThreadStack(memory, new Registers(processor, new long[0], pointer)).own();
    }

    /** All that the stack may take. */
    Optional<Range> whole() {
        long top = registers.stackPointer();
        return block(top)
                .map(block -> new Range(Math.min(top, block.range.start() + block.guard), block.range.end()))
                .or(() -> memory.mappings()
                        .at(top)
                        .filter(mapping -> mapping.path().equals("[stack]"))
                        .map(mapping -> new Range(mapping.start(), mapping.end())));
    }

    /**
     * What the C library knows as a thread's stack. The control block names it in words that follow one another, whose
     * place depends on the version.
     *
     * @param top what must lie in it, or 0
     * @return target addresses; empty where it names none, or the top does not lie in it
     */
    private Optional<Block> block(long top) {
        long pointer = registers.threadPointer();
        Optional<Mapping> mapping =
                pointer == 0 ? Optional.empty() : memory.mappings().at(pointer);
        if (mapping.isEmpty() || processor.machine().wordSize() != Long.BYTES) {
            return Optional.empty();
        }
        long from = processor.tlsVariant() == TlsVariant.BELOW ? pointer : pointer - CONTROL_BLOCK;
        MemorySegment words = MemorySegment.ofArray(new byte[CONTROL_BLOCK]);
        long got = memory.read(from, words);
        for (long at = 0; at + 3 * Long.BYTES <= got; at += Long.BYTES) {
            long block = words.get(Words.LONG, at);
            long size = words.get(Words.LONG, at + Long.BYTES);
            long guard = words.get(Words.LONG, at + 2 * Long.BYTES);
            long inside = top == 0 ? block : top;
            if (isGlibcs(block, size, guard, inside, pointer)
                    && block + size <= mapping.get().end()) {
                return Optional.of(new Block(new Range(block, block + size), guard));
            }
        }
        // Only where glibc's words are not there: these are found more easily where they are not.
        for (long at = 0; at + 5 * Long.BYTES <= got; at += Long.BYTES) {
            long end = words.get(Words.LONG, at + 2 * Long.BYTES);
            long inside = top == 0 ? end - 1 : top;
            if (isMusls(words.asSlice(at, 5 * Long.BYTES), inside, pointer)) {
                Range stack = new Range(end - words.get(Words.LONG, at + 3 * Long.BYTES), end);
                // Other words may look like these, and lead nowhere.
                if (memory.mappings()
                        .at(end - 1)
                        .filter(it -> it.start() <= stack.start())
                        .isPresent()) {
                    return Optional.of(new Block(stack, 0));
                }
            }
        }
        return Optional.empty();
    }

    /**
     * Whether it is the block that glibc made for a thread ({@code struct pthread.stackblock}, {@code stackblock_size},
     * {@code guardsize}). It has the stack and, at its end, the control block and static thread-local storage.
     */
    private static boolean isGlibcs(long block, long size, long guard, long top, long pointer) {
        return block >= LOWEST
                && size > 0
                && size <= LARGEST
                && block <= top
                && top < pointer
                && pointer - block < size
                && guard >= 0
                && guard < size;
    }

    /**
     * Whether it is what musl knows of a thread's stack ({@code struct pthread.map_base}, {@code map_size}, {@code
     * stack}, {@code stack_size}, {@code guard_size}). {@code stack} is its end. Behind it is the control block, unless
     * the program gave the stack itself.
     */
    private static boolean isMusls(MemorySegment words, long top, long pointer) {
        long map = words.get(Words.LONG, 0);
        long mapSize = words.get(Words.LONG, Long.BYTES);
        long stack = words.get(Words.LONG, 2 * Long.BYTES);
        long size = words.get(Words.LONG, 3 * Long.BYTES);
        long guard = words.get(Words.LONG, 4 * Long.BYTES);
        return size >= LEAST
                && size <= LARGEST
                && stack > size
                && stack - size <= top
                && top < stack
                && guard >= 0
                && guard <= LARGEST
                && (map == 0
                        ? mapSize >= size && stack <= pointer
                        : map > 0 && map <= pointer && pointer - map < mapSize);
    }
}
