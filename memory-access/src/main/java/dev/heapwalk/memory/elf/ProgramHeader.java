// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory.elf;

import dev.heapwalk.memory.raw.Words;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/**
 * A program header, {@code Elf64_Phdr} or {@code Elf32_Phdr}, with its numbers as they stand there.
 *
 * @param type {@code p_type}
 * @param flags {@code p_flags}
 * @param offset {@code p_offset}
 * @param address {@code p_vaddr}, an address in the file's own numbering
 * @param fileSize {@code p_filesz}
 * @param memorySize {@code p_memsz}
 * @param alignment {@code p_align}
 */
record ProgramHeader(int type, int flags, long offset, long address, long fileSize, long memorySize, long alignment) {

    static final int LOAD = 1;
    static final int DYNAMIC = 2;
    static final int INTERPRETER = 3;
    static final int NOTE = 4;
    static final int TABLE = 6;
    static final int TLS = 7;
    /** {@code PT_GNU_EH_FRAME}. */
    static final int FRAME_INDEX = 0x6474e550;

    private static final int EXECUTE = 1;
    private static final int WRITE = 2;
    private static final int READ = 4;

    static int size(boolean wide) {
        return wide ? 56 : 32;
    }

    static ProgramHeader parse(MemorySegment table, long at, boolean wide) {
        if (wide) {
            return new ProgramHeader(
                    table.get(Words.INT, at),
                    table.get(Words.INT, at + 4),
                    table.get(Words.LONG, at + 8),
                    table.get(Words.LONG, at + 16),
                    table.get(Words.LONG, at + 32),
                    table.get(Words.LONG, at + 40),
                    table.get(Words.LONG, at + 48));
        }
        return new ProgramHeader(
                table.get(Words.INT, at),
                table.get(Words.INT, at + 24),
                narrow(table, at + 4),
                narrow(table, at + 8),
                narrow(table, at + 16),
                narrow(table, at + 20),
                narrow(table, at + 28));
    }

    /** Parses as many headers as the table is long. */
    static List<ProgramHeader> parseAll(MemorySegment table, boolean wide) {
        List<ProgramHeader> headers = new ArrayList<>();
        for (long at = 0; at + size(wide) <= table.byteSize(); at += size(wide)) {
            headers.add(parse(table, at, wide));
        }
        return List.copyOf(headers);
    }

    private static long narrow(MemorySegment table, long at) {
        return Integer.toUnsignedLong(table.get(Words.INT, at));
    }

    boolean readable() {
        return (flags & READ) != 0;
    }

    boolean writable() {
        return (flags & WRITE) != 0;
    }

    boolean executable() {
        return (flags & EXECUTE) != 0;
    }
}
