// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.dump;

import dev.heapwalk.memory.UnmappedAddressException;
import dev.heapwalk.ruby.ObjectReader;
import dev.heapwalk.ruby.RubyType;
import dev.heapwalk.ruby.object.RFloat;
import dev.heapwalk.ruby.object.RString;
import dev.heapwalk.ruby.object.RSymbol;
import dev.heapwalk.ruby.object.SpecialConstants;
import dev.heapwalk.text.JsonLines;
import dev.heapwalk.text.ObjectLine;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Optional;
import java.util.function.LongPredicate;

/**
 * One line of a dump in the format of heap_dump: its keys, its brackets, and the form that values have in it.
 *
 * <p>A value among others is a number, true, false or null for what these are in Ruby, and a string for everything
 * else, which its beginning tells: {@code 0x} a reference, {@code :} a Symbol, {@code #} something that JSON has no
 * word for, {@code \} a String that would look like one of these, and anything else a String. Short Strings and Floats
 * stand for themselves where they are referred to; {@link #references()} names them, so that no reference is lost. What
 * leads to no object is never written as a reference.
 */
final class DumpLine extends ObjectLine {
    private static final byte[] UNDEFINED = JsonLines.ascii("\"#undef\"");
    private static final byte[] KEY_TRUE = JsonLines.ascii("\"#true\"");
    private static final byte[] KEY_FALSE = JsonLines.ascii("\"#false\"");
    private static final byte[] KEY_NIL = JsonLines.ascii("\"#nil\"");
    private static final byte[] REFERENCES = key("refs");

    /** So many of one object's values stand for themselves, and the others are referred to. */
    private static final int MOST_IN_PLACE = 1 << 14;
    /** A longer name is cut, in bytes: what has names may be as small as one reference. */
    private static final int LONGEST_NAME = 1 << 9;
    /** A longer text, such as the path of a file, is cut, in characters. */
    private static final int LONGEST_TEXT = 1 << 12;

    private static final int NEAR = 16;

    private final ObjectReader reader;
    private final RFloat floatView;
    private final RSymbol symbolView;
    private final Contents contents;
    private final LongPredicate written;
    /** Objects of which it is known that they may be referred to: many lines refer to one class. */
    private final long[] listed = new long[1 << 8];

    private final long nil;
    private final long undef;

    private long[] inPlace = new long[64];
    private int inPlaceCount;

    /**
     * Prepares to write lines.
     *
     * @param written tells of the address of an object whether it may be referred to
     */
    DumpLine(ObjectReader reader, JsonLines json, Contents contents, LongPredicate written) {
        super(json, reader.memory());
        this.reader = reader;
        this.floatView = new RFloat(reader);
        this.symbolView = new RSymbol(reader);
        this.contents = contents;
        this.written = written;
        this.nil = reader.constants().nil();
        this.undef = reader.constants().undef();
    }

    // --- Names.

    /** Begins the line with what {@code opening} has, a brace and a first member. */
    void begin() {
        beginLine();
        inPlaceCount = 0;
    }

    void name(byte[] key) {
        json.raw(key);
    }

    /** A name as a key among others, as it is; one that has none is told by a number. */
    void member(Optional<byte[]> name, long number) {
        comma();
        if (name.isPresent()) {
            json.string(cut(name.get(), number));
        } else {
            json.string("#" + Long.toUnsignedString(number));
        }
        json.raw(':');
    }

    /** A name among others that is no key. */
    void element(String name) {
        json.string(cut(name.getBytes(StandardCharsets.UTF_8), 0));
    }

    /** A text among others that is no key. */
    void item(String text) {
        json.string(cut(text));
    }

    /** A name of bearable length. Of one that is cut, a number tells it from others that begin the same. */
    private static byte[] cut(byte[] name, long number) {
        if (name.length <= LONGEST_NAME) {
            return name;
        }
        int end = LONGEST_NAME;
        while (end > LONGEST_NAME - 4 && (name[end] & 0xc0) == 0x80) {
            end--;
        }
        byte[] more = ("…#" + Long.toUnsignedString(number)).getBytes(StandardCharsets.UTF_8);
        byte[] cut = Arrays.copyOf(name, end + more.length);
        System.arraycopy(more, 0, cut, end, more.length);
        return cut;
    }

    // --- Keys with one value.

