// SPDX-License-Identifier: Apache-2.0
/**
 * Finds glibc's malloc in a target and walks its chunks: every arena, every thread's cache, every bin.
 */
package dev.heapwalk.malloc;
