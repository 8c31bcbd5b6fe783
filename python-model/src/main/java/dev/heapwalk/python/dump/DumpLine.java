// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.python.dump;

import dev.heapwalk.memory.raw.Words;
import dev.heapwalk.python.ObjectCursor;
import dev.heapwalk.python.ObjectReader;
import dev.heapwalk.python.layout.ObjectLayout;
import dev.heapwalk.python.layout.PythonLayout;
import dev.heapwalk.python.object.PyBytes;
import dev.heapwalk.python.object.PyFloat;
import dev.heapwalk.python.object.PyLong;
import dev.heapwalk.python.object.PyObject;
import dev.heapwalk.python.object.PyUnicode;
import dev.heapwalk.text.JsonLines;
import dev.heapwalk.text.ObjectLine;
import dev.heapwalk.text.TargetText;
import dev.heapwalk.text.TextForm;
import dev.heapwalk.text.TextRules;
import java.lang.foreign.MemorySegment;
import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.util.Optional;

/**
 * Writes one line of a dump: its keys, its brackets, and the form that values have in it.
 *
 * <p>A value among others is a number, true, false or null for what these are in Python, and a string for everything
 * else, which its beginning tells: {@code 0x} a reference, {@code #} something that JSON has no word for, {@code \} a
 * string that would look like one of these, and anything else a string. Short strings and numbers stand for themselves
 * where they are referred to; {@link #reference(long)} of what was not {@link #isShown} names them, so that no reference
 * is lost. What leads to no object is never written as a reference.
 */
final class DumpLine extends ObjectLine {
    private static final byte[] EMPTY = JsonLines.ascii("\"#empty\"");
    private static final byte[] KEY_TRUE = JsonLines.ascii("\"#True\"");
    private static final byte[] KEY_FALSE = JsonLines.ascii("\"#False\"");
    private static final byte[] KEY_NONE = JsonLines.ascii("\"#None\"");

    private static final TextForm LATIN = TextForm.of(StandardCharsets.ISO_8859_1);
    private static final TextForm UTF_16 = TextForm.of(StandardCharsets.UTF_16LE);
    private static final TextForm UTF_32 = TextForm.of(StandardCharsets.UTF_32LE);

    /** A longer string is referred to, in bytes. */
    private static final int LONGEST_IN_PLACE = 64;
    /** A longer name as a key is cut where longer text is allowed, in bytes. */
    private static final int LONGEST_KEY = 1 << 15;
    /** A longer name is cut, in characters. */
    private static final int LONGEST_NAME = 1 << 9;
    /** Numbers of so many digits of 30 bits may have 64 bits. */
    private static final int FEW_DIGITS = 3;

    private static final int UNITS = 1 << 12;
    private static final long HASHED = 0x9e3779b97f4a7c15L;

    private final ObjectReader reader;
    private final TargetText text;
    private final TextRules rules;
    private final ObjectCursor numbers;
    private final TypeKeys types;
    private final Listed listed;
    private final Shown shown = new Shown();
    /** Numbers of the names that are keys of the object that is open. */
    private final Shown keys = new Shown();

    private final PyLong number;
    private final PyFloat real;
    private final PyUnicode unicode;
    private final PyBytes bytes;
    /** Where strings are bytes: 2.7. */
    private final boolean bytesAreText;

    private final long inPlace;
    private final int longestKey;

    DumpLine(
            ObjectReader reader, JsonLines json, TextRules rules, ObjectCursor numbers, TypeKeys types, Listed listed) {
        super(json, reader.memory());
        this.reader = reader;
        this.text = new TargetText(memory, json, rules);
        this.rules = rules;
        this.numbers = numbers;
        this.types = types;
        this.listed = listed;
        this.number = new PyLong(reader);
        this.real = new PyFloat(reader);
        this.unicode = new PyUnicode(reader);
        this.bytes = new PyBytes(reader);
        this.bytesAreText =
                PythonLayout.of(reader.series(), reader.freeThreaded()).string().asciiSize() < 0;
        this.inPlace = Math.min(LONGEST_IN_PLACE, rules.most());
        this.longestKey = (int) Math.min(LONGEST_KEY, rules.most());
    }

    /** Begins a line; its brace and its first member are to be written as they are. */
    void begin() {
        beginLine();
        shown.clear();
    }

    // --- References.

    /** Whether an object with a line lies at an address. */
    boolean isListed(long address) {
        return listed.contains(address);
    }

    /** Whether the line has a reference already, as far as that is known; from now on it has. */
    boolean isShown(long address) {
        return !shown.add(address);
    }

    /** A reference among others, to what {@link #isListed}. */
    void reference(long address) {
        shown.add(address);
        json.address(address);
    }

    /** A key with a reference; null if it leads to no object. */
    void reference(byte[] key, long address) {
        json.raw(key);
        if (address != 0 && listed.contains(address)) {
            reference(address);
        } else {
            json.raw(NULL);
        }
    }

