// SPDX-License-Identifier: Apache-2.0
/**
 * The heap of jemalloc 5 in a target: extents, slabs, thread caches.
 */
package dev.heapwalk.jemalloc;
