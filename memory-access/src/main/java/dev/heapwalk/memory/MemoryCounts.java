// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory;

/**
 * What the kernel counts of a process's memory in {@code /proc/PID/status}, in bytes.
 *
 * @param resident {@code VmRSS}: what is in memory, without page tables and pages of hugetlbfs. It may lag behind, by
 *     some pages for each processor or thread
 * @param pageTables {@code VmPTE}: the page tables themselves, which no mapping shows
 * @param hugePages {@code HugetlbPages}: pages of hugetlbfs
 */
public record MemoryCounts(long resident, long pageTables, long hugePages) {}
