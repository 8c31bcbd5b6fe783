// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory.elf;

import dev.heapwalk.memory.AddressSpace;
import dev.heapwalk.memory.Mappings;
import dev.heapwalk.memory.held.HeldMemory;
import dev.heapwalk.memory.machine.Processor;
import dev.heapwalk.memory.raw.Words;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/**
 * A file laid out as the loader does, at bias 0. Tells from what the loader left in writable memory whether a module
 * was loaded from this file, where the pages with the build id are not at hand.
 */
final class FileImage {
    private static final int RELRO = 0x6474e552;
    private static final long DEBUG = 21;
    private static final int FEWEST_ENTRIES = 8;
    /** {@code DT_INIT_ARRAY}, {@code DT_FINI_ARRAY}, and how many bytes these have. */
    private static final int[] FUNCTIONS = {25, 26};

    private static final int[] FUNCTIONS_SIZES = {27, 28};
    private static final long MOST_FUNCTIONS = 1 << 12;

    private final ElfFile file;
    private final boolean wide;
    private final AddressSpace image;
    private final DynamicSection dynamic;
    private final ProgramHeader dynamicSegment;

    /**
     * Lays a file out.
     *
     * @param file the file
     * @param bytes all of it, mapped
     */
    FileImage(ElfFile file, MemorySegment bytes) {
        this.file = file;
        this.wide = file.header().wide();
        List<HeldMemory.Region> regions = new ArrayList<>();
        ProgramHeader found = null;
        long end = 0;
        for (ProgramHeader segment : file.programHeaders()) {
            if (segment.type() == ProgramHeader.DYNAMIC && found == null) {
                found = segment;
            }
            // In order and apart, as the format demands; anything else is no file that a loader takes.
            if (segment.type() == ProgramHeader.LOAD
                    && segment.fileSize() > 0
                    && segment.address() >= end
                    && segment.address() <= Long.MAX_VALUE - segment.fileSize()
                    && segment.offset() >= 0
                    && segment.offset() <= bytes.byteSize()
                    && segment.fileSize() <= bytes.byteSize() - segment.offset()) {
                regions.add(
                        new HeldMemory.Region(segment.address(), bytes.asSlice(segment.offset(), segment.fileSize())));
                end = segment.address() + segment.fileSize();
            }
        }
        this.image = new HeldMemory("file " + file.path(), new Mappings(List.of()), regions, bytes, bytes);
        this.dynamicSegment = found;
        this.dynamic =
                found == null ? null : DynamicSection.read(image, wide, 0, 0, end, found.address(), found.memorySize());
    }

    /**
     * Compares the dynamic section, and each word that a relative relocation set and that nobody may write to
     * afterwards. A program that is loaded where its file says has none of these: there it is the addresses of the
     * functions that are called at its beginning and end.
     *
     * @param memory a target's memory
     * @param bias the load bias of a module in it
     * @return how many words agree; 0 if one does not, can't be read, or if there are too few to tell
     */
    int agreement(AddressSpace memory, long bias) {
        if (dynamic == null) {
            return 0;
        }
        int word = wide ? 8 : 4;
        long size = Math.clamp(dynamicSegment.fileSize(), 0, 1 << 16);
        byte[] here = new byte[(int) size];
        byte[] there = new byte[(int) size];
        if (image.read(dynamicSegment.address(), MemorySegment.ofArray(there)) < size
                || memory.read(bias + dynamicSegment.address(), MemorySegment.ofArray(here)) < size) {
            return 0;
        }
        int entries = 0;
        for (int at = 0; at + 2 * word <= size; at += 2 * word) {
            long tag = word(there, at);
            if (tag == 0) {
                break;
            }
            long value = word(there, at + word);
            long actual = word(here, at + word);
            // glibc adds the bias to pointers, and puts the address of its list of modules into DT_DEBUG.
            if (word(here, at) != tag || (actual != value && actual != mask(value + bias) && tag != DEBUG)) {
                return 0;
            }
            entries++;
        }
        int words =
                file.header().type() == ElfHeader.EXECUTABLE && bias == 0 ? functions(memory) : relocated(memory, bias);
        return entries < FEWEST_ENTRIES || words <= 0 ? 0 : entries + words;
    }

    /** How many functions of a program's beginning and end are those of the file; -1 if one is not. */
    private int functions(AddressSpace memory) {
        int word = wide ? 8 : 4;
        int[] count = {0};
        for (int i = 0; i < FUNCTIONS.length; i++) {
            long from = dynamic.pointer(FUNCTIONS[i]);
            long size = Math.clamp(dynamic.value(FUNCTIONS_SIZES[i]), 0, MOST_FUNCTIONS * word);
            for (long at = 0; from != 0 && at + word <= size; at += word) {
                long expected = word(image, from + at);
                if (expected != 0) {
                    check(count, memory, from + at, expected);
                }
            }
        }
        return count[0];
    }

    /** How many words hold what their relocation made of them; -1 if one does not. */
    private int relocated(AddressSpace memory, long bias) {
        ProgramHeader readOnly = null;
        for (ProgramHeader segment : file.programHeaders()) {
            if (segment.type() == RELRO) {
                readOnly = segment;
            }
        }
        if (readOnly == null) {
            return 0;
        }
        ProgramHeader range = readOnly;
        int relative = Processor.of(file.header().machine()).relativeRelocation();
        int[] count = {0};
        dynamic.relocations(relocation -> {
            long address = relocation.address();
            if (relocation.type() == relative && inside(range, address)) {
                long value = dynamic.hasAddends() ? relocation.addend() : word(image, address);
                check(count, memory, bias + address, mask(bias + value));
            }
        });
        dynamic.packedRelocations(address -> {
            if (inside(range, address)) {
                check(count, memory, bias + address, mask(bias + word(image, address)));
            }
        });
        return count[0];
    }

    private boolean inside(ProgramHeader range, long address) {
        return address >= range.address() && address - range.address() <= range.memorySize() - (wide ? 8 : 4);
    }

    private void check(int[] count, AddressSpace memory, long address, long expected) {
        if (count[0] >= 0) {
            byte[] bytes = new byte[wide ? 8 : 4];
            boolean same =
                    memory.read(address, MemorySegment.ofArray(bytes)) == bytes.length && word(bytes, 0) == expected;
            count[0] = same ? count[0] + 1 : -1;
        }
    }

    private long mask(long value) {
        return wide ? value : value & 0xffffffffL;
    }

    private long word(AddressSpace from, long address) {
        byte[] bytes = new byte[wide ? 8 : 4];
        from.read(address, MemorySegment.ofArray(bytes));
        return word(bytes, 0);
    }

    private long word(byte[] bytes, int at) {
        MemorySegment segment = MemorySegment.ofArray(bytes);
        return wide ? segment.get(Words.LONG, at) : Integer.toUnsignedLong(segment.get(Words.INT, at));
    }
}
