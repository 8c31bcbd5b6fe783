// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.tcmalloc;

import dev.heapwalk.allocator.CacheTable;
import java.util.List;
import java.util.OptionalLong;

/**
 * The free blocks that a thread keeps for itself. C name {@code tcmalloc::ThreadCache}.
 *
 * @param address target address of its first {@link FreeList}
 * @param tid the thread's id; empty where it is not known
 * @param lists the size classes of which it has blocks
 */
public record ThreadCache(long address, OptionalLong tid, List<Contents> lists) {

    /**
     * The cached blocks of one size class.
     *
     * @param sizeClass the number of the class
     * @param size the size of a block in bytes
     * @param count how many blocks
     */
    public record Contents(int sizeClass, long size, int count) {}

    /** Keeps a list that can't be changed. */
    public ThreadCache {
        lists = List.copyOf(lists);
    }

    /**
     * How many blocks it has.
     *
     * @return a count
     */
    public long count() {
        return lists.stream().mapToLong(Contents::count).sum();
    }

    /**
     * How large they are together.
     *
     * @return bytes
     */
    public long bytes() {
        return lists.stream().mapToLong(list -> list.count() * list.size()).sum();
    }

    /** What a table shows of it. */
    CacheTable.Cache row() {
        return new CacheTable.Cache(
                address,
                tid,
                lists.stream()
                        .map(list -> new CacheTable.Contents(list.sizeClass, list.size, list.count))
                        .toList());
    }
}
