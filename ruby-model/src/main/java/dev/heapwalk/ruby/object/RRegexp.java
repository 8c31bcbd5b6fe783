// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.object;

import dev.heapwalk.ruby.ObjectReader;
import dev.heapwalk.ruby.RValue;
import dev.heapwalk.ruby.layout.Flags;
import dev.heapwalk.ruby.name.Encodings;

/** A Regexp. C names {@code struct RRegexp} and {@code struct re_pattern_buffer}. */
public final class RRegexp extends RValue {
    /** {@code Regexp::IGNORECASE}. */
    public static final int IGNORECASE = 1;
    /** {@code Regexp::EXTENDED}. */
    public static final int EXTENDED = 2;
    /** {@code Regexp::MULTILINE}. */
    public static final int MULTILINE = 4;
    /** {@code Regexp::FIXEDENCODING}. */
    public static final int FIXEDENCODING = 16;
    /** {@code Regexp::NOENCODING}. */
    public static final int NOENCODING = 32;

    private static final long FIXED = Flags.USER4;
    private static final long NONE = Flags.USER6;
    /** {@code re_pattern_buffer.options}. */
    private static final int OPTIONS = 56;

    /**
     * Makes a view that lies over nothing yet.
     *
     * @param reader what reads the slots
     */
    public RRegexp(ObjectReader reader) {
        super(reader);
    }

    /**
     * The source.
     *
     * @return {@code src}, target address of a String; 0 if it was never initialized
     */
    public long source() {
        return longAt(24);
    }

    /**
     * The compiled pattern.
     *
     * @return {@code ptr}, target address of a {@code struct re_pattern_buffer}; 0 if it was never initialized
     */
    public long pattern() {
        return longAt(16);
    }

    /**
     * The options, as {@code Regexp#options} gives them.
     *
     * @return a set of {@link #IGNORECASE} …
     * @throws dev.heapwalk.memory.UnmappedAddressException if the compiled pattern can't be read
     */
    public int options() {
        long pattern = pattern();
        int options = pattern == 0 ? 0 : memory().readInt(pattern + OPTIONS) & (IGNORECASE | EXTENDED | MULTILINE);
        return options | (has(FIXED) ? FIXEDENCODING : 0) | (has(NONE) ? NOENCODING : 0);
    }

    /**
     * The number of its encoding.
     *
     * @return see {@link Encodings}
     */
    public int encodingIndex() {
        return Flags.encodingIndex(flags());
    }
}
