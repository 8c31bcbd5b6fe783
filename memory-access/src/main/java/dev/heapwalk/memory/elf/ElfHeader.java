// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory.elf;

import dev.heapwalk.memory.Machine;
import dev.heapwalk.memory.raw.Words;
import java.lang.foreign.MemorySegment;
import java.util.Optional;

/**
 * The header of a little-endian ELF file, {@code Elf64_Ehdr} or {@code Elf32_Ehdr}. Its numbers are as the file has
 * them: nothing is checked against the size of the file here.
 *
 * @param wide whether the class is 64-bit
 * @param type {@code e_type}
 * @param elfMachine {@code e_machine}
 * @param programHeaders file offset of the program headers
 * @param programHeaderCount {@code e_phnum}
 * @param sectionHeaders file offset of the section headers
 * @param sectionHeaderCount {@code e_shnum}
 */
record ElfHeader(
        boolean wide,
        int type,
        int elfMachine,
        long programHeaders,
        int programHeaderCount,
        long sectionHeaders,
        int sectionHeaderCount) {

    /** Bytes that are enough for a header of either class. */
    static final int SIZE = 64;

    static final int EXECUTABLE = 2;
    static final int SHARED = 3;
    static final int CORE = 4;

    /** {@code PN_XNUM}: the count stands in the first section header. */
    static final int EXTENDED_COUNT = 0xffff;

    private static final int MAGIC = 0x464c457f;

    static boolean isElf(MemorySegment bytes) {
        return bytes.byteSize() >= 16 && bytes.get(Words.INT, 0) == MAGIC;
    }

    /**
     * Parses a header.
     *
     * @param bytes the first bytes of a file or of its image in memory
     * @return the header; empty if it is none, is cut short, is big-endian or has table entries of an unknown size
     */
    static Optional<ElfHeader> parse(MemorySegment bytes) {
        if (!isElf(bytes) || bytes.get(Words.BYTE, 5) != 1) {
            return Optional.empty();
        }
        int elfClass = bytes.get(Words.BYTE, 4);
        boolean wide = elfClass == 2;
        if ((!wide && elfClass != 1) || bytes.byteSize() < (wide ? 64 : 52)) {
            return Optional.empty();
        }
        ElfHeader header = wide
                ? new ElfHeader(
                        true,
                        half(bytes, 16),
                        half(bytes, 18),
                        bytes.get(Words.LONG, 32),
                        half(bytes, 56),
                        bytes.get(Words.LONG, 40),
                        half(bytes, 60))
                : new ElfHeader(
                        false,
                        half(bytes, 16),
                        half(bytes, 18),
                        Integer.toUnsignedLong(bytes.get(Words.INT, 28)),
                        half(bytes, 44),
                        Integer.toUnsignedLong(bytes.get(Words.INT, 32)),
                        half(bytes, 48));
        int entrySize = half(bytes, wide ? 54 : 42);
        boolean sane = header.programHeaderCount == 0 || entrySize == ProgramHeader.size(wide);
        return sane ? Optional.of(header) : Optional.empty();
    }

    private static int half(MemorySegment bytes, long at) {
        return Short.toUnsignedInt(bytes.get(Words.SHORT, at));
    }

    Machine machine() {
        return Machine.of(elfMachine, wide ? 2 : 1);
    }

    /** The size of a section header, {@code e_shentsize} of every file that is well-formed. */
    int sectionHeaderSize() {
        return wide ? 64 : 40;
    }
}
