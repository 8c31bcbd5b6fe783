// SPDX-License-Identifier: Apache-2.0
/**
 * What the heaps of several allocators have in common, and how they are walked: spans of equal blocks, each opened to
 * what tells which of them are free. It knows none of the allocators.
 */
package dev.heapwalk.allocator;
