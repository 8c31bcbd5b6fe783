// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli.output;

import dev.heapwalk.text.JsonLines;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;

/** A buffered stream of bytes for millions of rows: numbers are written without a string for each. */
public final class Output {

    /** The output could not be written. */
    public static final class WriteException extends UncheckedIOException {
        private static final long serialVersionUID = 1L;

        WriteException(IOException cause) {
            super(new IOException("can't write the output: " + cause.getMessage(), cause));
        }

        /** What went wrong, without that it was the output. */
        IOException reason() {
            return (IOException) getCause().getCause();
        }

        public boolean closedPipe() {
            // The JDK has no type for EPIPE; this is strerror's text, in the C locale that the launcher sets.
            String reason = reason().getMessage();
            return reason != null && (reason.contains("Broken pipe") || reason.contains("Connection reset"));
        }
    }

    private final OutputStream stream;
    private final byte[] buffer = new byte[1 << 16];
    private int used;

    public Output(OutputStream stream) {
        this.stream = stream;
    }

    /** Writes JSON behind what was written; to be flushed before anything else is written. */
    JsonLines json() {
        flush();
        return new JsonLines(stream);
    }

    public void put(int value) {
        if (used == buffer.length) {
            flush();
        }
        buffer[used++] = (byte) value;
    }

    private void room(int bytes) {
        if (buffer.length - used < bytes) {
            flush();
        }
    }

    void spaces(int count) {
        for (int i = 0; i < count; i++) {
            put(' ');
        }
    }

    /** Writes text that is known to be ASCII. */
    void ascii(String text) {
        for (int i = 0; i < text.length(); i++) {
            put(text.charAt(i));
        }
    }

    /** Writes one character as UTF-8. */
    void character(int codePoint) {
        if (codePoint < 0x80) {
            put(codePoint);
        } else if (codePoint < 0x800) {
            put(0xc0 | codePoint >> 6);
            put(0x80 | codePoint & 0x3f);
        } else if (codePoint < 0x10000) {
            put(0xe0 | codePoint >> 12);
            put(0x80 | codePoint >> 6 & 0x3f);
            put(0x80 | codePoint & 0x3f);
        } else {
            put(0xf0 | codePoint >> 18);
            put(0x80 | codePoint >> 12 & 0x3f);
            put(0x80 | codePoint >> 6 & 0x3f);
            put(0x80 | codePoint & 0x3f);
        }
    }

    /** Writes text without unpaired surrogates as UTF-8. */
    public void utf8(String text) {
        for (int i = 0; i < text.length(); ) {
            int codePoint = text.codePointAt(i);
            character(codePoint);
            i += Character.charCount(codePoint);
        }
    }

    /** Writes a decimal number. */
    void decimal(long value) {
        if (value == Long.MIN_VALUE) {
            ascii("-9223372036854775808");
            return;
        }
        room(20);
        long rest = value;
        if (rest < 0) {
            buffer[used++] = '-';
            rest = -rest;
        }
        int digits = digits(rest);
        for (int i = used + digits - 1; i >= used; i--) {
            buffer[i] = (byte) ('0' + rest % 10);
            rest /= 10;
        }
        used += digits;
    }

    /** Writes a decimal number with a comma between groups of three digits. */
    void grouped(long value) {
        if (value == Long.MIN_VALUE) {
            decimal(value);
            return;
        }
        if (value < 0) {
            put('-');
            grouped(-value);
            return;
        }
        room(26);
        int width = groupedWidth(value);
        long rest = value;
        int at = used + width - 1;
        for (int digit = 0; at >= used; digit++) {
            if (digit > 0 && digit % 3 == 0) {
                buffer[at--] = ',';
            }
            buffer[at--] = (byte) ('0' + rest % 10);
            rest /= 10;
        }
        used += width;
    }

    /** Writes an address as {@code 0x…}. */
    void address(long value) {
        room(18);
        int digits = hexDigits(value);
        buffer[used++] = '0';
        buffer[used++] = 'x';
        for (int shift = (digits - 1) * 4; shift >= 0; shift -= 4) {
            buffer[used++] = (byte) Character.forDigit((int) (value >>> shift) & 15, 16);
        }
    }

    static int digits(long value) {
        int digits = 1;
        for (long rest = value / 10; rest != 0; rest /= 10) {
            digits++;
        }
        return digits;
    }

    static int decimalWidth(long value) {
        return value < 0 ? digits(value) + 1 : digits(value);
    }

    static int groupedWidth(long value) {
        if (value == Long.MIN_VALUE) {
            return decimalWidth(value);
        }
        if (value < 0) {
            return 1 + groupedWidth(-value);
        }
        int digits = digits(value);
        return digits + (digits - 1) / 3;
    }

    static int hexDigits(long value) {
        return Math.max(1, (67 - Long.numberOfLeadingZeros(value)) / 4);
    }

    public void flush() {
        Interruption.check();
        try {
            stream.write(buffer, 0, used);
            stream.flush();
        } catch (IOException e) {
            throw new WriteException(e);
        } finally {
            used = 0;
        }
    }
}
