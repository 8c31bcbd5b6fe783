// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory.elf;

import dev.heapwalk.memory.xz.Xz;
import dev.heapwalk.memory.xz.XzException;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.util.Optional;

/** The symbols of an ELF file that lies in a section of another one, compressed by xz. */
final class CompressedSymbols {
    /** So many bytes are decompressed at most. Those of the largest programs are some tens of millions. */
    private static final int MOST = 1 << 26;

    private CompressedSymbols() {}

    /**
     * Decompresses a file and takes its table of symbols.
     *
     * @param compressed the section
     * @param outer the header of the file that it lies in
     * @return the table, if the section is sound and of the same processor
     */
    static Optional<SymbolTable> of(byte[] compressed, ElfHeader outer) throws IOException {
        MemorySegment file;
        try {
            file = Xz.decompress(compressed, MOST);
        } catch (XzException e) {
            return Optional.empty();
        }
        Optional<ElfHeader> header = ElfHeader.parse(file)
                .filter(inner -> inner.wide() == outer.wide() && inner.elfMachine() == outer.elfMachine());
        if (header.isEmpty()) {
            return Optional.empty();
        }
        SectionTable sections = SectionTable.read(header.get(), (offset, size) -> part(file, offset, size));
        Optional<SectionHeader> symbols = sections.symbols();
        Optional<MemorySegment> table = symbols.flatMap(section -> part(file, section));
        Optional<MemorySegment> names = symbols.flatMap(sections::names).flatMap(section -> part(file, section));
        return table.isEmpty() || names.isEmpty()
                ? Optional.empty()
                : Optional.of(new SymbolTable(table.get(), names.get(), outer.wide(), sections.unloaded()));
    }

    private static Optional<MemorySegment> part(MemorySegment file, SectionHeader section) {
        return part(file, section.offset(), section.size());
    }

    private static Optional<MemorySegment> part(MemorySegment file, long offset, long size) {
        return offset < 0 || size < 0 || offset > file.byteSize() || size > file.byteSize() - offset
                ? Optional.empty()
                : Optional.of(file.asSlice(offset, size));
    }
}
