// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.name;

import dev.heapwalk.memory.UnmappedAddressException;
import dev.heapwalk.ruby.ObjectReader;
import dev.heapwalk.ruby.object.RString;
import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.Charset;
import java.nio.charset.CharsetDecoder;
import java.nio.charset.CoderResult;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;

/** Makes text of the bytes of Strings by their encoding. For one thread. */
public final class StringDecoder {
    /** Whether bytes are what their encoding allows. */
    public enum Validity {
        /** They are. */
        VALID,
        /** They are not. */
        BROKEN,
        /** Nothing here knows the encoding well enough. */
        UNKNOWN
    }

    /** The longest String that is decoded to find out whether it is valid, in bytes. */
    private static final int MOST_DECODED = 1 << 24;

    private final ObjectReader reader;
    private final Map<Charset, CharsetDecoder> decoders = new HashMap<>();
    private CoderResult result = CoderResult.UNDERFLOW;

    /**
     * Makes a decoder.
     *
     * @param reader what reads the Strings
     */
    public StringDecoder(ObjectReader reader) {
        this.reader = reader;
    }

    /**
     * The text of a String.
     *
     * @param string the String
     * @param most the most bytes to read; a character that is cut there is left out
     * @return its text; empty if its bytes are not valid in its encoding, or the encoding is one that can't be decoded,
     *     such as ASCII-8BIT, and not all bytes are ASCII
     * @throws UnmappedAddressException if it has a length below zero, or one whose bytes can't be read, wanted or
     *     not
     */
    public Optional<String> text(RString string, int most) {
        boolean cut = string.length() > most;
        byte[] content = string.content(most);
        // Last: to find an encoding that does not fit in the flags may move the window that the view lies over.
        int encoding = string.codeRange() == RString.CODE_RANGE_7BIT
                ? Encodings.US_ASCII
                : reader.encodings().indexOf(string);
        return text(content, encoding, cut);
    }

    /**
     * The text that bytes are in an encoding.
     *
     * @param bytes the bytes
     * @param encoding the number of the encoding, see {@link Encodings}
     * @param cut whether more bytes follow, so that the last character may lack some
     * @return the text, empty if there is none
     */
    public Optional<String> text(byte[] bytes, int encoding, boolean cut) {
        Optional<Charset> charset = reader.encodings().charset(encoding);
        if (charset.isEmpty()) {
            return ascii(bytes) && reader.encodings().asciiCompatible(encoding)
                    ? Optional.of(new String(bytes, StandardCharsets.US_ASCII))
                    : Optional.empty();
        }
        String text = decode(bytes, charset.get(), cut);
        return result.isUnderflow() ? Optional.of(text) : Optional.empty();
    }

    /** Decodes bytes up to the end or the first that is not good, and sets the result. */
    private String decode(byte[] bytes, Charset charset, boolean cut) {
        CharsetDecoder decoder = decoders.computeIfAbsent(
                charset,
                wanted -> wanted.newDecoder()
                        .onMalformedInput(CodingErrorAction.REPORT)
                        .onUnmappableCharacter(CodingErrorAction.REPORT));
        decoder.reset();
        CharBuffer chars = CharBuffer.allocate((int) Math.ceil(bytes.length * (double) decoder.maxCharsPerByte()) + 2);
        result = decoder.decode(ByteBuffer.wrap(bytes), chars, !cut);
        if (result.isUnderflow() && !cut) {
            result = decoder.flush(chars);
        }
        return chars.flip().toString();
    }

    /**
     * Whether the bytes of a String are valid in its encoding. What Ruby has found out itself is believed; else they
     * are decoded.
     *
     * @param string the String
     * @return what {@code String#valid_encoding?} would say
     * @throws UnmappedAddressException if it has a length below zero, or one whose bytes can't be read
     */
    public Validity validity(RString string) {
        return switch (string.codeRange()) {
            case RString.CODE_RANGE_7BIT, RString.CODE_RANGE_VALID -> Validity.VALID;
            case RString.CODE_RANGE_BROKEN -> Validity.BROKEN;
            default ->
                string.length() > MOST_DECODED
                        ? Validity.UNKNOWN
                        : validity(
                                string.content(MOST_DECODED), reader.encodings().indexOf(string));
        };
    }

    /**
     * Whether bytes are valid in an encoding.
     *
     * @param bytes the bytes
     * @param encoding the number of the encoding, see {@link Encodings}
     * @return what {@code String#valid_encoding?} would say
     */
    public Validity validity(byte[] bytes, int encoding) {
        if (encoding == Encodings.BINARY) {
            return Validity.VALID;
        }
        Optional<Charset> charset = reader.encodings().charset(encoding);
        if (charset.isEmpty()) {
            return ascii(bytes) && reader.encodings().asciiCompatible(encoding) ? Validity.VALID : Validity.UNKNOWN;
        }
        decode(bytes, charset.get(), false);
        return result.isUnderflow() ? Validity.VALID : result.isMalformed() ? Validity.BROKEN : Validity.UNKNOWN;
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