    /** A key with a reference, if it leads to an object. */
    void referenceIfAny(byte[] key, long address) {
        if (address != 0 && listed.contains(address)) {
            json.raw(key);
            reference(address);
        }
    }

    // --- Names, which are always told.

    /** A key with a name, if an object is text. */
    void name(byte[] key, long address) {
        Optional<String> name = nameAt(address);
        if (name.isPresent()) {
            json.raw(key);
            json.string(name.get());
        }
    }

    /** A key with a name. */
    void name(byte[] key, String name) {
        json.raw(key);
        json.string(cut(name));
    }

    /** The text of an object that is a name, cut where it is long; empty if it is no text. */
    Optional<String> nameAt(long address) {
        if (reader.find(address, unicode)) {
            return Optional.of(cut(unicode.text(LONGEST_NAME + 1)));
        }
        return bytesAreText && reader.find(address, bytes)
                ? Optional.of(cut(bytes.text(LONGEST_NAME + 1)))
                : Optional.empty();
    }

    private static String cut(String name) {
        if (name.length() <= LONGEST_NAME) {
            return name;
        }
        int end = LONGEST_NAME - (Character.isHighSurrogate(name.charAt(LONGEST_NAME - 1)) ? 1 : 0);
        return name.substring(0, end) + "…";
    }

    /** A word as the key of a member. */
    void member(String word) {
        comma();
        json.string(word);
        json.raw(':');
    }

    // --- Names as keys of members.

    /** Begins an object whose keys are names, each of them once. */
    void openNames() {
        keys.clear();
        openObject();
    }

    /**
     * A name as the key of a member.
     *
     * @param name target address of an object, mostly a text
     * @return whether it was written; not if the object that is open has that key
     */
    boolean member(long name) {
        if (reader.find(name, unicode)) {
            int unit = Math.max(1, unicode.kind());
            return member(unicode.text(longestKey / unit), unicode.length() > longestKey / unit, name);
        }
        return bytesAreText && reader.find(name, bytes)
                ? member(bytes.text(longestKey), bytes.size() > longestKey, name)
                : unique("#0x" + Long.toHexString(name));
    }

    /** Likewise a name that is a C string. */
    boolean slot(long name) {
        String text = memory.readCString(name, longestKey + 1, "");
        boolean isCut = text.length() > longestKey || text.getBytes(StandardCharsets.UTF_8).length > longestKey;
        return member(isCut ? text.substring(0, text.offsetByCodePoints(text.length(), -1)) : text, isCut, name);
    }

    /** Where it is not all that there is, the place of the name makes it another than those that begin likewise. */
    private boolean member(String text, boolean isCut, long name) {
        boolean looksLikeAnother = text.startsWith("0x") || text.startsWith("#") || text.startsWith("\\");
        String key = looksLikeAnother ? "\\" + text : text;
        return unique(isCut ? key + "…0x" + Long.toHexString(name) : key);
    }

    private boolean unique(String text) {
        byte[] encoded = text.getBytes(StandardCharsets.UTF_8);
        if (!keys.add(hash(encoded))) {
            return false;
        }
        comma();
        json.string(encoded);
        json.raw(':');
        return true;
    }

    /** A number that two texts hardly share; never 0. */
    private static long hash(byte[] text) {
        long hash = text.length;
        for (byte one : text) {
            hash = (hash ^ one) * HASHED;
            hash ^= hash >>> 29;
        }
        return hash == 0 ? 1 : hash;
    }

    // --- Contents of the object itself.

    /** Text or bytes of the target under a key, as the rules of the dump have it. */
    void contents(byte[] key, long address, long length, TextForm form) {
        text.members(key, address, length, form);
    }

    /** A text that was made of an object, likewise. */
    void contents(byte[] key, String made) {
        text.members(key, made);
    }

    /** The digest of what is not told, with a key of its own. */
    void digest(byte[] opening, long address, long length) {
        text.digest(opening, address, length);
    }

    TextRules rules() {
        return rules;
    }

    void number(byte[] key, double value) {
        json.raw(key);
        json.exact(value);
    }

    void nothing(byte[] key) {
        json.raw(key);
        json.raw(NULL);
    }

    void raw(byte[] json) {
        this.json.raw(json);
    }

    // --- Values.

    /** A value among others: what an object is, if that is short, else a reference to it. */
    @Override
    public void value(long address) {
        if (address == 0) {
            json.raw(EMPTY);
        } else if (!listed.contains(address)) {
            json.string("#0x" + Long.toHexString(address));
        } else if (!inPlace(address, false)) {
            reference(address);
        }
    }

    /** A value as the key of another, with the colon behind it: JSON has only strings for that. */
    void key(long address) {
        comma();
        if (!listed.contains(address)) {
            json.string("#0x" + Long.toHexString(address));
        } else if (!inPlace(address, true)) {
            reference(address);
        }
        json.raw(':');
    }

