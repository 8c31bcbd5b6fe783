// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.mimalloc;

import dev.heapwalk.mimalloc.layout.MimallocLayout;
import java.util.List;

/**
 * What a walk or a look-up of one heap needs.
 *
 * @param layout where the fields lie
 * @param table the pages, and what lies between them
 * @param delayed target addresses of the blocks in lists of heaps, ascending, and {@link Long#MAX_VALUE} behind them
 * @param owners the heaps of threads
 * @param segments the segments, in versions that have some
 */
record HeapMap(MimallocLayout layout, PageTable table, long[] delayed, Owners owners, List<Segment> segments) {}
