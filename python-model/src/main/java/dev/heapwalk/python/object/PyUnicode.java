// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.python.object;

import dev.heapwalk.memory.Reader;
import dev.heapwalk.memory.Window;
import dev.heapwalk.memory.raw.Words;
import dev.heapwalk.python.ObjectReader;
import dev.heapwalk.python.layout.PythonLayout;
import dev.heapwalk.python.layout.StringLayout;
import dev.heapwalk.python.layout.TypeLayout;
import java.lang.foreign.MemorySegment;

/**
 * Text: {@code str}, and {@code unicode} of 2.7. C name {@code PyUnicodeObject}, with {@code PyASCIIObject} and {@code
 * PyCompactUnicodeObject} since 3.3. It may be as short as a {@code PyASCIIObject}, so that is what the view looks at.
 */
public final class PyUnicode extends PyObject {
    private final StringLayout layout;

    /**
     * Makes a view that lies over nothing yet.
     *
     * @param reader what reads the objects
     */
    public PyUnicode(ObjectReader reader) {
        super(reader, StringLayout.STATE + Integer.BYTES);
        this.layout = PythonLayout.of(reader.series(), reader.freeThreaded()).string();
    }

    @Override
    public boolean accepts(long typeFlags) {
        return (typeFlags & TypeLayout.UNICODE_SUBCLASS) != 0;
    }

    /** Whether it is text that old functions of C made and nobody has used since: it is of no kind yet. */
    private boolean isWide() {
        return layout.wstr() >= 0 && storedKind() == 0;
    }

    private int storedKind() {
        return layout.kind(state());
    }

    private int state() {
        return intAt(StringLayout.STATE);
    }

    /**
     * How long the text is.
     *
     * @return how many units of {@link #kind()} bytes it has
     */
    public long length() {
        return isWide() ? reader().field(address(), layout.wstrLength()) : longAt(StringLayout.LENGTH);
    }

    /**
     * How many bytes each unit has.
     *
     * @return 1, 2 or 4; without meaning if the object is damaged
     */
    public int kind() {
        if (layout.text() >= 0) {
            return reader().wideUnit();
        }
        return isWide() ? StringLayout.WIDE : storedKind();
    }

    /**
     * Whether all of the text is ASCII, as far as the object tells.
     *
     * @return whether it says so; never in 2.7
     */
    public boolean ascii() {
        return layout.asciiSize() >= 0 && layout.ascii(state());
    }

    /**
     * Whether the text lies within the object.
     *
     * @return whether it does; never in 2.7
     */
    public boolean compact() {
        return layout.asciiSize() >= 0 && layout.compact(state());
    }

    /**
     * Whether the interpreter keeps one object alone for this text: because code has it, or something is called so.
     *
     * @return whether it says so; never in 2.7
     */
    public boolean interned() {
        return layout.asciiSize() >= 0 && (state() & StringLayout.INTERNED) != 0;
    }

    /**
     * Where the text lies.
     *
     * @return a target address; 0 if it can't be read
     */
    public long data() {
        if (compact()) {
            return place(ascii() ? layout.asciiSize() : layout.compactSize());
        }
        int pointer = layout.text() >= 0 ? layout.text() : isWide() ? layout.wstr() : layout.compactSize();
        return reader().field(address(), pointer);
    }

    /**
     * The text.
     *
     * @param most the most units to read
     * @return the first of them, as many as can be read at once; empty if the object is damaged or they can't be read.
     *     What is no character becomes a replacement
     */
    public String text(int most) {
        int kind = kind();
        if (kind != 1 && kind != 2 && kind != 4) {
            return "";
        }
        int length = Math.clamp(length(), 0, Math.min(most, Window.MAX_LENGTH / kind));
        Reader memory = reader().memory();
        long offset = memory.find(data(), (long) length * kind);
        if (offset < 0) {
            return "";
        }
        MemorySegment segment = memory.segment();
        StringBuilder text = new StringBuilder(length);
        for (long i = 0; i < length; i++) {
            int one = switch (kind) {
                case 1 -> segment.get(Words.BYTE, offset + i) & 0xFF;
                case 2 -> segment.get(Words.SHORT, offset + 2 * i) & 0xFFFF;
                default -> segment.get(Words.INT, offset + 4 * i);
            };
            text.appendCodePoint(Character.isValidCodePoint(one) ? one : 0xFFFD);
        }
        return text.toString();
    }
}
