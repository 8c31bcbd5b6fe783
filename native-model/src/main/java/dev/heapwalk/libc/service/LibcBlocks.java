// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.libc.service;

import dev.heapwalk.heap.Heaps;
import dev.heapwalk.heap.usage.Categorizer;
import dev.heapwalk.heap.usage.CategorizerProvider;
import dev.heapwalk.heap.usage.Category;
import dev.heapwalk.heap.usage.KnownBlocks;
import dev.heapwalk.libc.LibcCategories;
import dev.heapwalk.memory.AddressSpace;
import dev.heapwalk.memory.Reader;
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
 * their buffers, the locale.
 */
public final class LibcBlocks implements CategorizerProvider {
    /** {@code _IO_buf_base} and {@code _chain} in {@code struct _IO_FILE}, the same in every version for 64 bits. */
    private static final long BUF_BASE = 56;

    private static final long SAVE_BASE = 72;
    private static final long CHAIN = 104;
    private static final long WIDE_DATA = 160;
    /** {@code _IO_buf_base} in {@code struct _IO_wide_data}. */
    private static final long WIDE_BUF_BASE = 48;

    // A vector of thread-local storage: how many modules it has room for, then two words for each of them.
    private static final long DTV_ENTRY = 16;
    private static final long DTV_BLOCK = 8;
    /** A vector has room for some more modules than there are. */
    private static final long MORE_MODULES = 64;

    private static final int MOST_STREAMS = 1 << 16;
    private static final long BUDGET = 1 << 20;

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
        locales(target, known);
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
                known.put(dtv - DTV_ENTRY, LibcCategories.DTV);
                threadLocals(target, dtv, known);
            }
        }
        return KnownBlocks.of(known);
    }

    /** What was allocated for modules; a vector tells what is to be freed since 2.25. */
    private static void threadLocals(Target target, long dtv, Map<Long, Category> known) {
        AddressSpace memory = target.memory();
        long modules = Math.min(
                word(memory, dtv - DTV_ENTRY),
                MORE_MODULES + 2L * target.modules().size());
        for (long i = 1; i <= modules; i++) {
            put(known, word(memory, dtv + i * DTV_ENTRY + DTV_BLOCK), LibcCategories.TLS_BLOCK);
        }
    }

    private static void locales(Target target, Map<Long, Category> known) {
        for (ElfModule module : target.modules()) {
            if (LibcShapes.isLibrary(module)) {
                try (Reader reader = target.memory().reader(BUDGET)) {
                    Locales.find(module, reader, known);
                }
            }
        }
    }

    private static void put(Map<Long, Category> known, long block, Category category) {
        if (block != 0) {
            known.put(block, category);
        }
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
                put(known, word(memory, stream + BUF_BASE), LibcCategories.FILE_BUFFER);
                put(known, word(memory, stream + SAVE_BASE), LibcCategories.FILE_BACKUP);
                long wide = word(memory, stream + WIDE_DATA);
                if (wide != 0) {
                    put(known, word(memory, wide + WIDE_BUF_BASE), LibcCategories.FILE_WIDE_BUFFER);
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
