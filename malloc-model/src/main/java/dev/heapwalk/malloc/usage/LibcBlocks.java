// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.malloc.usage;

import dev.heapwalk.malloc.ChunkCursor;
import dev.heapwalk.malloc.MallocHeap;
import dev.heapwalk.malloc.ThreadCache;
import dev.heapwalk.memory.AddressSpace;
import dev.heapwalk.memory.Registers;
import dev.heapwalk.memory.Target;
import dev.heapwalk.memory.ThreadState;
import dev.heapwalk.memory.UnmappedAddressException;
import dev.heapwalk.memory.Window;
import dev.heapwalk.memory.elf.ElfModule;
import dev.heapwalk.memory.machine.Processor;
import java.util.HashSet;
import java.util.Map;
import java.util.OptionalLong;
import java.util.Set;
import java.util.TreeMap;

/**
 * Knows the blocks that the C library allocates for itself: thread caches, the vectors of thread-local storage, stdio's
 * streams and their buffers.
 */
public final class LibcBlocks implements Categorizer {
    private static final Category TCACHE = new Category(Domain.LIBC, "tcache", "tcache_perthread_struct");
    private static final Category DTV = new Category(Domain.LIBC, "dtv", "thread-local storage vector");
    private static final Category STREAM = new Category(Domain.LIBC, "stdio", "FILE");
    private static final Category BUFFER = new Category(Domain.LIBC, "stdio", "buffer");

    /** {@code _IO_buf_base} and {@code _chain} in {@code struct _IO_FILE}, the same in every version for 64 bits. */
    private static final long BUF_BASE = 56;

    private static final long CHAIN = 104;
    private static final int MOST_STREAMS = 1 << 16;

    private long[] addresses = {};
    private Category[] categories = {};
    private int index;

    /** For the service loader. */
    public LibcBlocks() {}

    @Override
    public boolean prepare(MallocHeap heap) {
        Map<Long, Category> known = new TreeMap<>();
        Target target = heap.target();
        streams(target, known);
        for (ThreadState thread : target.threads()) {
            long pointer = thread.registers().map(Registers::threadPointer).orElse(0L);
            // It points to the second element of the vector.
            long dtv = pointer == 0
                    ? 0
                    : word(
                            target.memory(),
                            pointer + Processor.of(target.machine()).dtv());
            if (dtv != 0) {
                known.put(dtv - 16, DTV);
            }
        }
        for (ThreadCache cache : heap.threadCaches()) {
            known.put(cache.address(), TCACHE);
        }
        addresses = known.keySet().stream().mapToLong(Long::longValue).toArray();
        categories = known.values().toArray(Category[]::new);
        index = 0;
        return addresses.length > 0;
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
                known.put(stream, STREAM);
                long buffer = word(memory, stream + BUF_BASE);
                if (buffer != 0) {
                    known.put(buffer, BUFFER);
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

    @Override
    public int priority() {
        return 10;
    }

    @Override
    public Category categorize(ChunkCursor chunk, Window window) {
        long user = chunk.userAddress();
        // Chunks come in address order, so the place moves with them.
        while (index < addresses.length && addresses[index] < user) {
            index++;
        }
        return index < addresses.length && addresses[index] == user ? categories[index] : null;
    }
}
