// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.tcmalloc;

import dev.heapwalk.memory.LongTable;
import java.util.Arrays;

/** The objects that look handed out in their spans but are not the program's: those in caches. */
final class KeptBlocks {
    static final KeptBlocks NONE = new KeptBlocks(new LongTable());
    /** In place of the number of a cache: the transfer cache has the object. */
    static final int TRANSFER = -2;
    /** In place of the number of a cache: the program has the object. */
    static final int NOBODY = -1;

    private final long[] addresses;
    private final int[] owners;

    /** Takes addresses and the numbers of the caches that have them. */
    KeptBlocks(LongTable ownerOf) {
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

    /** The index of the first one at or behind an address. */
    int from(long address) {
        int index = Arrays.binarySearch(addresses, address);
        return index < 0 ? -index - 1 : index;
    }

    long address(int index) {
        return addresses[index];
    }

    int owner(int index) {
        return owners[index];
    }
}
