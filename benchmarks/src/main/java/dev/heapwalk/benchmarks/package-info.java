// SPDX-License-Identifier: Apache-2.0
/**
 * JMH benchmarks: each walker beside the same loop in C.
 */
package dev.heapwalk.benchmarks;
