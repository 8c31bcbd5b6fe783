// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory.core;

import dev.heapwalk.memory.Machine;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.List;

/** The beginning of a core file: its ELF header, the program headers, and the notes. Memory follows at the next page. */
final class CoreHead {
    private static final int TYPE_CORE = 4;
    private static final int NOTE = 4;
    private static final int LOAD = 1;
    /** {@code PN_XNUM}: the count stands in the first section header. */
    private static final int EXTENDED_COUNT = 0xffff;

    private static final int NOTE_HEADER = 12;

    private final Machine machine;
    private final boolean wide;
    private final int pageSize;
    private final List<CoreNote> notes;
    private final List<CoreSegment> segments;
    private final int notesAt;
    private final int notesSize;

    CoreHead(Machine machine, int pageSize, List<CoreNote> notes, List<CoreSegment> segments) {
        this.machine = machine;
        this.wide = machine.wordSize() == Long.BYTES;
        this.pageSize = pageSize;
        this.notes = notes;
        this.segments = segments;
        this.notesAt = headerSize() + (segments.size() + 1) * programHeaderSize() + (extended() ? sectionSize() : 0);
        this.notesSize = notes.stream().mapToInt(CoreHead::size).sum();
    }

    private int headerSize() {
        return wide ? 64 : 52;
    }

    private int programHeaderSize() {
        return wide ? 56 : 32;
    }

    private int sectionSize() {
        return wide ? 64 : 40;
    }

    private boolean extended() {
        return segments.size() + 1 >= EXTENDED_COUNT;
    }

    private static int padded(int size) {
        return size + 3 & -4;
    }

    private static int size(CoreNote note) {
        return NOTE_HEADER + padded(note.owner().length() + 1) + padded(note.content().length);
    }

    /** How many zeros lie between it and memory. */
    int padding() {
        return -(notesAt + notesSize) & pageSize - 1;
    }

    /** Where memory begins in the file. */
    long size() {
        return notesAt + notesSize + padding();
    }

    ByteBuffer bytes() {
        ByteBuffer to = ByteBuffer.allocate(notesAt + notesSize).order(ByteOrder.LITTLE_ENDIAN);
        header(to);
        programHeader(to, NOTE, 0, notesAt, 0, notesSize, 0, 4);
        long offset = size();
        for (CoreSegment segment : segments) {
            programHeader(
                    to,
                    LOAD,
                    segment.flags(),
                    offset,
                    segment.start(),
                    segment.written(),
                    segment.end() - segment.start(),
                    pageSize);
            offset += segment.written();
        }
        if (extended()) {
            // sh_info of the first section header, whose type is SHT_NULL.
            int at = to.position();
            to.putInt(at + (wide ? 44 : 28), segments.size() + 1);
            to.position(at + sectionSize());
        }
        notes.forEach(note -> note(to, note));
        return to.flip();
    }

    private void word(ByteBuffer to, long value) {
        if (wide) {
            to.putLong(value);
        } else {
            to.putInt((int) value);
        }
    }

    private void header(ByteBuffer to) {
        to.putInt(0x464c457f).put((byte) (wide ? 2 : 1)).put((byte) 1).put((byte) 1);
        to.position(16);
        to.putShort((short) TYPE_CORE).putShort((short) machine.elfMachine()).putInt(1);
        word(to, 0);
        word(to, headerSize());
        word(to, extended() ? notesAt - sectionSize() : 0);
        to.putInt(0);
        to.putShort((short) headerSize()).putShort((short) programHeaderSize());
        to.putShort((short) (extended() ? EXTENDED_COUNT : segments.size() + 1));
        to.putShort((short) (extended() ? sectionSize() : 0)).putShort((short) (extended() ? 1 : 0));
        to.putShort((short) 0);
    }

    private void programHeader(
            ByteBuffer to,
            int type,
            int flags,
            long offset,
            long address,
            long fileSize,
            long memorySize,
            long alignment) {
        to.putInt(type);
        if (wide) {
            to.putInt(flags);
        }
        word(to, offset);
        word(to, address);
        word(to, 0);
        word(to, fileSize);
        word(to, type == NOTE ? 0 : memorySize);
        if (!wide) {
            to.putInt(flags);
        }
        word(to, alignment);
    }

    private static void note(ByteBuffer to, CoreNote note) {
        byte[] owner = note.owner().getBytes(StandardCharsets.ISO_8859_1);
        int end = to.position() + size(note);
        to.putInt(owner.length + 1).putInt(note.content().length).putInt(note.type());
        int at = to.position();
        to.put(owner);
        to.position(at + padded(owner.length + 1));
        to.put(note.content());
        to.position(end);
    }
}
