// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.testkit.fuzz;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;

/** Reads where the parts of a sound 64-bit little-endian ELF file lie. */
final class Elf {
    static final int HEADER = 64;
    static final int PROGRAM_HEADER = 56;
    static final int SECTION_HEADER = 64;
    static final int PT_LOAD = 1;
    static final int PT_NOTE = 4;
    static final int WRITABLE = 2;
    static final int NT_FILE = 0x46494c45;

    private static final int SHT_NOBITS = 8;
    private static final int SHT_NOTE = 7;
    private static final int SHT_DYNSYM = 11;
    private static final int SYMBOL = 24;
    private static final int NT_GNU_BUILD_ID = 3;

    /** A program header, and where it lies itself. */
    record Segment(long at, int type, int flags, long offset, long address, long fileSize, long size) {}

    /** A note: where its header and what it describes lie. */
    record Note(long at, int type, String name, long description, int size) {}

    /** A part of the file. */
    record Part(long at, long size) {}

    /** A file that was mapped when the core was written. */
    record MappedFile(long start, long end, String name) {}

    private final Bytes file;
    private final List<Segment> segments = new ArrayList<>();

    /** What a file holds, or its beginning. */
    interface Bytes {
        long size();

        byte[] bytes(long at, int length);

        default ByteBuffer buffer(long at, int length) {
            return ByteBuffer.wrap(bytes(at, length)).order(ByteOrder.LITTLE_ENDIAN);
        }
    }

    Elf(Bytes file) {
        this.file = file;
        ByteBuffer header = file.buffer(0, HEADER);
        if (header.getInt(0) != 0x464c457f || header.get(4) != 2 || header.get(5) != 1) {
            throw new IllegalArgumentException("no 64-bit little-endian ELF file");
        }
        long at = header.getLong(32);
        int count = header.getShort(56) & 0xffff;
        for (int i = 0; i < count; i++, at += PROGRAM_HEADER) {
            ByteBuffer entry = file.buffer(at, PROGRAM_HEADER);
            segments.add(new Segment(
                    at,
                    entry.getInt(0),
                    entry.getInt(4),
                    entry.getLong(8),
                    entry.getLong(16),
                    entry.getLong(32),
                    entry.getLong(40)));
        }
    }

    List<Segment> segments() {
        return segments;
    }

    List<Note> notes() {
        List<Note> notes = new ArrayList<>();
        for (Segment segment : segments) {
            if (segment.type() == PT_NOTE) {
                notes(segment.offset(), segment.fileSize(), notes);
            }
        }
        return notes;
    }

    private void notes(long from, long size, List<Note> notes) {
        for (long at = from; at + 12 <= from + size; ) {
            ByteBuffer head = file.buffer(at, 12);
            int nameSize = head.getInt(0);
            int descriptionSize = head.getInt(4);
            long description = at + 12 + (nameSize + 3 & ~3);
            byte[] name = file.bytes(at + 12, Math.max(nameSize - 1, 0));
            notes.add(new Note(
                    at, head.getInt(8), new String(name, StandardCharsets.ISO_8859_1), description, descriptionSize));
            at = description + (descriptionSize + 3 & ~3);
        }
    }

    /** The files that NT_FILE of a core names. */
    List<MappedFile> mappedFiles() {
        List<MappedFile> files = new ArrayList<>();
        for (Note note : notes()) {
            if (note.type() == NT_FILE) {
                ByteBuffer list = file.buffer(note.description(), note.size());
                int count = Math.toIntExact(list.getLong(0));
                int name = 16 + 24 * count;
                for (int i = 0; i < count; i++) {
                    int end = name;
                    while (list.get(end) != 0) {
                        end++;
                    }
                    files.add(new MappedFile(
                            list.getLong(16 + 24 * i),
                            list.getLong(24 + 24 * i),
                            new String(list.array(), name, end - name, StandardCharsets.UTF_8)));
                    name = end + 1;
                }
            }
        }
        return files;
    }

    /** The headers and each section that takes room in the file. */
    List<Part> parts() {
        List<Part> parts = new ArrayList<>(List.of(new Part(0, HEADER)));
        if (!segments.isEmpty()) {
            parts.add(new Part(segments.getFirst().at(), (long) segments.size() * PROGRAM_HEADER));
        }
        for (Segment segment : segments) {
            if (segment.type() != PT_LOAD && segment.fileSize() > 0) {
                parts.add(new Part(segment.offset(), segment.fileSize()));
            }
        }
        ByteBuffer header = file.buffer(0, HEADER);
        long sections = header.getLong(40);
        int count = header.getShort(60) & 0xffff;
        if (sections > 0 && count > 0) {
            parts.add(new Part(sections, (long) count * SECTION_HEADER));
            for (int i = 0; i < count; i++) {
                ByteBuffer section = file.buffer(sections + (long) i * SECTION_HEADER, SECTION_HEADER);
                if (section.getInt(4) != SHT_NOBITS && section.getLong(32) > 0) {
                    parts.add(new Part(section.getLong(24), section.getLong(32)));
                }
            }
        }
        parts.removeIf(part -> part.at() + part.size() > file.size());
        return parts;
    }

    /** The build id, in hex. */
    Optional<String> buildId() {
        List<Note> notes = new ArrayList<>(notes());
        ByteBuffer header = file.buffer(0, HEADER);
        for (int i = 0; i < (header.getShort(60) & 0xffff); i++) {
            ByteBuffer section = file.buffer(header.getLong(40) + (long) i * SECTION_HEADER, SECTION_HEADER);
            if (section.getInt(4) == SHT_NOTE) {
                notes(section.getLong(24), section.getLong(32), notes);
            }
        }
        return notes.stream()
                .filter(note -> note.type() == NT_GNU_BUILD_ID && note.name().equals("GNU"))
                .map(note -> HexFormat.of().formatHex(file.bytes(note.description(), note.size())))
                .findFirst();
    }

    /** The value of a dynamic symbol: for a library its address relative to where the file is mapped. */
    OptionalLong dynamicSymbol(String name) {
        ByteBuffer header = file.buffer(0, HEADER);
        long sections = header.getLong(40);
        byte[] wanted = (name + '\0').getBytes(StandardCharsets.US_ASCII);
        for (int i = 0; i < (header.getShort(60) & 0xffff); i++) {
            ByteBuffer section = file.buffer(sections + (long) i * SECTION_HEADER, SECTION_HEADER);
            if (section.getInt(4) == SHT_DYNSYM) {
                ByteBuffer strings = file.buffer(sections + (long) section.getInt(40) * SECTION_HEADER, SECTION_HEADER);
                for (long at = section.getLong(24); at < section.getLong(24) + section.getLong(32); at += SYMBOL) {
                    ByteBuffer symbol = file.buffer(at, SYMBOL);
                    long text = strings.getLong(24) + symbol.getInt(0);
                    if (text + wanted.length <= file.size() && Arrays.equals(file.bytes(text, wanted.length), wanted)) {
                        return OptionalLong.of(symbol.getLong(8));
                    }
                }
            }
        }
        return OptionalLong.empty();
    }

    /** Where in the file a word of memory lies; -1 if it is not there. */
    long offset(long address) {
        for (Segment segment : segments) {
            if (segment.type() == PT_LOAD
                    && address - segment.address() >= 0
                    && address - segment.address() <= segment.fileSize() - 8) {
                return segment.offset() + address - segment.address();
            }
        }
        return -1;
    }
}
