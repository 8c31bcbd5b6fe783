// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.dump;

import dev.heapwalk.memory.Reader;
import dev.heapwalk.memory.UnmappedAddressException;
import dev.heapwalk.memory.raw.Words;
import dev.heapwalk.ruby.ObjectReader;
import dev.heapwalk.ruby.RValue;
import dev.heapwalk.ruby.name.Encodings;
import dev.heapwalk.ruby.name.StringDecoder;
import dev.heapwalk.ruby.object.RFloat;
import dev.heapwalk.ruby.object.RString;
import dev.heapwalk.ruby.object.RSymbol;
import dev.heapwalk.ruby.object.SpecialConstants;
import dev.heapwalk.text.JsonLines;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.Optional;

/**
 * One line of a dump in the format of heap_dump: its keys, its brackets, and the form that values have in it.
 *
 * <p>A value among others is a number, true, false or null for what these are in Ruby, and a string for everything
 * else, which its beginning tells: {@code 0x} a reference, {@code :} a Symbol, {@code #} something that JSON has no
 * word for, {@code \} a String that would look like one of these, and anything else a String. Short Strings and Floats
 * stand for themselves where they are referred to; {@link #references()} names them, so that no reference is lost.
 *
 * <p>Whatever throws has left the line such that {@link #closeAll()} makes it whole.
 */
final class DumpLine {
    private static final byte[] TRUE = JsonLines.ascii("true");
    private static final byte[] FALSE = JsonLines.ascii("false");
    private static final byte[] NULL = JsonLines.ascii("null");
    private static final byte[] UNDEFINED = JsonLines.ascii("\"#undef\"");
    private static final byte[] NAN = JsonLines.ascii("\"#NaN\"");
    private static final byte[] INFINITY = JsonLines.ascii("\"#Infinity\"");
    private static final byte[] NEGATIVE_INFINITY = JsonLines.ascii("\"#-Infinity\"");
    private static final byte[] KEY_TRUE = JsonLines.ascii("\"#true\"");
    private static final byte[] KEY_FALSE = JsonLines.ascii("\"#false\"");
    private static final byte[] KEY_NIL = JsonLines.ascii("\"#nil\"");
    private static final byte[] VALUE = key("val");
    private static final byte[] BINARY = JsonLines.ascii(",\"binary\":true,\"base64\":\"");
    private static final byte[] REFERENCES = key("refs");

    /** A longer String is referred to. */
    private static final int LONGEST_IN_PLACE = 64;
    /** So many of one object's values stand for themselves, and the others are referred to. */
    private static final int MOST_IN_PLACE = 1 << 14;
    /** A multiple of three, for base 64. */
    private static final int PIECE = 3 << 14;
    /** A longer String of another encoding is not made into UTF-8. */
    private static final int LONGEST_DECODED = 1 << 24;

    private static final int LONGEST_NAME = 1 << 14;
    private static final int NEAR = 16;
    private static final int DEEPEST = 16;

    private final ObjectReader reader;
    private final Reader memory;
    private final RFloat floatView;
    private final RSymbol symbolView;
    private final JsonLines json;
    private final StringDecoder decoder;
    private final long nil;
    private final long undef;

    private final char[] closers = new char[DEEPEST];
    private int depth;
    private boolean first;

    private long[] inPlace = new long[64];
    private int inPlaceCount;

    DumpLine(ObjectReader reader, JsonLines json) {
        this.reader = reader;
        this.memory = reader.memory();
        this.floatView = new RFloat(reader);
        this.symbolView = new RSymbol(reader);
        this.json = json;
        this.decoder = new StringDecoder(reader);
        this.nil = reader.constants().nil();
        this.undef = reader.constants().undef();
    }

    /** A key with what goes around it, to be kept in a constant. */
    static byte[] key(String name) {
        return JsonLines.ascii(",\"" + name + "\":");
    }

    // --- The frame.

    /** Begins the line with what {@code opening} has, a brace and a first member. */
    void begin() {
        depth = 0;
        first = false;
        inPlaceCount = 0;
        closers[depth++] = '}';
    }

    /** Ends the line, and everything that is open in it. */
    void closeAll() {
        while (depth > 0) {
            close();
        }
        json.newline();
    }

    /** Ends everything that is open in the line. */
    void closeInner() {
        while (depth > 1) {
            close();
        }
    }

    void name(byte[] key) {
        json.raw(key);
    }

    void openArray() {
        json.raw('[');
        open(']');
    }

    void openObject() {
        json.raw('{');
        open('}');
    }

    private void open(char closer) {
        closers[depth++] = closer;
        first = true;
    }

    void close() {
        json.raw(closers[--depth]);
        first = false;
    }

