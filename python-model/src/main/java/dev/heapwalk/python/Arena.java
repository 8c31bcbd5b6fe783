// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.python;

/**
 * A piece of memory that pymalloc divides into pools. C name {@code struct arena_object}.
 *
 * @param address target address of its first byte
 * @param index its number among the arenas of its allocator
 * @param firstPool target address of its first pool
 * @param carved target address behind the last pool that was ever used: {@code pool_address}
 * @param totalPools how many pools it has room for: {@code ntotalpools}
 * @param freePools how many of them hold no block: {@code nfreepools}
 */
public record Arena(long address, int index, long firstPool, long carved, int totalPools, int freePools) {}
