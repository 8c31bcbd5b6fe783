// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.text;

import dev.heapwalk.memory.Reader;
import dev.heapwalk.memory.UnmappedAddressException;
import dev.heapwalk.memory.raw.Words;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.Charset;
import java.nio.charset.CharsetDecoder;
import java.nio.charset.CoderResult;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;

/**
 * Writes text and bytes of a target into JSON, by the rules of a dump: it decides what is text, cuts what is too long,
 * and puts digests in place of what is not to be written. It makes no object for each text, and no copy of a long one.
 *
 * <p>What it writes are members of a JSON object, each with a comma before it: the text, where the text alone does not
 * tell the bytes {@code "binary":true} and {@code base64} of them, and where not all of them are told {@code bytesize}
 * and a digest. For one thread.
 */
public final class TargetText {
    private static final byte[] BINARY = JsonLines.ascii(",\"binary\":true,\"base64\":\"");
    private static final byte[] BYTESIZE = JsonLines.ascii(",\"bytesize\":");
    private static final byte[] SIZE_FIRST = JsonLines.ascii("{\"bytesize\":");
    private static final byte[] SHA256 = JsonLines.ascii(",\"sha256\":\"");
    private static final byte[] HMAC_SHA256 = JsonLines.ascii(",\"hmac_sha256\":\"");
    private static final byte[] VALUE = JsonLines.ascii(",\"val\":");
    private static final byte[] NULL = JsonLines.ascii("null");

    /** How much of the target is looked at at once; a multiple of three, for base 64. */
    private static final int PIECE = 3 << 14;
    /** How many bytes are decoded at once, and about as many characters. */
    private static final int DECODED = 1 << 12;

    private static final long HIGH_BITS = 0x8080808080808080L;
    private static final int NOT_TEXT = -1;

    private final Reader memory;
    private final JsonLines json;
    private final TextRules rules;
    private final Map<Charset, CharsetDecoder> decoders = new HashMap<>();
    private final ByteBuffer undecoded = ByteBuffer.allocate(DECODED);
    private final CharBuffer characters = CharBuffer.allocate(DECODED + DECODED / 2);
    private Digest digest;

    /** Whether {@link #characters} has all that was decoded. */
    private boolean held;

    /**
     * Prepares to write.
     *
     * @param memory what reads the target
     * @param json where the text goes
     * @param rules how much of it
     */
    public TargetText(Reader memory, JsonLines json, TextRules rules) {
        this.memory = memory;
        this.json = json;
        this.rules = rules;
    }

    /**
     * The rules that it writes by.
     *
     * @return the rules
     */
    public TextRules rules() {
        return rules;
    }

    /**
     * Writes a text as members of the object that is open: under a key, and beside it what the key does not tell.
     *
     * @param key the key with a comma, quotes and a colon
     * @param address target address of the first byte
     * @param length bytes, 0 or more
     * @param form when they are text
     * @throws UnmappedAddressException if the length is below zero, or a byte that is needed can't be read; then no
     *     quote is open
     */
    public void members(byte[] key, long address, long length, TextForm form) {
        check(address, length);
        if (!rules.redacts() && length <= rules.most()) {
            whole(key, address, length, form);
        } else {
            json.raw(BYTESIZE);
            json.decimal(length);
            part(key, address, length, form);
        }
    }

    /**
     * Writes a text as one value: a string, or an object with the members that a long, binary or redacted text has.
     *
     * @param address target address of the first byte
     * @param length bytes, 0 or more
     * @param form when they are text
     * @throws UnmappedAddressException if the length is below zero, or a byte that is needed can't be read; what was
     *     written then is a value all the same: null, or what could be read before that byte
     */
    public void value(long address, long length, TextForm form) {
        boolean whole = !rules.redacts() && length <= rules.most();
        boolean isText;
        try {
            check(address, length);
            isText = whole && textual(address, length, form, true) == length;
        } catch (UnmappedAddressException e) {
            json.raw(NULL);
            throw e;
        }
        if (isText) {
            json.raw('"');
            boolean told = text(address, length, form);
            json.raw('"');
            if (!told) {
                require(address, length);
            }
            return;
        }
        json.raw(SIZE_FIRST);
        json.decimal(length);
        try {
            if (whole) {
                whole(VALUE, address, length, form);
            } else {
                part(VALUE, address, length, form);
            }
        } finally {
            json.raw('}');
        }
    }

