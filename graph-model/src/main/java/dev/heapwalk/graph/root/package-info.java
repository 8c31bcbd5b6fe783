// SPDX-License-Identifier: Apache-2.0
/**
 * What keeps blocks alive outside of heaps: variables, threads with their registers and stacks, other memory.
 */
package dev.heapwalk.graph.root;
