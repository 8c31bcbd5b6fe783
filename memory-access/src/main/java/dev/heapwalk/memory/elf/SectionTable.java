// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory.elf;

import dev.heapwalk.memory.raw.Words;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.Optional;
import java.util.function.Predicate;

/**
 * The section headers of a file, as they stand there.
 *
 * @param all the headers; none if the file has none, or its header is wrong
 * @param naming the number of the section with the names of all sections, -1 if it is not known
 */
record SectionTable(List<SectionHeader> all, int naming) {
    private static final SectionTable NONE = new SectionTable(List.of(), -1);
    private static final int MOST_SECTIONS = 1 << 17;
    /** {@code SHN_XINDEX}: the number stands in the first header. */
    private static final int EXTENDED = 0xffff;

    /** The bytes of a file. */
    @FunctionalInterface
    interface Bytes {
        /** A short part; empty if the file has no such part, or it is too long to be looked at. */
        Optional<MemorySegment> part(long offset, long size) throws IOException;
    }

    static SectionTable read(ElfHeader header, Bytes file) throws IOException {
        int size = header.sectionHeaderSize();
        if (header.sectionHeaders() == 0) {
            return NONE;
        }
        Optional<MemorySegment> first = file.part(header.sectionHeaders(), size);
        if (first.isEmpty()) {
            return NONE;
        }
        // A count that does not fit into 16 bits stands in the first entry.
        long count = header.sectionHeaderCount() != 0
                ? header.sectionHeaderCount()
                : SectionHeader.parse(first.get(), 0, header.wide()).size();
        if (count < 0 || count > MOST_SECTIONS) {
            return NONE;
        }
        Optional<MemorySegment> table = file.part(header.sectionHeaders(), count * size);
        List<SectionHeader> list = new ArrayList<>();
        for (long i = 0; table.isPresent() && i < count; i++) {
            list.add(SectionHeader.parse(table.get(), i * size, header.wide()));
        }
        return new SectionTable(List.copyOf(list), naming(header, list, file));
    }

    private static int naming(ElfHeader header, List<SectionHeader> list, Bytes file) throws IOException {
        Optional<MemorySegment> number = file.part(header.wide() ? 62 : 50, Short.BYTES);
        int index = number.isEmpty() ? -1 : Short.toUnsignedInt(number.get().get(Words.SHORT, 0));
        if (index == EXTENDED && !list.isEmpty()) {
            index = list.getFirst().link();
        }
        return index < list.size() ? index : -1;
    }

    /** The section {@code .symtab}. */
    Optional<SectionHeader> symbols() {
        return all.stream().filter(SectionHeader::hasSymbols).findFirst();
    }

    /** The section with the names of symbols, if its bytes are in the file. */
    Optional<SectionHeader> names(SectionHeader symbols) {
        return symbols.link() <= 0 || symbols.link() >= all.size()
                ? Optional.empty()
                : Optional.of(all.get(symbols.link())).filter(SectionHeader::isInFile);
    }

    /** The numbers of the sections that are not in the program's memory. */
    BitSet unloaded() {
        BitSet numbers = new BitSet();
        for (int i = 0; i < all.size(); i++) {
            numbers.set(i, !all.get(i).isLoaded());
        }
        return numbers;
    }

    /** The end of the section that an address of the program lies in; 0 if it lies in none. */
    long endAt(long address) {
        for (SectionHeader section : all) {
            if (section.contains(address)) {
                return section.end();
            }
        }
        return 0;
    }

    /** The first section of a name and of some kind. */
    Optional<SectionHeader> named(String name, Predicate<SectionHeader> kind, Bytes file) throws IOException {
        if (naming < 0) {
            return Optional.empty();
        }
        MemorySegment wanted = MemorySegment.ofArray((name + '\0').getBytes(StandardCharsets.US_ASCII));
        SectionHeader names = all.get(naming);
        for (SectionHeader section : all) {
            if (kind.test(section)
                    && section.name() >= 0
                    && section.name() <= names.size() - wanted.byteSize()
                    && file.part(names.offset() + section.name(), wanted.byteSize())
                            .filter(text -> text.mismatch(wanted) < 0)
                            .isPresent()) {
                return Optional.of(section);
            }
        }
        return Optional.empty();
    }
}
