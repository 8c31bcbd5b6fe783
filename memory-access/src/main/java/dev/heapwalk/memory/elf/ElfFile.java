// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory.elf;

import dev.heapwalk.memory.raw.Words;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.zip.CRC32;

/**
 * An ELF file on disk. Each number of its headers is checked against its size.
 *
 * <p>Anybody may change it while it is read. So what is needed of it is copied, and not mapped: to touch a page behind
 * the new end of a mapped file is a fault. What is copied later than the headers is good only if the file is still the
 * one that they were read from.
 */
final class ElfFile {
    private static final int SYMBOLS = 2;
    private static final int NOTES = 7;
    private static final int NO_BITS = 8;
    private static final long ALLOCATED = 2;
    private static final long THREAD_LOCAL = 0x400;
    private static final long COMPRESSED = 0x800;
    private static final int PROGRESS = 1;
    private static final int MOST_SECTIONS = 1 << 17;
    /** The longest table of symbols or of their names that is copied, in bytes. */
    private static final long LARGEST_TABLE = 1 << 28;
    /** The longest part of the file that is copied to look at something else. */
    private static final long LARGEST_PART = 1 << 24;

    private static final int PIECE = 1 << 20;
    private static final int LONGEST_NAME = 1 << 12;

    private final Path path;
    private final Stamp stamp;
    private final ElfHeader header;
    private final List<ProgramHeader> programHeaders;
    private final List<Section> sections;
    private final Optional<String> buildId;
    private final Optional<DebugLink> debugLink;

    private record Section(
            int name, int type, long flags, long address, long offset, long size, int link, long alignment) {}

    /**
     * The file that holds the debug information that was taken out of this one.
     *
     * @param name a file name
     * @param checksum the CRC-32 of that file
     */
    record DebugLink(String name, int checksum) {}

    /** What tells one state of a file from another. */
    private record Stamp(long size, List<Object> others) {
        private static Stamp of(Path path) throws IOException {
            Map<String, Object> attributes =
                    Files.readAttributes(path, "unix:dev,ino,size,lastModifiedTime,ctime", LinkOption.NOFOLLOW_LINKS);
            return new Stamp(
                    (long) attributes.get("size"),
                    List.of(
                            attributes.get("dev"),
                            attributes.get("ino"),
                            attributes.get("lastModifiedTime"),
                            attributes.get("ctime")));
        }

        /** Without a record's own {@code equals}, which is put together from method handles at each start. */
        private boolean same(Stamp other) {
            return size == other.size && others.equals(other.others);
        }
    }

    private ElfFile(Path path, Stamp stamp, FileChannel channel, ElfHeader header) throws IOException {
        this.path = path;
        this.stamp = stamp;
        this.header = header;
        int size = ProgramHeader.size(header.wide());
        this.programHeaders = part(channel, header.programHeaders(), (long) size * header.programHeaderCount())
                .map(table -> ProgramHeader.parseAll(table, header.wide()))
                .orElse(List.of());
        this.sections = readSections(channel);
        this.buildId = readBuildId(channel);
        this.debugLink = readDebugLink(channel);
    }

    /**
     * Reads what a file says of itself.
     *
     * @param path a regular file
     * @return the file, if it can be read and is little-endian ELF
     */
    static Optional<ElfFile> open(Path path) {
        try {
            return open(path, Stamp.of(path));
        } catch (IOException e) {
            return Optional.empty();
        }
    }

    private static Optional<ElfFile> open(Path path, Stamp stamp) throws IOException {
        try (FileChannel channel = channel(path)) {
            MemorySegment first = MemorySegment.ofArray(new byte[ElfHeader.SIZE]);
            if (stamp.size < ElfHeader.SIZE || !fill(channel, 0, first)) {
                return Optional.empty();
            }
            Optional<ElfHeader> header = ElfHeader.parse(first);
            return header.isEmpty()
                    ? Optional.empty()
                    : Optional.of(new ElfFile(path, stamp, channel, header.get()))
                            .filter(ElfFile::unchanged);
        }
    }

    private static FileChannel channel(Path path) throws IOException {
        return FileChannel.open(path, StandardOpenOption.READ, LinkOption.NOFOLLOW_LINKS);
    }

