// SPDX-License-Identifier: Apache-2.0
/**
 * The base of the struct views that lie over target memory, and the layout constants that they read with.
 */
package dev.heapwalk.memory.struct;
