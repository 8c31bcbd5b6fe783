// SPDX-License-Identifier: Apache-2.0
/**
 * The heap of gperftools' tcmalloc in a target: spans, the central cache, thread caches, the page heap.
 */
package dev.heapwalk.tcmalloc;
