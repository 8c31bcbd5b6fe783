// SPDX-License-Identifier: Apache-2.0
/**
 * What finding the heaps of several allocators has in common, and what walking them has: spans of equal blocks, each
 * opened to a bit for each free one. It knows none of them.
 */
package dev.heapwalk.allocator;
