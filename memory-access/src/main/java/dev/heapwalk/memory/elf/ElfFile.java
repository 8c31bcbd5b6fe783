// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory.elf;

import dev.heapwalk.memory.Range;
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
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.function.Predicate;
import java.util.zip.CRC32;

/**
 * An ELF file on disk. Each number of its headers is checked against its size.
 *
 * <p>Anybody may change it while it is read. So what is needed of it is copied, and not mapped: to touch a page behind
 * the new end of a mapped file is a fault. What is copied later than the headers is good only if the file is still the
 * one that they were read from.
 */
final class ElfFile {
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
    private final SectionTable sections;
    private final Optional<String> buildId;
    private final Optional<DebugLink> debugLink;

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
        this.sections = SectionTable.read(header, (offset, length) -> part(channel, offset, length));
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
    private Optional<MemorySegment> table(FileChannel channel, SectionHeader section, Arena arena) throws IOException {
        if (!within(section.offset(), section.size()) || section.size() > LARGEST_TABLE) {
            return Optional.empty();
        }
        MemorySegment copy = arena.allocate(section.size());
        return fill(channel, section.offset(), copy) ? Optional.of(copy) : Optional.empty();
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
        for (SectionHeader section : sections.all()) {
            if (section.hasNotes()) {
                Optional<String> id = part(channel, section.offset(), section.size())
                        .flatMap(notes -> Note.buildId(notes, section.alignment()));
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
        Optional<SectionHeader> symbols = sections.symbols();
        Optional<SectionHeader> names = symbols.flatMap(sections::names);
        if (names.isEmpty()) {
            return Optional.empty();
        }
        try (FileChannel channel = channel(path)) {
            Arena arena = Arena.ofAuto();
            Optional<MemorySegment> table = table(channel, symbols.get(), arena);
            Optional<MemorySegment> text = table.isEmpty() ? table : table(channel, names.get(), arena);
            return text.isPresent() && unchanged()
                    ? Optional.of(new SymbolTable(table.get(), text.get(), header.wide(), sections.unloaded()))
                    : Optional.empty();
        } catch (IOException | OutOfMemoryError e) {
            // Symbols are good to have, and all that is asked for is found without them too.
            return Optional.empty();
        }
    }

    /**
     * The symbols that the section {@code .gnu_debugdata} has: those of functions, as Fedora leaves them in its programs
     * when it strips them, in a file of their own that is compressed.
     */
    Optional<SymbolTable> compressedSymbols() {
        try (FileChannel channel = channel(path)) {
            Optional<byte[]> compressed = section(channel, ".gnu_debugdata").map(bytes -> bytes.toArray(Words.BYTE));
            return compressed.isPresent() && unchanged()
                    ? CompressedSymbols.of(compressed.get(), header)
                    : Optional.empty();
        } catch (IOException | OutOfMemoryError e) {
            return Optional.empty();
        }
    }

    /** The end of the section that an address of the program lies in; 0 if it lies in none. */
    long sectionEnd(long address) {
        return sections.endAt(address);
    }

    /** Whether it tells where sections lie. */
    boolean hasSections() {
        return !sections.all().isEmpty();
    }

    /** The addresses of a section that is loaded with the program, as the file has them. */
    Optional<Range> loaded(String name) {
        try (FileChannel channel = channel(path)) {
            return named(channel, name, section -> section.isLoaded() && section.isInFile() && section.size() > 0)
                    .map(section -> new Range(section.address(), section.end()));
        } catch (IOException e) {
            // As if there were no such section.
            return Optional.empty();
        }
    }

    /** What {@code .gnu_debuglink} says. */
    Optional<DebugLink> debugLink() {
        return debugLink;
    }

    private Optional<DebugLink> readDebugLink(FileChannel channel) throws IOException {
        return section(channel, ".gnu_debuglink").flatMap(ElfFile::debugLink);
    }

    /** A copy of a section that is in the file alone: its bytes are a tool's own. */
    private Optional<MemorySegment> section(FileChannel channel, String name) throws IOException {
        Optional<SectionHeader> section = named(channel, name, SectionHeader::hasContent);
        return section.isEmpty()
                ? Optional.empty()
                : part(channel, section.get().offset(), section.get().size());
    }

    private Optional<SectionHeader> named(FileChannel channel, String name, Predicate<SectionHeader> kind)
            throws IOException {
        return sections.named(name, kind, (offset, length) -> part(channel, offset, length));
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
