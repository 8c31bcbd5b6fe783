// SPDX-License-Identifier: Apache-2.0
/**
 * What blocks are used for: {@link dev.heapwalk.heap.usage.UsageCursor} walks all blocks and names the use of each, and
 * asks every {@link dev.heapwalk.heap.usage.Categorizer} that there is.
 */
package dev.heapwalk.heap.usage;
