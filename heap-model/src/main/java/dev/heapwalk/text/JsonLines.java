// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.text;

import dev.heapwalk.memory.raw.Words;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.math.BigDecimal;
import java.math.MathContext;
import java.math.RoundingMode;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/**
 * Writes JSON as bytes into a buffer that it uses again, without an object for each value. It puts no commas and no
 * brackets of its own: what is written is what the caller says, and only the contents of strings are changed to what
 * JSON allows.
 *
 * <p>It belongs to one thread. What can't be written is reported as an {@link UncheckedIOException}.
 */
public final class JsonLines {
    /** The most bytes that the target's memory is taken in at once. */
    private static final int PIECE = 1 << 12;
    /** What the longest escape makes of one byte. */
    private static final int GROWTH = 6;
    /** How many bytes a character of Java's takes in UTF-8, at most. */
    static final int LONGEST_UTF_8 = 3;
    /** Room for any number, and for writing eight bytes where fewer count. */
    private static final int SLACK = 40;

    /** In UTF-8 the control characters {@code U+0080} to {@code U+009F} are this byte and one before the end. */
    private static final byte C1_LEAD = (byte) 0xc2;

    private static final byte C1_END = (byte) 0xa0;

    /** What direction marks and line separators begin with, and the byte order mark. */
    private static final byte MARKS_LEAD = (byte) 0xe2;

    private static final byte LAST_LEAD = (byte) 0xef;

    private static final int CAPACITY = 1 << 17;
    private static final int SMALLEST = (PIECE + Integer.BYTES) * GROWTH + SLACK;

