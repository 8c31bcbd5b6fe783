// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.jemalloc;

import dev.heapwalk.allocator.CacheTable;
import java.util.List;
import java.util.OptionalLong;

/**
 * The free blocks that a thread keeps for itself. C name {@code tcache_t}.
 *
 * @param address target address of its first {@link CacheBin}
 * @param tid the thread's id; empty where it is not known
 * @param bins the size classes of which it has blocks
 */
public record Tcache(long address, OptionalLong tid, List<Bin> bins) {

    /**
     * The cached blocks of one size class.
     *
     * @param szind the index of the class
     * @param size the size of a block in bytes
     * @param count how many blocks
     */
    public record Bin(int szind, long size, int count) {}

    /** Keeps a list that can't be changed. */
    public Tcache {
        bins = List.copyOf(bins);
    }

    /**
     * How many blocks it has.
     *
     * @return a count
     */
    public long count() {
        return bins.stream().mapToLong(Bin::count).sum();
    }

    /**
     * How large they are together.
     *
     * @return bytes
     */
    public long bytes() {
        return bins.stream().mapToLong(bin -> bin.count() * bin.size()).sum();
    }

    /** What a table shows of it. */
    CacheTable.Cache row() {
        return new CacheTable.Cache(
                address,
                tid,
                bins.stream()
                        .map(bin -> new CacheTable.Contents(bin.szind, bin.size, bin.count))
                        .toList());
    }
}