    /** To be called before each element. */
    void comma() {
        if (!first) {
            json.raw(',');
        }
        first = false;
    }

    /** A name as a key among others, as it is; one that has none is told by a number. */
    void member(Optional<byte[]> name, long number) {
        comma();
        if (name.isPresent()) {
            json.string(cut(name.get()));
        } else {
            json.string("#" + Long.toUnsignedString(number));
        }
        json.raw(':');
    }

    /** A name that readers of JSON take for a key: some refuse longer ones, which only damage or malice makes. */
    private static byte[] cut(byte[] name) {
        return name.length <= LONGEST_NAME ? name : Arrays.copyOf(name, LONGEST_NAME);
    }

    // --- Keys with one value.

    void reference(byte[] key, long address) {
        json.raw(key);
        if (address == 0) {
            json.raw(NULL);
        } else {
            json.address(address);
        }
    }

    void number(byte[] key, long number) {
        json.raw(key);
        json.decimal(number);
    }

    void text(byte[] key, CharSequence text) {
        json.raw(key);
        json.string(text);
    }

    void text(byte[] key, byte[] utf8) {
        json.raw(key);
        json.string(utf8);
    }

    void flag(byte[] key, boolean value) {
        json.raw(key);
        json.raw(value ? TRUE : FALSE);
    }

    void value(byte[] key, long value) {
        json.raw(key);
        value(value);
    }

    // --- Values.

    /** A value among others. */
    void value(long value) {
        if (SpecialConstants.isFixnum(value)) {
            json.decimal(value >> 1);
        } else if (SpecialConstants.isFlonum(value)) {
            number(SpecialConstants.flonum(value));
        } else if (SpecialConstants.isStaticSymbol(value)) {
            symbol(value);
        } else if (value == 0) {
            json.raw(FALSE);
        } else if (value == nil) {
            json.raw(NULL);
        } else if (value == SpecialConstants.TRUE) {
            json.raw(TRUE);
        } else if (value == undef) {
            json.raw(UNDEFINED);
        } else if ((value & 7) != 0) {
            json.string("#0x" + Long.toHexString(value));
        } else if (!inPlace(value, false)) {
            json.address(value);
        }
    }

    private void number(double number) {
        if (Double.isFinite(number)) {
            json.exact(number);
        } else {
            json.raw(Double.isNaN(number) ? NAN : number > 0 ? INFINITY : NEGATIVE_INFINITY);
        }
    }

    /** A value that is the key of another: JSON has only strings for that. */
    void key(long value, boolean mayStandForItself) {
        if (SpecialConstants.isFixnum(value)) {
            json.raw('"');
            json.raw('#');
            json.decimal(value >> 1);
            json.raw('"');
        } else if (SpecialConstants.isFlonum(value)) {
            json.string("#" + SpecialConstants.flonum(value));
        } else if (value == 0) {
            json.raw(KEY_FALSE);
        } else if (value == nil) {
            json.raw(KEY_NIL);
        } else if (value == SpecialConstants.TRUE) {
            json.raw(KEY_TRUE);
        } else if (reader.constants().isReference(value)) {
            if (!mayStandForItself || !inPlace(value, true)) {
                json.address(value);
            }
        } else {
            value(value);
        }
        json.raw(':');
    }

    private void symbol(long value) {
        long id = value >>> 8;
        Optional<byte[]> name = reader.symbols().bytesOf(id);
        if (name.isPresent()) {
            prefixed(':', cut(name.get()));
        } else {
            json.string("#0x" + Long.toHexString(value));
        }
    }

    private void prefixed(char prefix, byte[] text) {
        json.raw('"');
        json.raw(prefix);
        json.text(MemorySegment.ofArray(text), 0, text.length);
        json.endText();
        json.raw('"');
    }

    /** Writes what a reference leads to as itself, if that is short. Returns whether it did. */
    private boolean inPlace(long reference, boolean asKey) {
        if (inPlaceCount >= MOST_IN_PLACE || !reader.isSlot(reference)) {
            return false;
        }
        try {
            RValue found = reader.at(reference);
            switch (found.type()) {
                case STRING -> {
                    return stringInPlace(reference);
                }
                case FLOAT -> {
                    double number = found.as(floatView).value();
                    remember(reference);
                    if (asKey) {
                        json.string("#" + number);
                    } else {
                        number(number);
                    }
                    return true;
                }
                case SYMBOL -> {
                    Optional<byte[]> name =
                            reader.symbols().bytesOfString(found.as(symbolView).name());
                    if (name.isEmpty() || name.get().length > LONGEST_NAME) {
                        return false;
                    }
                    remember(reference);
                    prefixed(':', name.get());
                    return true;
                }
                default -> {
                    return false;
                }
            }
        } catch (UnmappedAddressException e) {
            return false;
        }
    }

