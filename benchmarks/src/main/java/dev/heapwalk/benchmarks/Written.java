// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.benchmarks;

/**
 * What an operation writes.
 *
 * @param bytes how many
 * @param objects how many lines of objects are among them
 */
record Written(long bytes, long objects) {}
