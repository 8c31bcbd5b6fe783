// SPDX-License-Identifier: Apache-2.0
/**
 * The heap of mimalloc 2 and 3 in a target: segments or a map of pages, pages, their lists of free blocks.
 */
package dev.heapwalk.mimalloc;
