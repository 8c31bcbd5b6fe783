// SPDX-License-Identifier: Apache-2.0
/**
 * What the service loader finds of this model: the heap, and what its blocks and those of other heaps are used for.
 */
package dev.heapwalk.python.service;
