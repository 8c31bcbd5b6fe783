// SPDX-License-Identifier: Apache-2.0
/**
 * CPython's memory as a heap like others: the blocks of its allocator.
 */
package dev.heapwalk.python.usage;
