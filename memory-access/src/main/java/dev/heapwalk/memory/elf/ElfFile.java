// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory.elf;

import dev.heapwalk.memory.raw.Words;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.Optional;
import java.util.zip.CRC32;

/** An ELF file on disk, mapped. Each number of its headers is checked against its size. */
final class ElfFile {
    private static final int SYMBOLS = 2;
    private static final int NOTES = 7;
    private static final int NO_BITS = 8;
    private static final long ALLOCATED = 2;
    private static final long THREAD_LOCAL = 0x400;
    private static final long COMPRESSED = 0x800;
    private static final int PROGRESS = 1;
    private static final int MOST_SECTIONS = 1 << 17;

    private final Path path;
    private final MemorySegment bytes;
    private final ElfHeader header;
    private final List<ProgramHeader> programHeaders;
    private final List<Section> sections;

    private record Section(
            int name, int type, long flags, long address, long offset, long size, int link, long alignment) {}

    /**
     * The file that holds the debug information that was taken out of this one.
     *
     * @param name a file name
     * @param checksum the CRC-32 of that file
     */
    record DebugLink(String name, int checksum) {}

    private ElfFile(Path path, MemorySegment bytes, ElfHeader header) {
        this.path = path;
        this.bytes = bytes;
        this.header = header;
        int size = ProgramHeader.size(header.wide());
        this.programHeaders = range(header.programHeaders(), (long) size * header.programHeaderCount())
                .map(table -> ProgramHeader.parseAll(table, header.wide()))
                .orElse(List.of());
        this.sections = readSections();
    }

    /**
     * Maps a file.
     *
     * @param path a regular file
     * @param arena what the mapping belongs to
     * @return the file, if it can be read and is little-endian ELF
     */
    static Optional<ElfFile> open(Path path, Arena arena) {
        try (FileChannel channel = FileChannel.open(path, StandardOpenOption.READ, LinkOption.NOFOLLOW_LINKS)) {
            long size = channel.size();
            if (size < ElfHeader.SIZE) {
                return Optional.empty();
            }
            MemorySegment bytes = channel.map(FileChannel.MapMode.READ_ONLY, 0, size, arena);
            return ElfHeader.parse(bytes).map(header -> new ElfFile(path, bytes, header));
        } catch (IOException e) {
            return Optional.empty();
        }
    }

    private Optional<MemorySegment> range(long offset, long size) {
        return offset >= 0 && size >= 0 && offset <= bytes.byteSize() && size <= bytes.byteSize() - offset
                ? Optional.of(bytes.asSlice(offset, size))
                : Optional.empty();
    }

    private List<Section> readSections() {
        int size = header.sectionHeaderSize();
        if (header.sectionHeaders() == 0) {
            return List.of();
        }
        Optional<MemorySegment> first = range(header.sectionHeaders(), size);
        if (first.isEmpty()) {
            return List.of();
        }
        // A count that does not fit into 16 bits stands in the first entry.
        long count = header.sectionHeaderCount() != 0 ? header.sectionHeaderCount() : section(first.get(), 0).size;
        if (count < 0 || count > MOST_SECTIONS || count > (bytes.byteSize() - header.sectionHeaders()) / size) {
            return List.of();
        }
        MemorySegment table = range(header.sectionHeaders(), count * size).orElseThrow();
        List<Section> list = new ArrayList<>();
        for (long i = 0; i < count; i++) {
            list.add(section(table, i * size));
        }
        return List.copyOf(list);
    }

    private Section section(MemorySegment table, long at) {
        if (header.wide()) {
            return new Section(
                    table.get(Words.INT, at),
                    table.get(Words.INT, at + 4),
                    table.get(Words.LONG, at + 8),
                    table.get(Words.LONG, at + 16),
                    table.get(Words.LONG, at + 24),
                    table.get(Words.LONG, at + 32),
                    table.get(Words.INT, at + 40),
                    table.get(Words.LONG, at + 48));
        }
        return new Section(
                table.get(Words.INT, at),
                table.get(Words.INT, at + 4),
                Integer.toUnsignedLong(table.get(Words.INT, at + 8)),
                Integer.toUnsignedLong(table.get(Words.INT, at + 12)),
                Integer.toUnsignedLong(table.get(Words.INT, at + 16)),
                Integer.toUnsignedLong(table.get(Words.INT, at + 20)),
                table.get(Words.INT, at + 24),
                Integer.toUnsignedLong(table.get(Words.INT, at + 32)));
    }

    Path path() {
        return path;
    }

    /** The whole file. */
    MemorySegment bytes() {
        return bytes;
    }

