// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.object;

import dev.heapwalk.memory.UnmappedAddressException;
import dev.heapwalk.ruby.ObjectReader;
import dev.heapwalk.ruby.RValue;
import dev.heapwalk.ruby.layout.Flags;
import dev.heapwalk.ruby.layout.ObjectLayout;
import dev.heapwalk.ruby.layout.RubyLayout;
import dev.heapwalk.ruby.name.Encodings;
import java.lang.foreign.MemorySegment;

/** A String. C name {@code struct RString}. */
public final class RString extends RValue {
    /** The {@link #codeRange()} of a String whose bytes are all 7 bits: {@code ENC_CODERANGE_7BIT}. */
    public static final int CODE_RANGE_7BIT = 1;
    /** The {@link #codeRange()} of a String whose bytes are valid in its encoding: {@code ENC_CODERANGE_VALID}. */
    public static final int CODE_RANGE_VALID = 2;
    /** The {@link #codeRange()} of a String whose bytes are not valid: {@code ENC_CODERANGE_BROKEN}. */
    public static final int CODE_RANGE_BROKEN = 3;

    private static final long NOEMBED = Flags.USER1;
    private static final long NOFREE = 1L << Flags.USHIFT + 18;

    private final ObjectLayout layout;

    /**
     * Makes a view that lies over nothing yet.
     *
     * @param reader what reads the slots
     */
    public RString(ObjectReader reader) {
        super(reader);
        this.layout = RubyLayout.of(reader.series()).object();
    }

    /**
     * Whether the bytes stand in the slot.
     *
     * @return whether {@code STR_NOEMBED} is not set
     */
    public boolean embedded() {
        return !has(NOEMBED);
    }

    /**
     * How many bytes it has. As the target says: not checked for a String that is not embedded, at most what the slot
     * can hold otherwise.
     *
     * @return bytes; negative if the target's memory is damaged
     */
    public long length() {
        if (!embedded()) {
            return longAt(16);
        }
        long length = layout.stringLengthInFlags() ? flags() >>> 14 & 0x1f : longAt(16);
        return Math.clamp(length, 0, slotSize() - layout.stringEmbed());
    }

    /**
     * Where the bytes are.
     *
     * @return a target address
     */
    public long bytes() {
        return embedded() ? address() + layout.stringEmbed() : longAt(24);
    }

    /**
     * Its bytes, or the first of them.
     *
     * @param most the most bytes to read
     * @return a new array
     * @throws UnmappedAddressException if it has a length below zero, or one whose bytes can't be read, wanted or
     *     not
     */
    public byte[] content(int most) {
        long length = length();
        long bytes = bytes();
        memory().requireMapped(bytes, length, 1);
        byte[] content = new byte[(int) Math.min(length, most)];
        if (content.length > 0) {
            // Past the reader's window, which this view may lie over.
            reader().vm().target().memory().readFully(bytes, MemorySegment.ofArray(content));
        }
        return content;
    }

    /**
     * Whether it shares its bytes with another String, which is {@link #auxiliary()}.
     *
     * @return {@code STR_SHARED}, for one that is not embedded
     */
    public boolean shared() {
        return !embedded() && has(layout.stringShared());
    }

    /**
     * The String it shares its bytes with, or how many bytes its own buffer holds.
     *
     * @return {@code as.heap.aux}
     */
    public long auxiliary() {
        return longAt(32);
    }

    /**
     * Whether it is in the table of frozen strings, one for each content.
     *
     * @return {@code RSTRING_FSTR}
     */
    public boolean interned() {
        return has(Flags.USER17);
    }

    /**
     * The number of its encoding.
     *
     * @return see {@link Encodings}; {@link Encodings#ELSEWHERE} for one that does not fit in the flags
     */
    public int encodingIndex() {
        return Flags.encodingIndex(flags());
    }

    /**
     * What is known of its bytes. C name {@code ENC_CODERANGE}.
     *
     * @return 0 unknown, 1 all are 7 bits, 2 valid, 3 broken
     */
    public int codeRange() {
        return Flags.codeRange(flags());
    }

    /**
     * How many bytes its buffer has room for.
     *
     * @return {@code capa}, of a String that is neither embedded nor shared; unchecked
     */
    public long capacity() {
        return longAt(32);
    }

    /**
     * Whether its bytes are not its own to free.
     *
     * @return {@code STR_NOFREE}
     */
    public boolean nofree() {
        return has(NOFREE);
    }

    /**
     * Whether it has a buffer of its own.
     *
     * @return whether it is neither embedded nor shared, and has something to free
     */
    public boolean ownsBuffer() {
        return (flags() & (NOEMBED | NOFREE | layout.stringShared())) == NOEMBED;
    }

    /**
     * Whether changing it makes Ruby warn that it will be frozen.
     *
     * @return {@code CHILLED_STRING_P}, since 3.4
     */
    public boolean chilled() {
        return has(layout.stringChilled());
    }
}
