// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.jemalloc;

import dev.heapwalk.allocator.AnonymousMemory;
import dev.heapwalk.jemalloc.layout.JemallocLayout;
import dev.heapwalk.memory.Reader;
import java.util.List;
import java.util.TreeMap;

/**
 * Finds the memory that jemalloc keeps its own structures in, by structures that are known to lie in it. C name {@code
 * base_block_t}: each block begins at a multiple of 2 MiB with its size, the next block and an extent that describes
 * what is left of it.
 */
final class BaseBlocks {
    private static final long HUGE_PAGE = 2 << 20;
    /** So far before a structure its block may begin, and so many blocks a list may have. */
    private static final int MOST = 4096;

    private static final long NEXT = 8;
    private static final long REST = 16;

    private final Reader reader;
    private final AnonymousMemory anonymous;
    private final Edata extent;
    private final TreeMap<Long, Block> found = new TreeMap<>();

    /**
     * A block.
     *
     * @param address target address of its first byte
     * @param size bytes
     */
    record Block(long address, long size) {}

    BaseBlocks(Reader reader, AnonymousMemory anonymous, int lgPage) {
        this.reader = reader;
        this.anonymous = anonymous;
        this.extent = new Edata(JemallocLayout.latest(lgPage));
    }

    /** Looks for the block that a structure lies in, and for those behind it in its list. */
    void holding(long structure) {
        var before = found.floorEntry(structure);
        if (before != null && structure - before.getKey() < before.getValue().size()) {
            return;
        }
        long at = structure & -HUGE_PAGE;
        for (int i = 0; i < MOST && anonymous.holds(at, extent.size() + REST); i++, at -= HUGE_PAGE) {
            long size = sizeAt(at);
            if (size > structure - at) {
                addList(at);
                return;
            }
        }
    }

    private void addList(long first) {
        long at = first;
        for (int i = 0; i < MOST && at != 0 && !found.containsKey(at); i++) {
            long size = sizeAt(at);
            if (size == 0) {
                return;
            }
            found.put(at, new Block(at, size));
            at = reader.readLong(at + NEXT, 0);
        }
    }

    /** The size of the block that begins at an address, 0 if there is none. */
    private long sizeAt(long address) {
        long size = reader.readLong(address, 0);
        long next = reader.readLong(address + NEXT, -1);
        if (size <= 0
                || size % HUGE_PAGE != 0
                || next % HUGE_PAGE != 0
                || !anonymous.holds(address, size)
                || next != 0 && !anonymous.holds(next, extent.size() + REST)) {
            return 0;
        }
        long offset = reader.find(address + REST, extent.size());
        if (offset < 0) {
            return 0;
        }
        extent.wrap(reader.segment(), offset, address + REST);
        long rest = extent.eAddr() - address;
        return rest > REST && rest <= size ? size : 0;
    }

    List<Block> list() {
        return List.copyOf(found.values());
    }
}
