// SPDX-License-Identifier: Apache-2.0
/**
 * How services are found.
 */
package dev.heapwalk.heap.internal;
