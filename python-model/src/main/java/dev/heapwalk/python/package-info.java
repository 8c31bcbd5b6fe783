// SPDX-License-Identifier: Apache-2.0
/**
 * The entry points: CPython's runtime in a target with its interpreters and threads, its allocator for small blocks,
 * and what reads its objects by address.
 */
package dev.heapwalk.python;
