// SPDX-License-Identifier: Apache-2.0
/**
 * Writes core files of targets: {@link dev.heapwalk.memory.core.CoreWriter}. They are read by {@link
 * dev.heapwalk.memory.elf.CoreTarget}.
 */
package dev.heapwalk.memory.core;
