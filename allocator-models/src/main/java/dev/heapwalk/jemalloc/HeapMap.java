// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.jemalloc;

import dev.heapwalk.allocator.KeptBlocks;
import dev.heapwalk.jemalloc.layout.JemallocLayout;

/**
 * What a walk or a look-up of one heap needs.
 *
 * @param layout where the fields lie
 * @param table the extents
 * @param classes the size classes
 * @param pad what a large extent has more than its block, in bytes
 * @param kept the blocks that look allocated but are not the program's
 */
record HeapMap(JemallocLayout layout, ExtentTable table, SizeClasses classes, long pad, KeptBlocks kept) {

    HeapMap with(KeptBlocks others) {
        return new HeapMap(layout, table, classes, pad, others);
    }

    /** What the program may use of a large block. One that is sampled for a profile has the size that was asked for. */
    long usable(int extent) {
        int szind = table.classes[extent];
        return szind >= 0 && szind < classes.bins() ? classes.size(szind) : table.sizes[extent] - pad;
    }
}
