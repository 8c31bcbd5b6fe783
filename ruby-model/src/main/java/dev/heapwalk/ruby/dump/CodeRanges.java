// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.dump;

import dev.heapwalk.memory.Reader;
import dev.heapwalk.memory.UnmappedAddressException;
import dev.heapwalk.memory.Window;
import dev.heapwalk.ruby.ObjectReader;
import dev.heapwalk.ruby.name.Encodings;
import dev.heapwalk.text.TargetText;
import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.Charset;
import java.nio.charset.CharsetDecoder;
import java.nio.charset.CoderResult;
import java.nio.charset.CodingErrorAction;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;

/** Finds out of what kind the bytes of a String are, where Ruby has not yet: C name {@code rb_enc_str_coderange}. */
final class CodeRanges {
    static final int UNKNOWN = 0;
    static final int SEVEN_BIT = 1;
    static final int VALID = 2;
    static final int BROKEN = 3;

    private final ObjectReader reader;
    private final Reader memory;
    private final Encodings encodings;
    private final Map<Charset, CharsetDecoder> decoders = new HashMap<>();
    private final CharBuffer characters = CharBuffer.allocate(4096);

    CodeRanges(ObjectReader reader) {
        this.reader = reader;
        this.memory = reader.memory();
        this.encodings = reader.encodings();
    }

    /** Whether the bytes below 128 of an encoding are those of ASCII: {@code rb_enc_asciicompat}. */
    boolean asciiCompatible(int encoding) {
        return encoding <= Encodings.US_ASCII || encoding > 8 && !encodings.dummy(encoding);
    }

    /** Whether all bytes are below 128. They must be readable. */
    boolean sevenBit(long bytes, long length) {
        for (long at = 0; at < length; at += Window.MAX_LENGTH) {
            int part = (int) Math.min(Window.MAX_LENGTH, length - at);
            long offset = memory.require(bytes + at, part);
            if (!TargetText.ascii(memory.segment(), offset, part)) {
                return false;
            }
        }
        return true;
    }

    /** The kind of the bytes of a String, which must be readable. */
    int scan(long bytes, long length, int encoding) {
        boolean compatible = asciiCompatible(encoding);
        if (compatible && sevenBit(bytes, length)) {
            return SEVEN_BIT;
        }
        Optional<Charset> charset = encodings.charset(encoding);
        if (encoding == Encodings.US_ASCII) {
            return BROKEN;
        }
        return charset.isEmpty() || length == 0 || decodes(bytes, length, charset.get()) ? VALID : BROKEN;
    }

    private boolean decodes(long bytes, long length, Charset charset) {
        CharsetDecoder decoder = decoders.computeIfAbsent(
                charset,
                wanted -> wanted.newDecoder()
                        .onMalformedInput(CodingErrorAction.REPORT)
                        .onUnmappableCharacter(CodingErrorAction.REPLACE));
        decoder.reset();
        long at = 0;
        while (true) {
            int part = (int) Math.min(Window.MAX_LENGTH, length - at);
            long offset = memory.require(bytes + at, part);
            ByteBuffer piece = memory.segment().asSlice(offset, part).asByteBuffer();
            boolean last = at + part == length;
            characters.clear();
            CoderResult result = decoder.decode(piece, characters, last);
            while (result.isOverflow()) {
                characters.clear();
                result = decoder.decode(piece, characters, last);
            }
            if (result.isError()) {
                return false;
            }
            if (last) {
                return true;
            }
            if (piece.position() == 0) {
                throw new UnmappedAddressException(bytes + at, bytes, length);
            }
            at += piece.position();
        }
    }
}
