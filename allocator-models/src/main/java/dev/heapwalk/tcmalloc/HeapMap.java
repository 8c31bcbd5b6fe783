// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.tcmalloc;

import dev.heapwalk.allocator.KeptBlocks;
import dev.heapwalk.tcmalloc.layout.MapShape;

/**
 * What a walk or a look-up of one heap needs.
 *
 * @param shape how large pages are
 * @param table the spans
 * @param classes the size classes
 * @param kept the objects that look handed out but are not the program's
 */
record HeapMap(MapShape shape, SpanTable table, SizeClasses classes, KeptBlocks kept) {

    HeapMap with(KeptBlocks others) {
        return new HeapMap(shape, table, classes, others);
    }
}