    /** A reference, null if it leads to no object. */
    void reference(byte[] key, long address) {
        json.raw(key);
        if (listed(address)) {
            json.address(address);
        } else {
            json.raw(NULL);
        }
    }

    /** Whether an object lies at an address, and is one that may be referred to. */
    boolean listed(long address) {
        int place = (int) (address >>> 3) & listed.length - 1;
        if (listed[place] == address && address != 0) {
            return true;
        }
        boolean found = reader.isSlot(address)
                && RubyType.of(reader.memory().readLong(address, 0)) != RubyType.NONE
                && written.test(address);
        if (found) {
            listed[place] = address;
        }
        return found;
    }

    void text(byte[] key, CharSequence text) {
        json.raw(key);
        json.string(text);
    }

    /** A text that many lines may have, such as the name of a class. */
    void label(byte[] key, byte[] utf8) {
        if (utf8.length <= LONGEST_TEXT) {
            json.raw(key);
            json.string(utf8);
        } else {
            label(key, new String(utf8, StandardCharsets.UTF_8));
        }
    }

    /** A text that many lines may have, such as the path of a file. */
    void label(byte[] key, String text) {
        json.raw(key);
        json.string(cut(text));
    }

    private static String cut(String text) {
        if (text.length() <= LONGEST_TEXT) {
            return text;
        }
        int end = LONGEST_TEXT - (Character.isHighSurrogate(text.charAt(LONGEST_TEXT - 1)) ? 1 : 0);
        return text.substring(0, end) + "…";
    }

    /** A text that the program made for itself, such as the name of a thread. */
    void own(byte[] key, String text) {
        if (contents.redacts()) {
            json.raw(key);
            contents.value(text);
        } else {
            label(key, text);
        }
    }

    /** As {@link #own}, among others. */
    void ownItem(String text) {
        if (contents.redacts()) {
            contents.value(text);
        } else {
            item(text);
        }
    }

    // --- Values.

    /** A number among others. */
    void number(long number) {
        json.decimal(number);
    }

    /** A value among others. */
    @Override
    public void value(long value) {
        if (SpecialConstants.isFixnum(value)) {
            json.decimal(value >> 1);
        } else if (SpecialConstants.isFlonum(value)) {
            real(SpecialConstants.flonum(value));
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
        } else {
            reference(value, true, false);
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
            reference(value, mayStandForItself, true);
        } else {
            value(value);
        }
        json.raw(':');
    }

    private void symbol(long value) {
        long id = value >>> 8;
        Optional<byte[]> name = reader.symbols().bytesOf(id);
        if (name.isPresent()) {
            prefixed(':', cut(name.get(), reader.symbols().serial(id)));
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

    /** A reference, or what it leads to as itself, if that is short; something else if it leads to no object. */
    private void reference(long reference, boolean mayStandForItself, boolean asKey) {
        RubyType type = RubyType.NONE;
        if (reader.isSlot(reference)) {
            type = RubyType.of(reader.memory().readLong(reference, 0));
        }
        if (type == RubyType.NONE || !written.test(reference)) {
            json.string("#0x" + Long.toHexString(reference));
        } else if (!mayStandForItself || !inPlace(reference, type, asKey)) {
            json.address(reference);
        }
    }

    /** Writes what a reference leads to as itself, if that is short. Returns whether it did. */
    private boolean inPlace(long reference, RubyType type, boolean asKey) {
        if (inPlaceCount >= MOST_IN_PLACE) {
            return false;
        }
        try {
            switch (type) {
                case STRING -> {
                    if (!contents.inPlace(reference)) {
                        return false;
                    }
                    keep(reference);
                    return true;
                }
                case FLOAT -> {
                    double number = reader.at(reference, floatView).value();
                    keep(reference);
                    if (asKey) {
                        json.string("#" + number);
                    } else {
                        real(number);
                    }
                    return true;
                }
                case SYMBOL -> {
                    RSymbol symbol = reader.at(reference, symbolView);
                    if (contents.redacted(symbol)) {
                        return false;
                    }
                    RString held = reader.stringAt(symbol.name());
                    if (held.length() > LONGEST_NAME) {
                        return false;
                    }
                    byte[] name = held.content(LONGEST_NAME);
                    keep(reference);
                    prefixed(':', name);
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

    /** Keeps a reference for {@link #references()}. */
    void remember(long address) {
        if (listed(address)) {
            keep(address);
        }
    }

    private void keep(long address) {
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
}
