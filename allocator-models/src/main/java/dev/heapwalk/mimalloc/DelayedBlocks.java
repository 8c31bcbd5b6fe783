// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.mimalloc;

import dev.heapwalk.heap.DamageList;
import dev.heapwalk.memory.Reader;
import dev.heapwalk.mimalloc.layout.MimallocLayout;
import java.util.Arrays;

/**
 * The blocks that other threads freed and that wait in a list of a heap until its thread puts them back into their
 * pages, which count them as used. C name {@code thread_delayed_free}.
 */
final class DelayedBlocks {
    private static final long[] NONE = {Long.MAX_VALUE};
    private static final int FIRST_LENGTH = 256;

    private final Reader reader;
    private final MimallocLayout layout;
    private final PageTable table;
    private final DamageList damages;
    private final boolean settled;

    private long[] found = new long[FIRST_LENGTH];
    private int count;

    DelayedBlocks(Reader reader, MimallocLayout layout, PageTable table, DamageList damages, boolean settled) {
        this.reader = reader;
        this.layout = layout;
        this.table = table;
        this.damages = damages;
        this.settled = settled;
    }

    /** Those of all heaps, ascending. */
    long[] of(Owners owners) {
        if (layout.delayed() < 0) {
            return NONE;
        }
        long most = 0;
        for (int i = 0; i < table.count(); i++) {
            if (table.kinds[i] == PageTable.Kind.PAGE) {
                most += table.sizes[i] / table.blockSizes[i];
            }
        }
        for (int i = 0; i < owners.count(); i++) {
            if (owners.heap(i) != 0) {
                follow(owners.heap(i), most);
            }
        }
        long[] all = Arrays.copyOf(found, count + 1);
        all[count] = Long.MAX_VALUE;
        Arrays.sort(all);
        return all;
    }

    private void follow(long heap, long most) {
        long key0 = layout.heapKeys() < 0 ? 0 : reader.readLong(heap + layout.heapKeys(), 0);
        long key1 = layout.heapKeys() < 0 ? 0 : reader.readLong(heap + layout.heapKeys() + Long.BYTES, 0);
        long at = reader.readLong(heap + layout.delayed(), 0);
        long before = heap + layout.delayed();
        while (at != 0) {
            if (!block(at) || count >= most) {
                if (settled) {
                    damages.add(
                            before,
                            -1,
                            "what other threads freed of the heap at 0x%x goes on at 0x%x, which is no block"
                                    .formatted(heap, at));
                }
                return;
            }
            if (count == found.length) {
                found = Arrays.copyOf(found, 2 * count);
            }
            found[count++] = at;
            before = at;
            long next = reader.readLong(at, 0);
            at = layout.heapKeys() < 0 ? next : PageBlocks.decode(next, heap, key0, key1);
        }
    }

    private boolean block(long address) {
        int index = table.at(address);
        return index >= 0
                && table.kinds[index] == PageTable.Kind.PAGE
                && address >= table.firsts[index]
                && (address - table.firsts[index]) % table.blockSizes[index] == 0;
    }
}