    /**
     * Writes a text that was read or made already as members of the object that is open, as those above.
     *
     * @param key the key with a comma, quotes and a colon
     * @param text the text
     */
    public void members(byte[] key, String text) {
        if (!rules.redacts() && text.length() <= rules.most() / JsonLines.LONGEST_UTF_8) {
            json.raw(key);
            json.string(text);
            return;
        }
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        if (!rules.redacts() && bytes.length <= rules.most()) {
            json.raw(key);
            json.string(bytes);
        } else {
            json.raw(BYTESIZE);
            json.decimal(bytes.length);
            part(key, bytes);
        }
    }

    /**
     * Writes a text that was read or made already as one value, as that above.
     *
     * @param text the text
     */
    public void value(String text) {
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        if (!rules.redacts() && bytes.length <= rules.most()) {
            json.string(bytes);
        } else {
            json.raw(SIZE_FIRST);
            json.decimal(bytes.length);
            part(VALUE, bytes);
            json.raw('}');
        }
    }

    /**
     * Writes bytes as one string that has nothing beside it, as many of them as the rules tell and no digest: as UTF-8,
     * and what is none as {@link JsonLines#text(java.lang.foreign.MemorySegment, long, int)} does.
     *
     * @param address target address of the first byte
     * @param length bytes, 0 or more
     * @return whether all that is told could be read, and is UTF-8
     */
    public boolean string(long address, long length) {
        json.raw('"');
        boolean told = bytes(address, Math.min(length, rules.most()));
        json.raw('"');
        return told;
    }

    private void part(byte[] key, byte[] text) {
        if (!rules.redacts()) {
            int end = (int) rules.most();
            while (end > 0 && (text[end] & 0xc0) == 0x80) {
                end--;
            }
            json.raw(key);
            json.string(Arrays.copyOf(text, end));
        }
        if (rules.take(text.length)) {
            hex(rules.redacts() ? HMAC_SHA256 : SHA256, digest().of(text));
        }
    }

    /**
     * Writes the digest that the rules ask for, as long as there is something left that may be digested.
     *
     * @param opening what comes before its 64 hexadecimal digits, with a quote; another one comes behind them
     * @param address target address of the first byte
     * @param length bytes, 0 or more
     * @throws UnmappedAddressException if a byte can't be read; then nothing is written
     */
    public void digest(byte[] opening, long address, long length) {
        if (rules.take(length)) {
            hex(opening, digest().of(memory, address, length));
        }
    }

    private Digest digest() {
        if (digest == null) {
            digest = rules.digest();
        }
        return digest;
    }

    private void hex(byte[] opening, byte[] bytes) {
        json.raw(opening);
        json.hex(bytes);
        json.raw('"');
    }

    private void check(long address, long length) {
        if (length < 0 || length > 0 && !memory.mapped(address, length)) {
            throw new UnmappedAddressException(address, address, Math.max(0, length));
        }
    }

    /** Throws where a byte can't be read any more. */
    private void require(long address, long length) {
        for (long done = 0; done < length; done += PIECE) {
            memory.require(address + done, Math.min(PIECE, length - done));
        }
    }

    /** What there is to tell of a text beside its size where that is not all of it. */
    private void part(byte[] key, long address, long length, TextForm form) {
        if (rules.redacts()) {
            digest(HMAC_SHA256, address, length);
            return;
        }
        // Whether this is text is asked of what is written alone.
        long most = rules.most();
        long end = textual(address, most, form, false);
        if (end == NOT_TEXT) {
            base64(address, most);
        } else {
            json.raw(key);
            json.raw('"');
            text(address, end, form);
            json.raw('"');
        }
        digest(SHA256, address, length);
    }

    private void whole(byte[] key, long address, long length, TextForm form) {
        // What is mostly valid is not looked at twice.
        boolean valid = form.utf8() || textual(address, length, form, true) == length;
        json.raw(key);
        json.raw('"');
        valid &= valid ? text(address, length, form) : bytes(address, length);
        json.raw('"');
        if (!valid) {
            base64(address, length);
        }
    }

    /** Writes what is text. Returns false if not all of it was, as it has changed or gone since it was looked at. */
    private boolean text(long address, long length, TextForm form) {
        if (length == 0 || form.charset().isEmpty() || form.utf8()) {
            return bytes(address, length);
        }
        if (held) {
            json.text(characters.array(), characters.position());
            return true;
        }
        return decode(address, length, decoder(form.charset().get()), true, true) == length;
    }