    ElfHeader header() {
        return header;
    }

    List<ProgramHeader> programHeaders() {
        return programHeaders;
    }

    /** The build id, from the note sections (a debug file has no segments worth reading), else from the segments. */
    Optional<String> buildId() {
        for (Section section : sections) {
            if (section.type == NOTES && (section.flags & COMPRESSED) == 0) {
                Optional<String> id =
                        range(section.offset, section.size).flatMap(notes -> Note.buildId(notes, section.alignment));
                if (id.isPresent()) {
                    return id;
                }
            }
        }
        for (ProgramHeader segment : programHeaders) {
            if (segment.type() == ProgramHeader.NOTE) {
                Optional<String> id = range(segment.offset(), segment.fileSize())
                        .flatMap(notes -> Note.buildId(notes, segment.alignment()));
                if (id.isPresent()) {
                    return id;
                }
            }
        }
        return Optional.empty();
    }

    /** The section {@code .symtab}, if the file was not stripped of it. */
    Optional<SymbolTable> symbols() {
        for (Section section : sections) {
            if (section.type == SYMBOLS && (section.flags & COMPRESSED) == 0) {
                if (section.link <= 0 || section.link >= sections.size()) {
                    return Optional.empty();
                }
                Section names = sections.get(section.link);
                if (names.type == NO_BITS) {
                    return Optional.empty();
                }
                Optional<MemorySegment> strings = range(names.offset, names.size);
                return range(section.offset, section.size)
                        .flatMap(table -> strings.map(text -> new SymbolTable(table, text, header.wide(), unloaded())));
            }
        }
        return Optional.empty();
    }

    private BitSet unloaded() {
        BitSet numbers = new BitSet();
        for (int i = 0; i < sections.size(); i++) {
            numbers.set(i, (sections.get(i).flags & ALLOCATED) == 0);
        }
        return numbers;
    }

    /** The end of the section that an address of the program lies in; 0 if it lies in none. */
    long sectionEnd(long address) {
        for (Section section : sections) {
            if ((section.flags & (ALLOCATED | THREAD_LOCAL)) == ALLOCATED
                    && address - section.address >= 0
                    && address - section.address < section.size) {
                return section.address + section.size;
            }
        }
        return 0;
    }

    /** Whether it tells where sections lie. */
    boolean hasSections() {
        return !sections.isEmpty();
    }

    /** What {@code .gnu_debuglink} says. */
    Optional<DebugLink> debugLink() {
        for (Section section : sections) {
            if (section.type == PROGRESS && named(section, ".gnu_debuglink")) {
                return range(section.offset, section.size).flatMap(ElfFile::debugLink);
            }
        }
        return Optional.empty();
    }

    private static Optional<DebugLink> debugLink(MemorySegment content) {
        long most = Math.min(content.byteSize(), 4096);
        long length = 0;
        while (length < most && content.get(Words.BYTE, length) != 0) {
            length++;
        }
        long checksum = (length + 4) & ~3;
        if (length == 0 || length == most || checksum + 4 > content.byteSize()) {
            return Optional.empty();
        }
        String name = new String(content.asSlice(0, length).toArray(Words.BYTE), StandardCharsets.UTF_8);
        // It is looked for beside the file; a path could lead anywhere.
        return name.contains("/")
                ? Optional.empty()
                : Optional.of(new DebugLink(name, content.get(Words.INT, checksum)));
    }

    private boolean named(Section section, String name) {
        int index = Short.toUnsignedInt(bytes.get(Words.SHORT, header.wide() ? 62 : 50));
        if (index == 0xffff && !sections.isEmpty()) {
            index = sections.getFirst().link;
        }
        if (index < 0 || index >= sections.size()) {
            return false;
        }
        byte[] wanted = (name + '\0').getBytes(StandardCharsets.US_ASCII);
        Section names = sections.get(index);
        return range(names.offset, names.size)
                .filter(text -> section.name >= 0 && section.name <= text.byteSize() - wanted.length)
                .filter(text -> text.asSlice(section.name, wanted.length).mismatch(MemorySegment.ofArray(wanted)) < 0)
                .isPresent();
    }

    /** The CRC-32 of the whole file, as a debug link has it. */
    int checksum() {
        CRC32 crc = new CRC32();
        for (long at = 0; at < bytes.byteSize(); at += 1 << 30) {
            crc.update(
                    bytes.asSlice(at, Math.min(1 << 30, bytes.byteSize() - at)).asByteBuffer());
        }
        return (int) crc.getValue();
    }
}
