// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory.elf;

import dev.heapwalk.memory.Machine;
import dev.heapwalk.memory.raw.Words;
import java.lang.foreign.MemorySegment;
import java.util.Map;
import java.util.OptionalLong;
import java.util.TreeMap;

/**
 * What the kernel told a program when it started: {@code /proc/PID/auxv}, or {@code NT_AUXV} of a core.
 *
 * @param entries value by type ({@code AT_*})
 */
public record AuxiliaryVector(Map<Long, Long> entries) {
    /** One that says nothing. */
    public static final AuxiliaryVector EMPTY = new AuxiliaryVector(Map.of());

    private static final long PROGRAM_HEADERS = 3;
    private static final long PROGRAM_HEADER_COUNT = 5;
    private static final long PAGE_SIZE = 6;
    private static final long LINKER = 7;
    private static final long ENTRY = 9;
    private static final long EXECUTABLE_NAME = 31;
    private static final long VDSO = 33;

    /**
     * Keeps the entries.
     *
     * @param entries value by type
     */
    public AuxiliaryVector {
        entries = Map.copyOf(entries);
    }

    /**
     * Parses a vector.
     *
     * @param bytes pairs of words of the target
     * @param machine the target's machine, which says how long a word is
     * @return the entries before {@code AT_NULL} or the end of the bytes
     */
    public static AuxiliaryVector parse(MemorySegment bytes, Machine machine) {
        Map<Long, Long> entries = new TreeMap<>();
        int word = machine.wordSize();
        for (long at = 0; at + 2 * word <= bytes.byteSize(); at += 2 * word) {
            long type = word(bytes, at, word);
            if (type == 0) {
                break;
            }
            entries.putIfAbsent(type, word(bytes, at + word, word));
        }
        return new AuxiliaryVector(entries);
    }

    private static long word(MemorySegment bytes, long at, int size) {
        return size == 8 ? bytes.get(Words.LONG, at) : Integer.toUnsignedLong(bytes.get(Words.INT, at));
    }

    private OptionalLong entry(long type) {
        Long value = entries.get(type);
        return value == null ? OptionalLong.empty() : OptionalLong.of(value);
    }

    /**
     * Where the program's program headers lie.
     *
     * @return {@code AT_PHDR}, a target address
     */
    public OptionalLong programHeaders() {
        return entry(PROGRAM_HEADERS);
    }

    /**
     * How many program headers there are.
     *
     * @return {@code AT_PHNUM}
     */
    public OptionalLong programHeaderCount() {
        return entry(PROGRAM_HEADER_COUNT);
    }

    /**
     * The page size.
     *
     * @return {@code AT_PAGESZ} in bytes, if it is a power of two from 4 KiB to 1 MiB
     */
    public OptionalLong pageSize() {
        OptionalLong size = entry(PAGE_SIZE);
        return size.isPresent()
                        && Long.bitCount(size.getAsLong()) == 1
                        && size.getAsLong() >= 1 << 12
                        && size.getAsLong() <= 1 << 20
                ? size
                : OptionalLong.empty();
    }

    /**
     * Where the dynamic linker was loaded.
     *
     * @return {@code AT_BASE}, a target address
     */
    public OptionalLong linker() {
        return entry(LINKER);
    }

    /**
     * Where the program begins.
     *
     * @return {@code AT_ENTRY}, a target address
     */
    public OptionalLong entry() {
        return entry(ENTRY);
    }

    /**
     * The path that the program was started by.
     *
     * @return {@code AT_EXECFN}, the target address of a C string
     */
    public OptionalLong executableName() {
        return entry(EXECUTABLE_NAME);
    }

    /**
     * The vDSO's ELF header.
     *
     * @return {@code AT_SYSINFO_EHDR}, a target address
     */
    public OptionalLong vdso() {
        return entry(VDSO);
    }
}