    /** Writes bytes as UTF-8, up to one that can't be read. Returns whether they all were. */
    private boolean bytes(long address, long length) {
        for (long done = 0; done < length; done += PIECE) {
            int some = (int) Math.min(PIECE, length - done);
            long offset = memory.find(address + done, some);
            if (offset < 0) {
                // It was unmapped since it was looked up; what is missing shows in base 64 too.
                json.endText();
                return false;
            }
            json.text(memory.segment(), offset, some);
        }
        return json.endText();
    }

    private void base64(long address, long length) {
        json.raw(BINARY);
        for (long done = 0; done < length; done += PIECE) {
            int some = (int) Math.min(PIECE, length - done);
            long offset = memory.find(address + done, some);
            if (offset < 0) {
                break;
            }
            json.base64(memory.segment(), offset, some);
        }
        json.raw('"');
    }

    /**
     * How many of some bytes are text, {@link #NOT_TEXT} if they are none. It is all of them, or but for the beginning
     * of a character if they are not the end of the text.
     */
    private long textual(long address, long length, TextForm form, boolean end) {
        held = false;
        return length == 0
                ? 0
                : form.charset().isPresent()
                        ? decode(address, length, decoder(form.charset().get()), end, false)
                        : form.ascii() && ascii(address, length) ? length : NOT_TEXT;
    }

    private CharsetDecoder decoder(Charset charset) {
        CharsetDecoder known = decoders.get(charset);
        if (known == null) {
            known = charset.newDecoder()
                    .onMalformedInput(CodingErrorAction.REPORT)
                    .onUnmappableCharacter(CodingErrorAction.REPORT);
            decoders.put(charset, known);
        }
        return known.reset();
    }

    private long decode(long address, long length, CharsetDecoder decoder, boolean end, boolean write) {
        undecoded.clear();
        for (long done = 0; ; undecoded.compact()) {
            boolean first = done == 0;
            int some = (int) Math.min(undecoded.remaining(), length - done);
            // What is written already has a quote before it, and needs one behind it.
            long offset = write ? memory.find(address + done, some) : memory.require(address + done, some);
            if (offset < 0) {
                return NOT_TEXT;
            }
            MemorySegment.copy(memory.segment(), Words.BYTE, offset, undecoded.array(), undecoded.position(), some);
            undecoded.position(undecoded.position() + some).flip();
            done += some;
            boolean last = done == length;
            held = first && last;
            if (characters(decoder, last && end, write).isError()) {
                return NOT_TEXT;
            }
            if (last) {
                return length - undecoded.remaining();
            }
            if (undecoded.position() == 0) {
                // No character is as long as that.
                return NOT_TEXT;
            }
        }
    }

    /** Decodes what is there, and keeps or writes the characters. */
    private CoderResult characters(CharsetDecoder decoder, boolean end, boolean write) {
        boolean flushing = false;
        characters.clear();
        while (true) {
            CoderResult result = flushing ? decoder.flush(characters) : decoder.decode(undecoded, characters, end);
            if (result.isUnderflow() && end && !flushing) {
                flushing = true;
                continue;
            }
            if (write) {
                json.text(characters.array(), characters.position());
            }
            if (!result.isOverflow()) {
                return result;
            }
            held = false;
            characters.clear();
        }
    }

    private boolean ascii(long address, long length) {
        for (long done = 0; done < length; done += PIECE) {
            int some = (int) Math.min(PIECE, length - done);
            long offset = memory.require(address + done, some);
            if (!ascii(memory.segment(), offset, some)) {
                return false;
            }
        }
        return true;
    }

    /**
     * Whether bytes are all below 128.
     *
     * @param bytes local memory that holds them
     * @param offset where they begin
     * @param length how many there are
     * @return whether they are ASCII
     */
    public static boolean ascii(MemorySegment bytes, long offset, int length) {
        long at = offset;
        long end = offset + length;
        for (; at <= end - Long.BYTES; at += Long.BYTES) {
            if ((bytes.get(Words.LONG, at) & HIGH_BITS) != 0) {
                return false;
            }
        }
        for (; at < end; at++) {
            if (bytes.get(Words.BYTE, at) < 0) {
                return false;
            }
        }
        return true;
    }
}
