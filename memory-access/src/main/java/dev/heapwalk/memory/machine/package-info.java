// SPDX-License-Identifier: Apache-2.0
/**
 * What differs between processors: registers and where notes and the kernel have them, the thread pointer and what lies
 * at it, system calls, relocations. One file for each.
 */
package dev.heapwalk.memory.machine;
