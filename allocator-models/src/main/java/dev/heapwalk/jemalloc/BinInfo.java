// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.jemalloc;

/**
 * What all slabs of a small size class have in common, unless the program has asked for slabs of another size. C name
 * {@code bin_info_t}.
 *
 * @param index the number of the bin and of the size class
 * @param regSize {@code reg_size}: the size of a region in bytes
 * @param slabSize {@code slab_size}: the size of a slab in bytes
 * @param nregs {@code nregs}: how many regions a slab has
 */
public record BinInfo(int index, long regSize, long slabSize, int nregs) {}