    /** Whether the file is still as it was when it was opened. */
    boolean unchanged() {
        try {
            return Stamp.of(path).same(stamp);
        } catch (IOException e) {
            return false;
        }
    }

    private static boolean fill(FileChannel channel, long offset, MemorySegment destination) throws IOException {
        ByteBuffer buffer = destination.asByteBuffer();
        while (buffer.hasRemaining()) {
            if (channel.read(buffer, offset + buffer.position()) <= 0) {
                return false;
            }
        }
        return true;
    }

    private boolean within(long offset, long size) {
        return offset >= 0 && size >= 0 && offset <= stamp.size && size <= stamp.size - offset;
    }

    /** A copy of a short part of the file; empty if the file has no such part, or too long a one. */
    private Optional<MemorySegment> part(FileChannel channel, long offset, long size) throws IOException {
        if (!within(offset, size) || size > LARGEST_PART) {
            return Optional.empty();
        }
        MemorySegment copy = MemorySegment.ofArray(new byte[(int) size]);
        return fill(channel, offset, copy) ? Optional.of(copy) : Optional.empty();
    }

    /** A copy of a table, outside the JVM's heap, since it may be long. */
    private Optional<MemorySegment> table(FileChannel channel, Section section, Arena arena) throws IOException {
        if (!within(section.offset, section.size) || section.size > LARGEST_TABLE) {
            return Optional.empty();
        }
        MemorySegment copy = arena.allocate(section.size);
        return fill(channel, section.offset, copy) ? Optional.of(copy) : Optional.empty();
    }

    /**
     * Copies a part of the file.
     *
     * @param offset where it begins
     * @param destination receives it; its size is the number of bytes wanted
     * @return whether all of it is there
     */
    boolean read(long offset, MemorySegment destination) {
        try (FileChannel channel = channel(path)) {
            return within(offset, destination.byteSize()) && fill(channel, offset, destination);
        } catch (IOException e) {
            return false;
        }
    }

    /**
     * Maps the file, for a core that left out what the file has. Who looks at it must know that the file may be cut
     * short meanwhile.
     *
     * @return the whole file; empty if that is not possible, or if it has changed
     */
    Optional<MemorySegment> map() {
        try (FileChannel channel = channel(path)) {
            MemorySegment bytes = channel.map(FileChannel.MapMode.READ_ONLY, 0, stamp.size, Arena.ofAuto());
            return unchanged() ? Optional.of(bytes) : Optional.empty();
        } catch (IOException e) {
            return Optional.empty();
        }
    }

