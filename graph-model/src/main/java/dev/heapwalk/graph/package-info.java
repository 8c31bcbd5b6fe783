// SPDX-License-Identifier: Apache-2.0
/**
 * The graph of all blocks of a target: which block refers to which, what holds each, and what would be freed with it.
 */
package dev.heapwalk.graph;
