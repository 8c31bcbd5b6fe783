// SPDX-License-Identifier: Apache-2.0
/**
 * The base of the struct views that lie over target memory.
 */
package dev.heapwalk.memory.struct;
