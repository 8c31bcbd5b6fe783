// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.libc.service;

import dev.heapwalk.heap.Heaps;
import dev.heapwalk.heap.usage.Categorizer;
import dev.heapwalk.heap.usage.CategorizerProvider;
import dev.heapwalk.heap.usage.Category;
import dev.heapwalk.heap.usage.KnownBlocks;
import dev.heapwalk.libc.LibcCategories;
import dev.heapwalk.memory.AddressSpace;
import dev.heapwalk.memory.Registers;
import dev.heapwalk.memory.Target;
import dev.heapwalk.memory.ThreadState;
import dev.heapwalk.memory.UnmappedAddressException;
import dev.heapwalk.memory.elf.ElfModule;
import dev.heapwalk.memory.machine.Processor;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.Set;
import java.util.TreeMap;

/**
 * Knows the blocks that the C library allocates for itself: the vectors of thread-local storage, stdio's streams and
 * their buffers.
 */
public final class LibcBlocks implements CategorizerProvider {
    /** {@code _IO_buf_base} and {@code _chain} in {@code struct _IO_FILE}, the same in every version for 64 bits. */
    private static final long BUF_BASE = 56;

    private static final long CHAIN = 104;
    private static final int MOST_STREAMS = 1 << 16;

    /** For the service loader. */
    public LibcBlocks() {}

    @Override
    public int priority() {
        return KNOWN_BLOCKS;
    }

    @Override
    public Categorizer categorizer(Heaps heaps) {
        Map<Long, Category> known = new TreeMap<>();
        Target target = heaps.target();
        streams(target, known);
        // Threads that run show no registers.
        for (ThreadState thread : target.still() ? target.threads() : List.<ThreadState>of()) {
            long pointer = thread.registers().map(Registers::threadPointer).orElse(0L);
            // It points to the second element of the vector.
            long dtv = pointer == 0
                    ? 0
                    : word(
                            target.memory(),
                            pointer + Processor.of(target.machine()).dtv());
            if (dtv != 0) {
                known.put(dtv - 16, LibcCategories.DTV);
            }
        }
        return KnownBlocks.of(known);
    }

    private static void streams(Target target, Map<Long, Category> known) {
        AddressSpace memory = target.memory();
        for (ElfModule module : target.modules()) {
            OptionalLong list = module.symbol("_IO_list_all");
            if (list.isEmpty()) {
                continue;
            }
            Set<Long> seen = new HashSet<>();
            long stream = word(memory, list.getAsLong());
            while (stream != 0 && seen.size() < MOST_STREAMS && seen.add(stream)) {
                known.put(stream, LibcCategories.FILE);
                long buffer = word(memory, stream + BUF_BASE);
                if (buffer != 0) {
                    known.put(buffer, LibcCategories.FILE_BUFFER);
                }
                stream = word(memory, stream + CHAIN);
            }
        }
    }

    private static long word(AddressSpace memory, long address) {
        try {
            return memory.readLong(address);
        } catch (UnmappedAddressException e) {
            return 0;
        }
    }
}
