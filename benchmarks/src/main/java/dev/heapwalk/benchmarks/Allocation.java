// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.benchmarks;

/** What Heapwalk may allocate in the Java heap for an operation. */
enum Allocation {
    /** Nothing at all. */
    NOTHING,
    /** Nothing for a step; something for what is made again before the first one. */
    NOTHING_PER_STEP,
    /** What is in the nature of things: not much more than was accepted. */
    BY_NATURE
}
