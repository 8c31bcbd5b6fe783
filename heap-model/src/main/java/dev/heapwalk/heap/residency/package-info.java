// SPDX-License-Identifier: Apache-2.0
/**
 * Who has the memory of a process: every byte that is mapped, in memory or swapped out has one owner.
 */
package dev.heapwalk.heap.residency;