    /** Writes a String as itself, if it is one that can be. Returns whether it was. */
    private boolean stringInPlace(long address) {
        int length;
        long offset;
        try {
            RString string = reader.stringAt(address);
            if (!string.embedded()) {
                return false;
            }
            length = (int) string.length();
            int encoding = string.encodingIndex();
            if (length < 0 || length > LONGEST_IN_PLACE || encoding > Encodings.US_ASCII) {
                return false;
            }
            boolean utf8 = encoding == Encodings.UTF_8 && string.codeRange() == RString.CODE_RANGE_VALID;
            offset = memory.require(string.bytes(), length);
            if (!utf8 && !ascii(memory.segment(), offset, length)) {
                return false;
            }
        } catch (UnmappedAddressException e) {
            return false;
        }
        remember(address);
        MemorySegment bytes = memory.segment();
        if (looksLikeAnother(bytes, offset, length)) {
            json.raw('"');
            json.raw('\\');
            json.raw('\\');
            json.text(bytes, offset, length);
            json.endText();
            json.raw('"');
        } else {
            json.string(bytes, offset, length);
        }
        return true;
    }

    private static boolean looksLikeAnother(MemorySegment bytes, long offset, int length) {
        if (length == 0) {
            return false;
        }
        return switch (bytes.get(Words.BYTE, offset)) {
            case ':', '#', '\\' -> true;
            case '0' -> length > 1 && bytes.get(Words.BYTE, offset + 1) == 'x';
            default -> false;
        };
    }

    private static boolean ascii(MemorySegment bytes, long offset, int length) {
        long at = offset;
        long end = offset + length;
        for (; at <= end - Long.BYTES; at += Long.BYTES) {
            if ((bytes.get(Words.LONG, at) & 0x8080808080808080L) != 0) {
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

    /** Keeps a reference for {@link #references()}. */
    void remember(long address) {
        if (inPlaceCount == inPlace.length) {
            inPlace = Arrays.copyOf(inPlace, 2 * inPlaceCount);
        }
        inPlace[inPlaceCount++] = address;
    }

    /** Names what stood for itself, and what else was to be remembered. */
    void references() {
        if (inPlaceCount == 0) {
            return;
        }
        json.raw(REFERENCES);
        openArray();
        for (int i = 0; i < inPlaceCount; i++) {
            if (!repeated(i)) {
                comma();
                json.address(inPlace[i]);
            }
        }
        close();
    }

    /** Whether the same reference stands a little before this one. */
    private boolean repeated(int index) {
        for (int i = Math.max(0, index - NEAR); i < index; i++) {
            if (inPlace[i] == inPlace[index]) {
                return true;
            }
        }
        return false;
    }

    // --- Texts of any length.

    /** The contents of a String as {@code val}: text, and its bytes beside it where they are not valid. */
    void contents(RString string) {
        long length = string.length();
        long bytes = string.bytes();
        if (length < 0 || length > 0 && !memory.mapped(bytes, length)) {
            throw new UnmappedAddressException(bytes, bytes, Math.max(0, length));
        }
        int encoding = string.encodingIndex();
        boolean valid = encoding == Encodings.UTF_8 || encoding <= Encodings.US_ASCII && ascii(bytes, length);
        if (encoding > Encodings.US_ASCII && length <= LONGEST_DECODED) {
            Optional<String> text = decoder.text(
                    string.content(LONGEST_DECODED), reader.encodings().indexOf(string), false);
            if (text.isPresent()) {
                text(VALUE, text.get());
                return;
            }
        }
        json.raw(VALUE);
        json.raw('"');
        for (long done = 0; done < length; done += PIECE) {
            int some = (int) Math.min(PIECE, length - done);
            long offset = memory.find(bytes + done, some);
            if (offset < 0) {
                // It was unmapped since it was looked up; what is missing shows in base 64 too.
                break;
            }
            json.text(memory.segment(), offset, some);
        }
        valid &= json.endText();
        json.raw('"');
        if (!valid) {
            base64(bytes, length);
        }
    }

    private boolean ascii(long bytes, long length) {
        for (long done = 0; done < length; done += PIECE) {
            int some = (int) Math.min(PIECE, length - done);
            long offset = memory.require(bytes + done, some);
            if (!ascii(memory.segment(), offset, some)) {
                return false;
            }
        }
        return true;
    }

    private void base64(long bytes, long length) {
        json.raw(BINARY);
        for (long done = 0; done < length; done += PIECE) {
            int some = (int) Math.min(PIECE, length - done);
            long offset = memory.find(bytes + done, some);
            if (offset < 0) {
                break;
            }
            json.base64(memory.segment(), offset, some);
        }
        json.raw('"');
    }
}
