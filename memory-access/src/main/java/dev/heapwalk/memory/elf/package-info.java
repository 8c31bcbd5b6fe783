// SPDX-License-Identifier: Apache-2.0
/**
 * ELF: loaded modules and their symbols, files on disk, build ids, core files.
 */
package dev.heapwalk.memory.elf;