    /** Writes an object as itself, if it is short. Returns whether it was. */
    private boolean inPlace(long address, boolean asKey) {
        long type = reader.field(address, ObjectLayout.TYPE);
        int index = numbers.numberOf(type);
        if (index < 0) {
            return false;
        }
        TypeKeys.Keys keys = types.of(index, type);
        if (!keys.own()) {
            return false;
        }
        return switch (keys.kind()) {
            case NONE -> word(asKey ? KEY_NONE : NULL);
            case BOOL ->
                lay(address, number) && word(number.small() != 0 ? asKey ? KEY_TRUE : TRUE : asKey ? KEY_FALSE : FALSE);
            case INT -> lay(address, number) && integer(asKey);
            case FLOAT -> lay(address, real) && real(real.value(), asKey);
            case TEXT -> lay(address, unicode) && text(asKey);
            case BYTES -> bytesAreText && lay(address, bytes) && bytes(asKey);
            default -> false;
        };
    }

    /** Lays a view over an object that is known to be of its kind. */
    boolean lay(long address, PyObject view) {
        return reader.lay(address, view);
    }

    private boolean word(byte[] word) {
        json.raw(word);
        return true;
    }

    private boolean integer(boolean asKey) {
        if (number.isShort()) {
            integer(number.small(), asKey);
            return true;
        }
        Optional<BigInteger> value = number.value(FEW_DIGITS);
        if (value.isEmpty() || value.get().bitLength() >= Long.SIZE) {
            return false;
        }
        integer(value.get().longValue(), asKey);
        return true;
    }

    private void integer(long value, boolean asKey) {
        if (asKey) {
            json.raw('"');
            json.raw('#');
            json.decimal(value);
            json.raw('"');
        } else {
            json.decimal(value);
        }
    }

    private boolean real(double value, boolean asKey) {
        if (asKey) {
            // Two that are no numbers may be keys of one dictionary.
            if (Double.isNaN(value)) {
                return false;
            }
            json.string("#" + value);
        } else {
            real(value);
        }
        return true;
    }

    /** The string that a view lies over, if it is short and ASCII, and may be told. */
    private boolean text(boolean asKey) {
        return unicode.ascii()
                && unicode.compact()
                && (!rules.redacts() || asKey && unicode.interned())
                && ascii(unicode.data(), unicode.length());
    }

    private boolean bytes(boolean asKey) {
        return (!rules.redacts() || asKey && bytes.interned()) && ascii(bytes.data(), bytes.size());
    }

    private boolean ascii(long data, long size) {
        if (size < 0 || size > inPlace) {
            return false;
        }
        int length = (int) size;
        long offset = memory.find(data, length);
        if (offset < 0) {
            return false;
        }
        MemorySegment segment = memory.segment();
        if (!TargetText.ascii(segment, offset, length) || rules.redacts() && !isName(segment, offset, length)) {
            return false;
        }
        if (looksLikeAnother(segment, offset, length)) {
            json.raw('"');
            json.raw('\\');
            json.raw('\\');
            json.text(segment, offset, length);
            json.endText();
            json.raw('"');
        } else {
            json.string(segment, offset, length);
        }
        return true;
    }

    private static boolean looksLikeAnother(MemorySegment segment, long offset, int length) {
        if (length == 0) {
            return false;
        }
        return switch (segment.get(Words.BYTE, offset)) {
            case '#', '\\' -> true;
            case '0' -> length > 1 && segment.get(Words.BYTE, offset + 1) == 'x';
            default -> false;
        };
    }

    /** Whether a text can be the name of a variable. */
    private static boolean isName(MemorySegment segment, long offset, int length) {
        for (int i = 0; i < length; i++) {
            byte one = segment.get(Words.BYTE, offset + i);
            boolean letter = one >= 'a' && one <= 'z' || one >= 'A' && one <= 'Z' || one == '_';
            if (!letter && (i == 0 || one < '0' || one > '9')) {
                return false;
            }
        }
        return length > 0;
    }

    /** What makes text of a string's bytes. */
    TextForm form(PyUnicode of) {
        return switch (of.kind()) {
            case 1 -> of.ascii() ? TextForm.UTF_8 : LATIN;
            case 2 -> UTF_16;
            case 4 -> isText(of.data(), of.length()) ? UTF_32 : TextForm.OPAQUE;
            default -> TextForm.OPAQUE;
        };
    }

    /** Whether units of 32 bits are characters, as far as they are told: Java's decoder takes halves of pairs. */
    private boolean isText(long data, long length) {
        long told = Math.min(length, rules.most() / Integer.BYTES + 1);
        for (long done = 0; done < told; done += UNITS) {
            int some = (int) Math.min(UNITS, told - done);
            long offset = memory.find(data + done * Integer.BYTES, (long) some * Integer.BYTES);
            if (offset < 0) {
                return false;
            }
            MemorySegment segment = memory.segment();
            for (int i = 0; i < some; i++) {
                int one = segment.get(Words.INT, offset + (long) i * Integer.BYTES);
                if (!Character.isValidCodePoint(one) || one >>> 11 == Character.MIN_SURROGATE >>> 11) {
                    return false;
                }
            }
        }
        return true;
    }
}
