// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.allocator;

import dev.heapwalk.memory.LongTable;
import java.util.Arrays;

/** The blocks that look handed out but are not the program's: those in caches, and those that the allocator uses. */
public final class KeptBlocks {
    /** None. */
    public static final KeptBlocks NONE = new KeptBlocks(new LongTable());
    /** In place of the number of a thread's cache: the allocator has the block for itself, or for all threads. */
    public static final int ALLOCATOR = -2;
    /** In place of the number of a thread's cache: the program has the block. */
    public static final int NOBODY = -1;

    private final long[] addresses;
    private final int[] owners;

    /**
     * Takes them from a table.
     *
     * @param ownerOf addresses of blocks, and the numbers of the caches that have them or {@link #ALLOCATOR}
     */
    public KeptBlocks(LongTable ownerOf) {
        addresses = new long[ownerOf.size() + 1];
        int[] count = new int[1];
        ownerOf.forEach((address, _) -> addresses[count[0]++] = address);
        // So that a walk need not ask whether it is at the end.
        addresses[ownerOf.size()] = Long.MAX_VALUE;
        Arrays.sort(addresses);
        owners = new int[addresses.length];
        for (int i = 0; i < ownerOf.size(); i++) {
            owners[i] = (int) ownerOf.get(addresses[i], NOBODY);
        }
    }

    private KeptBlocks(long[] addresses, int[] owners) {
        this.addresses = addresses;
        this.owners = owners;
    }

    /**
     * Takes them from arrays, which are not copied.
     *
     * @param addresses addresses of blocks, in their order, and {@link Long#MAX_VALUE} behind them
     * @param owners for each the number of the cache that has it or {@link #ALLOCATOR}
     * @return the blocks
     */
    public static KeptBlocks sorted(long[] addresses, int[] owners) {
        return new KeptBlocks(addresses, owners);
    }

    /**
     * The first one at or behind an address.
     *
     * @param address target address
     * @return its index; there is always one, the last is at {@link Long#MAX_VALUE}
     */
    public int from(long address) {
        int index = Arrays.binarySearch(addresses, address);
        return index < 0 ? -index - 1 : index;
    }

    /**
     * Where a block is.
     *
     * @param index its index, in address order
     * @return target address
     */
    public long address(int index) {
        return addresses[index];
    }

    /**
     * Who has a block.
     *
     * @param index its index
     * @return the number of a cache, or {@link #ALLOCATOR}
     */
    public int owner(int index) {
        return owners[index];
    }
}
