// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby;

import dev.heapwalk.memory.UnmappedAddressException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.Charset;
import java.nio.charset.CharsetDecoder;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.CoderResult;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;

/** Reads the bytes of Strings and makes text of them by their encoding. For one thread. */
public final class StringDecoder {
    private final ObjectReader reader;
    private final Map<Charset, CharsetDecoder> decoders = new HashMap<>();

    /**
     * Makes a decoder.
     *
     * @param reader what reads the Strings
     */
    public StringDecoder(ObjectReader reader) {
        this.reader = reader;
    }

    /**
     * The bytes of a String.
     *
     * @param string the String
     * @param most the most bytes to read
     * @return its first bytes
     * @throws UnmappedAddressException if it has a length below zero, or one whose bytes can't be read, be they wanted or not
     */
    public byte[] bytes(RString string, int most) {
        long length = string.length();
        long bytes = string.bytes();
        if (length < 0 || length > 0 && !reader.mapped(bytes, length)) {
            throw new UnmappedAddressException(bytes, bytes, length);
        }
        byte[] read = new byte[(int) Math.min(length, most)];
        if (read.length > 0) {
            reader.vm().target().memory().readFully(bytes, MemorySegment.ofArray(read));
        }
        return read;
    }

    /**
     * The text of a String.
     *
     * @param string the String
     * @param most the most bytes to read; a character that is cut there is left out
     * @return its text; null if its bytes are not valid in its encoding, or the encoding is one that can't be decoded, such as
     *     ASCII-8BIT, and not all bytes are ASCII
     * @throws UnmappedAddressException if it has a length below zero, or one whose bytes can't be read, be they wanted or not
     */
    public String text(RString string, int most) {
        boolean cut = string.length() > most;
        int encoding = string.codeRange() == RString.CODE_RANGE_7BIT ? Encodings.US_ASCII : reader.encodings().indexOf(string);
        return text(bytes(string, most), encoding, cut);
    }

    /**
     * The text that bytes are in an encoding.
     *
     * @param bytes the bytes
     * @param encoding the number of the encoding, see {@link Encodings}
     * @param cut whether more bytes follow, so that the last character may lack some
     * @return the text, or null if there is none
     */
    public String text(byte[] bytes, int encoding, boolean cut) {
        Charset charset = reader.encodings().charset(encoding);
        if (charset == null) {
            return ascii(bytes) && asciiCompatible(encoding) ? new String(bytes, StandardCharsets.US_ASCII) : null;
        }
        CharsetDecoder decoder = decoders.computeIfAbsent(charset, wanted -> wanted.newDecoder()
                .onMalformedInput(CodingErrorAction.REPORT)
                .onUnmappableCharacter(CodingErrorAction.REPORT));
        decoder.reset();
        CharBuffer chars = CharBuffer.allocate((int) Math.ceil(bytes.length * (double) decoder.maxCharsPerByte()) + 2);
        CoderResult result = decoder.decode(ByteBuffer.wrap(bytes), chars, !cut);
        if (result.isUnderflow() && !cut) {
            result = decoder.flush(chars);
        }
        return result.isUnderflow() ? chars.flip().toString() : null;
    }

    private boolean asciiCompatible(int encoding) {
        String name = reader.encodings().name(encoding);
        return name != null && !name.startsWith("UTF-16") && !name.startsWith("UTF-32") && !name.equals("UTF-7")
                && !name.startsWith("ISO-2022") && !name.startsWith("CP5022");
    }

    private static boolean ascii(byte[] bytes) {
        for (byte b : bytes) {
            if (b < 0) {
                return false;
            }
        }
        return true;
    }
}
