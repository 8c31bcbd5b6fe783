// SPDX-License-Identifier: Apache-2.0
/**
 * What the dumps of all runtimes have in common: lines that several threads make and that come out in order, how many
 * bytes they may have, how much they tell of text, and what was written.
 */
package dev.heapwalk.heap.dump;
