// SPDX-License-Identifier: Apache-2.0
/**
 * Targets: a process that is stopped, a process that is watched, a core file. Each gives its memory as an
 * {@link dev.heapwalk.memory.AddressSpace}, its threads and its loaded modules.
 */
package dev.heapwalk.memory;
