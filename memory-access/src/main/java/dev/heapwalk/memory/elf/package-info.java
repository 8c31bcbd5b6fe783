/**
 * ELF: loaded modules and their symbols, files on disk, build ids, core files.
 */
package dev.heapwalk.memory.elf;
