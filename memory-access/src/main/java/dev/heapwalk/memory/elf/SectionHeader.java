// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory.elf;

import dev.heapwalk.memory.raw.Words;
import java.lang.foreign.MemorySegment;

/**
 * A section header, {@code Elf64_Shdr} or {@code Elf32_Shdr}. Nothing is checked here.
 *
 * @param name where its name begins among those of all sections
 * @param type {@code sh_type}
 * @param flags {@code sh_flags}
 * @param address its address in the program
 * @param offset where it lies in the file
 * @param size its size in bytes
 * @param link the number of another section, which depends on the type
 * @param alignment {@code sh_addralign}
 */
record SectionHeader(int name, int type, long flags, long address, long offset, long size, int link, long alignment) {
    private static final int CONTENT = 1;
    private static final int SYMBOLS = 2;
    private static final int NOTES = 7;
    private static final int NO_BITS = 8;
    private static final long ALLOCATED = 2;
    private static final long THREAD_LOCAL = 0x400;
    private static final long COMPRESSED = 0x800;

    static SectionHeader parse(MemorySegment table, long at, boolean wide) {
        if (wide) {
            return new SectionHeader(
                    table.get(Words.INT, at),
                    table.get(Words.INT, at + 4),
                    table.get(Words.LONG, at + 8),
                    table.get(Words.LONG, at + 16),
                    table.get(Words.LONG, at + 24),
                    table.get(Words.LONG, at + 32),
                    table.get(Words.INT, at + 40),
                    table.get(Words.LONG, at + 48));
        }
        return new SectionHeader(
                table.get(Words.INT, at),
                table.get(Words.INT, at + 4),
                Integer.toUnsignedLong(table.get(Words.INT, at + 8)),
                Integer.toUnsignedLong(table.get(Words.INT, at + 12)),
                Integer.toUnsignedLong(table.get(Words.INT, at + 16)),
                Integer.toUnsignedLong(table.get(Words.INT, at + 20)),
                table.get(Words.INT, at + 24),
                Integer.toUnsignedLong(table.get(Words.INT, at + 32)));
    }

    /** Whether it is {@code .symtab}. */
    boolean hasSymbols() {
        return type == SYMBOLS && (flags & COMPRESSED) == 0;
    }

    boolean hasNotes() {
        return type == NOTES && (flags & COMPRESSED) == 0;
    }

    /** Whether its bytes mean what a tool says that made them ({@code SHT_PROGBITS}). */
    boolean hasContent() {
        return type == CONTENT;
    }

    /** Whether the file has its bytes. */
    boolean isInFile() {
        return type != NO_BITS;
    }

    boolean isLoaded() {
        return (flags & ALLOCATED) != 0;
    }

    /** Whether an address of the program lies in it. */
    boolean contains(long address) {
        return (flags & (ALLOCATED | THREAD_LOCAL)) == ALLOCATED
                && address - this.address >= 0
                && address - this.address < size;
    }

    /** The address behind it. */
    long end() {
        return address + size;
    }
}