    private static final VarHandle LONG = MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);
    private static final VarHandle SHORT = MethodHandles.byteArrayViewVarHandle(short[].class, ByteOrder.LITTLE_ENDIAN);

    private static final long EACH = 0x0101010101010101L;
    private static final long HIGH = EACH << 7;
    private static final byte[] HEX = ascii("0123456789abcdef");
    private static final byte[] BASE64 = ascii("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/");
    private static final byte[] SMALLEST_LONG = ascii("-9223372036854775808");
    /** Two decimal digits for each number below 100. */
    private static final short[] PAIRS = new short[100];
    /** 10 to the power of the index. */
    private static final double[] POWERS = new double[23];

    private static final int DIGITS = 6;
    private static final MathContext SIX_DIGITS = new MathContext(DIGITS, RoundingMode.HALF_EVEN);

    static {
        for (int i = 0; i < PAIRS.length; i++) {
            PAIRS[i] = (short) ('0' + i / 10 | '0' + i % 10 << 8);
        }
        POWERS[0] = 1;
        for (int i = 1; i < POWERS.length; i++) {
            POWERS[i] = POWERS[i - 1] * 10;
        }
    }

    private final OutputStream out;
    private final byte[] buffer;
    private final byte[] piece = new byte[Integer.BYTES + PIECE];
    private final StringBuilder digits = new StringBuilder(32);
    private int position;
    private long flushed;

    /**
     * Bytes of a character that {@link #text} has not seen the end of; they stand at the beginning of {@link #piece}.
     */
    private int pending;

    private boolean valid = true;

    /**
     * Makes a writer with a buffer of 128 KiB.
     *
     * @param out where the bytes go; it needs no buffer of its own, and the caller closes it
     */
    public JsonLines(OutputStream out) {
        this(out, CAPACITY);
    }

    /**
     * Makes a writer.
     *
     * @param out where the bytes go; it needs no buffer of its own, and the caller closes it
     * @param capacity the size of the buffer in bytes; a smaller one than is needed is enlarged
     */
    public JsonLines(OutputStream out, int capacity) {
        this.out = out;
        this.buffer = new byte[Math.max(capacity, SMALLEST)];
    }

    /**
     * Text for {@link #raw(byte[])}, to be kept in a constant.
     *
     * @param text 7-bit text
     * @return its bytes
     */
    public static byte[] ascii(String text) {
        return text.getBytes(StandardCharsets.US_ASCII);
    }

    /**
     * How much was written, also what is still in the buffer.
     *
     * @return bytes
     */
    public long bytes() {
        return flushed + position;
    }

    /** Hands what is in the buffer to the stream. Does not flush that. */
    public void flush() {
        try {
            out.write(buffer, 0, position);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        flushed += position;
        position = 0;
    }

    private void ensure(int length) {
        if (position > buffer.length - length) {
            flush();
        }
    }

    /**
     * Writes bytes as they are.
     *
     * @param bytes a piece of JSON
     */
    public void raw(byte[] bytes) {
        int length = bytes.length;
        if (length > buffer.length - position - SLACK) {
            rawInParts(bytes);
            return;
        }
        System.arraycopy(bytes, 0, buffer, position, length);
        position += length;
    }

    private void rawInParts(byte[] bytes) {
        for (int from = 0; from < bytes.length; from += PIECE) {
            int length = Math.min(PIECE, bytes.length - from);
            ensure(length + SLACK);
            System.arraycopy(bytes, from, buffer, position, length);
            position += length;
        }
    }

    /**
     * Writes one byte as it is.
     *
     * @param one a 7-bit character
     */
    public void raw(char one) {
        ensure(1);
        buffer[position++] = (byte) one;
    }

    /** Ends a line. */
    public void newline() {
        raw('\n');
    }

    /**
     * Writes a number.
     *
     * @param value the number
     */
    public void decimal(long value) {
        ensure(SLACK);
        if (value >= 0) {
            digits(value);
        } else if (value == Long.MIN_VALUE) {
            raw(SMALLEST_LONG);
        } else {
            buffer[position++] = '-';
            digits(-value);
        }
    }

    /**
     * Writes a number that has no sign.
     *
     * @param value the number, of which the highest bit counts too
     */
    public void unsigned(long value) {
        ensure(SLACK);
        if (value >= 0) {
            digits(value);
        } else {
            digits(Long.divideUnsigned(value, 10));
            buffer[position++] = (byte) ('0' + Long.remainderUnsigned(value, 10));
        }
    }

    private void digits(long value) {
        int count = 1;
        for (long bound = 10; count < 19 && value >= bound; bound *= 10) {
            count++;
        }
        int at = position + count;
        position = at;
        long left = value;
        while (left >= 100) {
            at -= 2;
            long rest = left / 100;
            SHORT.set(buffer, at, PAIRS[(int) (left - rest * 100)]);
            left = rest;
        }
        if (left >= 10) {
            SHORT.set(buffer, at - 2, PAIRS[(int) left]);
        } else {
            buffer[at - 1] = (byte) ('0' + left);
        }
    }

    /**
     * Writes an address in the way that a reference is told from a number: {@code "0x7f29e2124ec8"}.
     *
     * @param address a target address
     */
    public void address(long address) {
        ensure(SLACK);
        int count = Math.max(1, 16 - Long.numberOfLeadingZeros(address) / 4);
        long left = address << 64 - 4 * count;
        byte[] to = buffer;
        int at = position;
        to[at] = '"';
        to[at + 1] = '0';
        to[at + 2] = 'x';
        LONG.set(to, at + 3, hex((int) (left >>> 32)));
        LONG.set(to, at + 11, hex((int) left));
        at += 3 + count;
        to[at] = '"';
        position = at + 1;
    }

    /** The eight hexadecimal digits of a word as characters, the highest digit in the lowest byte. */
    private static long hex(int word) {
        long spread = word & 0xffffffffL;
        spread = (spread | spread << 16) & 0x0000ffff0000ffffL;
        spread = (spread | spread << 8) & 0x00ff00ff00ff00ffL;
        spread = (spread | spread << 4) & 0x0f0f0f0f0f0f0f0fL;
        // A digit from 10 on overflows into the next bit when 6 is added, and lies 39 further in ASCII.
        long letters = spread + 6 * EACH >>> 4 & EACH;
        return Long.reverseBytes(spread + '0' * EACH + letters * ('a' - '0' - 10));
    }

    /**
     * Writes a number with all the digits that it needs to be read back as the same. What is no number in JSON is
     * written as a string: {@code "NaN"}, {@code "Infinity"}, {@code "-Infinity"}.
     *
     * @param value the number
     */
    public void exact(double value) {
        boolean finite = Double.isFinite(value);
        if (!finite) {
            raw('"');
        }
        digits.setLength(0);
        digits.append(value);
        ensure(SLACK);
        for (int i = 0; i < digits.length(); i++) {
            buffer[position++] = (byte) digits.charAt(i);
        }
        if (!finite) {
            raw('"');
        }
    }

    /**
     * Writes a number with six digits as C does, in the spelling of Ruby's own {@code snprintf}: {@code Inf}, {@code
     * NaN}. Those two are no JSON, so this belongs between quotes.
     *
     * @param value the number
     * @param padded whether zeros are kept at the end: {@code %#g} and not {@code %g}
     */
    public void general(double value, boolean padded) {
        ensure(SLACK);
        if (Double.isNaN(value)) {
            put("NaN");
            return;
        }
        if (Double.doubleToRawLongBits(value) < 0) {
            buffer[position++] = '-';
        }
        double size = Math.abs(value);
        if (size == 0) {
            put(padded ? "0.00000" : "0");
        } else if (size == Double.POSITIVE_INFINITY) {
            put("Inf");
        } else {
            general(size, padded, (int) Math.floor(Math.log10(size)));
        }
    }

    private void general(double size, boolean padded, int guess) {
        int exponent = guess;
        long six = -1;
        int shift = DIGITS - 1 - guess;
        if (Math.abs(shift) < POWERS.length) {
            // One rounding, so at most half a unit in the last place beside the truth: far from a tie it does not
            // matter.
            double scaled = shift >= 0 ? size * POWERS[shift] : size / POWERS[-shift];
            long floor = (long) scaled;
            double rest = scaled - floor;
            if (floor >= 100_000 && floor < 999_999 && Math.abs(rest - 0.5) > 1e-9) {
                six = rest > 0.5 ? floor + 1 : floor;
            }
        }
        if (six < 0) {
            BigDecimal rounded = new BigDecimal(size).round(SIX_DIGITS);
            exponent = rounded.precision() - rounded.scale() - 1;
            six = rounded.movePointRight(DIGITS - 1 - exponent).longValue();
        }
        int kept = DIGITS;
        if (!padded) {
            for (; kept > 1 && six % 10 == 0; kept--) {
                six /= 10;
            }
        }
        if (exponent < -4 || exponent >= DIGITS) {
            scientific(six, kept, exponent);
        } else if (exponent < 0) {
            put("0.");
            for (int i = -1; i > exponent; i--) {
                buffer[position++] = '0';
            }
            digits(six);
        } else {
            positional(six, kept, exponent, padded);
        }
    }

    private void scientific(long six, int kept, int exponent) {
        int first = position;
        digits(six);
        if (kept > 1) {
            insertPoint(first + 1);
        }
        buffer[position++] = 'e';
        buffer[position++] = (byte) (exponent < 0 ? '-' : '+');
        int size = Math.abs(exponent);
        if (size < 10) {
            buffer[position++] = '0';
        }
        digits(size);
    }

    private void positional(long six, int kept, int exponent, boolean padded) {
        int first = position;
        digits(six);
        for (int i = kept; i <= exponent; i++) {
            buffer[position++] = '0';
        }
        if (padded || kept > exponent + 1) {
            insertPoint(first + exponent + 1);
        }
    }

    private void insertPoint(int at) {
        System.arraycopy(buffer, at, buffer, at + 1, position - at);
        buffer[at] = '.';
        position++;
    }

    private void put(String ascii) {
        for (int i = 0; i < ascii.length(); i++) {
            buffer[position++] = (byte) ascii.charAt(i);
        }
    }

    /**
     * Writes a string between quotes.
     *
     * @param text the string
     */
    public void string(CharSequence text) {
        string(text.toString().getBytes(StandardCharsets.UTF_8));
    }

    /**
     * Writes a string between quotes, with an escape for every character that can't be sent to a terminal as it is.
     *
     * @param text any text, also with unpaired surrogates
     */
    public void harmless(CharSequence text) {
        raw('"');
        for (int i = 0; i < text.length(); ) {
            int codePoint = Character.codePointAt(text, i);
            i += Character.charCount(codePoint);
            ensure(2 * GROWTH);
            if (codePoint == '"' || codePoint == '\\') {
                buffer[position++] = '\\';
                buffer[position++] = (byte) codePoint;
            } else if (!SafeText.plain(codePoint)) {
                if (codePoint < 0x10000) {
                    escape(codePoint);
                } else {
                    escape(Character.highSurrogate(codePoint));
                    escape(Character.lowSurrogate(codePoint));
                }
            } else if (codePoint < 0x80) {
                buffer[position++] = (byte) codePoint;
            } else {
                byte[] encoded = Character.toString(codePoint).getBytes(StandardCharsets.UTF_8);
                System.arraycopy(encoded, 0, buffer, position, encoded.length);
                position += encoded.length;
            }
        }
        raw('"');
    }

    private void escape(int unit) {
        put("\\u");
        for (int shift = 12; shift >= 0; shift -= 4) {
            buffer[position++] = HEX[unit >> shift & 0xf];
        }
    }

    /**
     * Writes a string between quotes.
     *
     * @param bytes its bytes
     * @return whether they are UTF-8, see {@link #text(MemorySegment, long, int)}
     */
    public boolean string(byte[] bytes) {
        raw('"');
        for (int from = 0; from < bytes.length; from += PIECE) {
            int length = Math.min(PIECE, bytes.length - from);
            begin(length);
            System.arraycopy(bytes, from, buffer, position, length);
            finish(length);
        }
        boolean whole = endText();
        raw('"');
        return whole;
    }

    /**
     * Writes a string between quotes.
     *
     * @param segment local memory that holds its bytes
     * @param offset where they begin
     * @param length how many there are
     * @return whether they are UTF-8, see {@link #text(MemorySegment, long, int)}
     */
    public boolean string(MemorySegment segment, long offset, int length) {
        raw('"');
        text(segment, offset, length);
        boolean whole = pending == 0 && valid || endText();
        valid = true;
        raw('"');
        return whole;
    }

    /**
     * Writes a part of a string, which the caller puts quotes around; after the last part comes {@link #endText()}.
     * Bytes that are not UTF-8 become the characters of the same number, {@code U+0080} to {@code U+00FF}.
     *
     * @param segment local memory that holds the bytes
     * @param offset where they begin
     * @param length how many there are
     */
    public void text(MemorySegment segment, long offset, int length) {
        int from = 0;
        do {
            int part = Math.min(PIECE, length - from);
            begin(part);
            copy(segment, offset + from, part);
            finish(part);
            from += part;
        } while (from < length);
    }

    private void copy(MemorySegment segment, long offset, int length) {
        byte[] to = buffer;
        int at = position;
        int i = 0;
        if (length > 64) {
            MemorySegment.copy(segment, Words.BYTE, offset, to, at, length);
            return;
        }
        for (; i <= length - Long.BYTES; i += Long.BYTES) {
            LONG.set(to, at + i, segment.get(Words.LONG, offset + i));
        }
        for (; i < length; i++) {
            to[at + i] = segment.get(Words.BYTE, offset + i);
        }
    }

    /**
     * Writes a part of a string, which the caller puts quotes around, and which is whole without {@link #endText()}.
     *
     * @param characters holds the part; an unpaired surrogate in it becomes a question mark
     * @param count how many of them, from the first on
     */
    public void text(char[] characters, int count) {
        for (int from = 0; from < count; ) {
            int end = Math.min(count, from + PIECE / LONGEST_UTF_8);
            if (end < count && Character.isHighSurrogate(characters[end - 1])) {
                end--;
            }
            begin(PIECE);
            finish(encode(characters, from, end));
            from = end;
        }
    }

    /** Puts characters behind the position in UTF-8. Returns how many bytes that are. */
    private int encode(char[] characters, int from, int end) {
        byte[] to = buffer;
        int at = position;
        for (int i = from; i < end; i++) {
            char one = characters[i];
            if (one < 0x80) {
                to[at++] = (byte) one;
            } else if (one < 0x800) {
                to[at++] = (byte) (0xc0 | one >> 6);
                to[at++] = (byte) (0x80 | one & 0x3f);
            } else if (!Character.isSurrogate(one)) {
                to[at++] = (byte) (0xe0 | one >> 12);
                to[at++] = (byte) (0x80 | one >> 6 & 0x3f);
                to[at++] = (byte) (0x80 | one & 0x3f);
            } else if (i + 1 < end && Character.isSurrogatePair(one, characters[i + 1])) {
                int codePoint = Character.toCodePoint(one, characters[++i]);
                to[at++] = (byte) (0xf0 | codePoint >> 18);
                to[at++] = (byte) (0x80 | codePoint >> 12 & 0x3f);
                to[at++] = (byte) (0x80 | codePoint >> 6 & 0x3f);
                to[at++] = (byte) (0x80 | codePoint & 0x3f);
            } else {
                to[at++] = '?';
            }
        }
        return at - position;
    }

    /**
     * Ends a string of parts.
     *
     * @return whether all its bytes were UTF-8
     */
    public boolean endText() {
        for (int i = 0; i < pending; i++) {
            escapeByte(piece[i]);
        }
        boolean whole = valid && pending == 0;
        pending = 0;
        valid = true;
        return whole;
    }

    private void begin(int length) {
        ensure((length + Integer.BYTES) * GROWTH + SLACK);
    }

    /** Takes bytes that were put behind the position: as they are if JSON allows it. */
    private void finish(int length) {
        int plain = pending != 0 ? 0 : plain(buffer, position, position + length) - position;
        if (plain == length) {
            position += length;
        } else {
            position += plain;
            System.arraycopy(buffer, position, piece, pending, length - plain);
            characters(pending + length - plain);
        }
    }

    /**
     * The first byte that is a control character, a quote, a backslash or no 7-bit character; {@code end} if there is
     * none.
     */
    private static int plain(byte[] bytes, int start, int end) {
        int at = start;
        for (; at <= end - Long.BYTES; at += Long.BYTES) {
            long found = special((long) LONG.get(bytes, at));
            if (found != 0) {
                return at + (Long.numberOfTrailingZeros(found) >>> 3);
            }
        }
        for (; at < end; at++) {
            byte one = bytes[at];
            if (one < ' ' || one == '"' || one == '\\' || one == 0x7f) {
                return at;
            }
        }
        return end;
    }

    /** The highest bit of each byte that is special, and perhaps of some above the lowest that is. */
    private static long special(long word) {
        long quote = word ^ '"' * EACH;
        long backslash = word ^ '\\' * EACH;
        long below = word - ' ' * EACH & ~word | quote - EACH & ~quote | backslash - EACH & ~backslash;
        return (below | word | word + EACH) & HIGH;
    }

    /** Writes what is in {@link #piece}, and keeps the beginning of a character that ends behind it. */
    private void characters(int count) {
        byte[] from = piece;
        pending = 0;
        int at = 0;
        while (at < count) {
            byte one = from[at];
            if (one >= 0) {
                character(one);
                at++;
                continue;
            }
            int length = characterLength(from, at, count);
            if (length > count - at) {
                pending = count - at;
                System.arraycopy(from, at, from, 0, pending);
                return;
            }
            if (length == 0) {
                valid = false;
                escapeByte(one);
                at++;
            } else if (one == C1_LEAD && from[at + 1] < C1_END) {
                // JSON allows it, but a terminal may obey it.
                escapeByte(from[at + 1]);
                at += length;
            } else if ((one == MARKS_LEAD || one == LAST_LEAD) && !SafeText.plain(codePoint(from, at))) {
                // It turns the order in which a terminal shows text, or is not seen.
                escape(codePoint(from, at));
                at += length;
            } else {
                System.arraycopy(from, at, buffer, position, length);
                position += length;
                at += length;
            }
        }
    }

    /**
     * How many bytes the character of UTF-8 at an index has, be some of them missing at the end; 0 if there is none.
     */
    private static int characterLength(byte[] from, int at, int end) {
        int lead = from[at] & 0xff;
        int length = lead < 0xc2 ? 0 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : lead < 0xf5 ? 4 : 0;
        for (int i = 1; i < length && at + i < end; i++) {
            int next = from[at + i] & 0xff;
            int least = i > 1 ? 0x80 : lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
            int most = i > 1 ? 0xbf : lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
            if (next < least || next > most) {
                return 0;
            }
        }
        return length;
    }

    /** The character of three bytes at an index. */
    private static int codePoint(byte[] from, int at) {
        return (from[at] & 0xf) << 12 | (from[at + 1] & 0x3f) << 6 | from[at + 2] & 0x3f;
    }

    private void character(byte one) {
        if (one >= ' ' && one != '"' && one != '\\' && one != 0x7f) {
            buffer[position++] = one;
            return;
        }
        byte letter = switch (one) {
            case '"', '\\' -> one;
            case '\b' -> 'b';
            case '\t' -> 't';
            case '\f' -> 'f';
            case '\n' -> 'n';
            case '\r' -> 'r';
            default -> 0;
        };
        if (letter == 0) {
            escapeByte(one);
        } else {
            buffer[position++] = '\\';
            buffer[position++] = letter;
        }
    }

    private void escapeByte(byte one) {
        put("\\u00");
        buffer[position++] = HEX[one >>> 4 & 0xf];
        buffer[position++] = HEX[one & 0xf];
    }

    /**
     * Writes bytes as hexadecimal digits, two each. The caller puts quotes around it.
     *
     * @param bytes a few bytes, such as a digest
     */
    public void hex(byte[] bytes) {
        for (byte one : bytes) {
            ensure(2);
            buffer[position++] = HEX[one >>> 4 & 0xf];
            buffer[position++] = HEX[one & 0xf];
        }
    }

    /**
     * Writes bytes in base 64. The caller puts quotes around it. Parts may follow each other if all but the last are a
     * multiple of three bytes long.
     *
     * @param segment local memory that holds the bytes
     * @param offset where they begin
     * @param length how many there are
     */
    public void base64(MemorySegment segment, long offset, int length) {
        int step = PIECE / 3 * 3;
        for (int from = 0; from < length; from += step) {
            int part = Math.min(step, length - from);
            begin(part);
            MemorySegment.copy(segment, Words.BYTE, offset + from, piece, 0, part);
            Arrays.fill(piece, part, part + 2, (byte) 0);
            for (int i = 0; i < part; i += 3) {
                int bits = (piece[i] & 0xff) << 16 | (piece[i + 1] & 0xff) << 8 | piece[i + 2] & 0xff;
                buffer[position++] = BASE64[bits >>> 18];
                buffer[position++] = BASE64[bits >>> 12 & 0x3f];
                buffer[position++] = i + 1 < part ? BASE64[bits >>> 6 & 0x3f] : (byte) '=';
                buffer[position++] = i + 2 < part ? BASE64[bits & 0x3f] : (byte) '=';
            }
        }
    }
}
