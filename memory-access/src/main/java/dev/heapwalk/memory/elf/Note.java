// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory.elf;

import dev.heapwalk.memory.raw.Words;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * An entry of a note segment or section.
 *
 * @param owner the name without its zero byte
 * @param type {@code n_type}
 * @param content the descriptor
 */
record Note(String owner, int type, MemorySegment content) {
    private static final int BUILD_ID = 3;
    private static final int LONGEST_BUILD_ID = 64;
    private static final int LONGEST_SEGMENT = 1 << 16;

    /**
     * Parses notes until one does not fit.
     *
     * @param bytes the segment or section
     * @param alignment what names and descriptors are padded to: 8 or, for any other value, 4
     * @param take takes the notes that lie in it as a whole
     */
    static void parse(MemorySegment bytes, long alignment, Consumer<Note> take) {
        long pad = (alignment == 8 ? 8 : 4) - 1;
        long at = 0;
        while (at + 12 <= bytes.byteSize()) {
            long nameSize = Integer.toUnsignedLong(bytes.get(Words.INT, at));
            long size = Integer.toUnsignedLong(bytes.get(Words.INT, at + 4));
            int type = bytes.get(Words.INT, at + 8);
            long content = (at + 12 + nameSize + pad) & ~pad;
            if (nameSize > 256 || content > bytes.byteSize() || size > bytes.byteSize() - content) {
                return;
            }
            take.accept(new Note(owner(bytes.asSlice(at + 12, nameSize)), type, bytes.asSlice(content, size)));
            at = (content + size + pad) & ~pad;
        }
    }

    private static String owner(MemorySegment name) {
        String text = new String(name.toArray(Words.BYTE), StandardCharsets.ISO_8859_1);
        int end = text.indexOf(0);
        return end < 0 ? text : text.substring(0, end);
    }

    /** The GNU build id among the notes of a segment or section, in lower-case hex digits. */
    static Optional<String> buildId(MemorySegment bytes, long alignment) {
        List<String> found = new ArrayList<>();
        parse(bytes.asSlice(0, Math.min(bytes.byteSize(), LONGEST_SEGMENT)), alignment, note -> {
            long size = note.content.byteSize();
            if (note.type == BUILD_ID && note.owner.equals("GNU") && size > 0 && size <= LONGEST_BUILD_ID) {
                found.add(HexFormat.of().formatHex(note.content.toArray(Words.BYTE)));
            }
        });
        return found.stream().findFirst();
    }
}
