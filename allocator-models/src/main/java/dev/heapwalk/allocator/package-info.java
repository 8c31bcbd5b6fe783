// SPDX-License-Identifier: Apache-2.0
/**
 * What finding the heaps of several allocators has in common. It knows none of them.
 */
package dev.heapwalk.allocator;