    private List<Section> readSections(FileChannel channel) throws IOException {
        int size = header.sectionHeaderSize();
        if (header.sectionHeaders() == 0) {
            return List.of();
        }
        Optional<MemorySegment> first = part(channel, header.sectionHeaders(), size);
        if (first.isEmpty()) {
            return List.of();
        }
        // A count that does not fit into 16 bits stands in the first entry.
        long count = header.sectionHeaderCount() != 0 ? header.sectionHeaderCount() : section(first.get(), 0).size;
        if (count < 0 || count > MOST_SECTIONS) {
            return List.of();
        }
        Optional<MemorySegment> table = part(channel, header.sectionHeaders(), count * size);
        List<Section> list = new ArrayList<>();
        for (long i = 0; table.isPresent() && i < count; i++) {
            list.add(section(table.get(), i * size));
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

    ElfHeader header() {
        return header;
    }

    List<ProgramHeader> programHeaders() {
        return programHeaders;
    }

    /** The name of the dynamic linker that a program asks for. */
    Optional<String> interpreter() {
        return programHeaders.stream()
                .filter(header -> header.type() == ProgramHeader.INTERPRETER
                        && header.fileSize() > 0
                        && header.fileSize() <= LONGEST_NAME)
                .findFirst()
                .flatMap(header -> {
                    MemorySegment name = MemorySegment.ofArray(new byte[(int) header.fileSize()]);
                    boolean ends =
                            read(header.offset(), name) && name.get(ValueLayout.JAVA_BYTE, name.byteSize() - 1) == 0;
                    return ends ? Optional.of(name.getString(0)) : Optional.empty();
                });
    }

    /** The build id, from the note sections (a debug file has no segments worth reading), else from the segments. */
    Optional<String> buildId() {
        return buildId;
    }

    private Optional<String> readBuildId(FileChannel channel) throws IOException {
        for (Section section : sections) {
            if (section.type == NOTES && (section.flags & COMPRESSED) == 0) {
                Optional<String> id = part(channel, section.offset, section.size)
                        .flatMap(notes -> Note.buildId(notes, section.alignment));
                if (id.isPresent()) {
                    return id;
                }
            }
        }
        for (ProgramHeader segment : programHeaders) {
            if (segment.type() == ProgramHeader.NOTE) {
                Optional<String> id = part(channel, segment.offset(), segment.fileSize())
                        .flatMap(notes -> Note.buildId(notes, segment.alignment()));
                if (id.isPresent()) {
                    return id;
                }
            }
        }
        return Optional.empty();
    }

    /** The section {@code .symtab}, if the file was not stripped of it, and if it can be copied as it was. */
    Optional<SymbolTable> symbols() {
        for (Section section : sections) {
            if (section.type == SYMBOLS && (section.flags & COMPRESSED) == 0) {
                if (section.link <= 0 || section.link >= sections.size()) {
                    return Optional.empty();
                }
                Section names = sections.get(section.link);
                return names.type == NO_BITS ? Optional.empty() : symbols(section, names);
            }
        }
        return Optional.empty();
    }

    private Optional<SymbolTable> symbols(Section section, Section names) {
        try (FileChannel channel = channel(path)) {
            Arena arena = Arena.ofAuto();
            Optional<MemorySegment> table = table(channel, section, arena);
            Optional<MemorySegment> text = table.isEmpty() ? table : table(channel, names, arena);
            return text.isPresent() && unchanged()
                    ? Optional.of(new SymbolTable(table.get(), text.get(), header.wide(), unloaded()))
                    : Optional.empty();
        } catch (IOException | OutOfMemoryError e) {
            // Symbols are good to have, and all that is asked for is found without them too.
            return Optional.empty();
        }
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
        return debugLink;
    }

    private Optional<DebugLink> readDebugLink(FileChannel channel) throws IOException {
        Optional<Section> names = sectionNames(channel);
        if (names.isEmpty()) {
            return Optional.empty();
        }
        for (Section section : sections) {
            if (section.type == PROGRESS && named(channel, names.get(), section, ".gnu_debuglink")) {
                return part(channel, section.offset, section.size).flatMap(ElfFile::debugLink);
            }
        }
        return Optional.empty();
    }

    private Optional<Section> sectionNames(FileChannel channel) throws IOException {
        Optional<MemorySegment> number = part(channel, header.wide() ? 62 : 50, Short.BYTES);
        int index = number.isEmpty() ? -1 : Short.toUnsignedInt(number.get().get(Words.SHORT, 0));
        if (index == 0xffff && !sections.isEmpty()) {
            index = sections.getFirst().link;
        }
        return index < 0 || index >= sections.size() ? Optional.empty() : Optional.of(sections.get(index));
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

    private boolean named(FileChannel channel, Section names, Section section, String name) throws IOException {
        byte[] wanted = (name + '\0').getBytes(StandardCharsets.US_ASCII);
        if (section.name < 0 || names.size < wanted.length || section.name > names.size - wanted.length) {
            return false;
        }
        return within(names.offset, names.size)
                && part(channel, names.offset + section.name, wanted.length)
                        .filter(text -> text.mismatch(MemorySegment.ofArray(wanted)) < 0)
                        .isPresent();
    }

    /** The CRC-32 of the whole file, as a debug link has it; empty if it can't be read or has changed. */
    OptionalInt checksum() {
        CRC32 crc = new CRC32();
        try (FileChannel channel = channel(path)) {
            ByteBuffer piece = ByteBuffer.allocate(PIECE);
            long at = 0;
            while (at < stamp.size) {
                int got = channel.read(piece.clear(), at);
                if (got <= 0) {
                    return OptionalInt.empty();
                }
                crc.update(piece.flip());
                at += got;
            }
            return at == stamp.size && unchanged() ? OptionalInt.of((int) crc.getValue()) : OptionalInt.empty();
        } catch (IOException e) {
            return OptionalInt.empty();
        }
    }
}
