// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.dump;

import dev.heapwalk.heap.dump.DumpLimit;
import dev.heapwalk.memory.Reader;
import dev.heapwalk.memory.UnmappedAddressException;
import dev.heapwalk.memory.raw.Words;
import dev.heapwalk.ruby.ObjectReader;
import dev.heapwalk.ruby.RubyType;
import dev.heapwalk.ruby.name.Encodings;
import dev.heapwalk.ruby.object.RArray;
import dev.heapwalk.ruby.object.RString;
import dev.heapwalk.ruby.object.RSymbol;
import dev.heapwalk.text.JsonLines;
import dev.heapwalk.text.TargetText;
import dev.heapwalk.text.TextForm;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.function.LongPredicate;

/**
 * Writes what Strings hold in the format of heap_dump: their text, and their bytes beside it where the text is not
 * enough. It also tells whether another object's line has the same contents, which are then not written again.
 *
 * <p>What tells that is the object that the others share with, which Ruby calls the shared root: a substring lies in
 * the root's bytes, a slice in its elements. So it needs no memory of what was written, and the threads of a dump come
 * to the same lines in whatever order they write. A root may itself share with another; as long as all of them hold
 * what they should, a reader comes to one that writes it.
 */
final class Contents {
    private static final byte[] VALUE = DumpLine.key("val");
    private static final byte[] OFFSET = DumpLine.key("offset");
    private static final byte[] LENGTH = DumpLine.key("length");

    private static final int LONGEST_IN_PLACE = 64;
    /** Contents of so many bytes, 8 for each element, are written again: to refer to them takes as much room. */
    private static final int LONGEST_REPEATED = 64;
    /** The longest name or source that is written beside the line of its String, in bytes. */
    private static final int LONGEST_BESIDE = 1 << 10;
    /** Longer chains of roots are only made by damage or malice. */
    private static final int LONGEST_CHAIN = 8;
    /** No character is longer, in bytes. */
    private static final int LONGEST_CHARACTER = 8;
    /** A longer part of a String has no digest of its own: there may be many that are nearly all of it. */
    private static final int LONGEST_DIGESTED = 1 << 16;

    private final ObjectReader reader;
    private final Reader memory;
    private final JsonLines json;
    private final TargetText text;
    private final TargetText names;
    private final RArray arrayView;
    private final LongPredicate written;
    private final long room;
    /** A longer String is referred to. */
    private final long inPlace;

    private TextForm[] forms = {};

    /**
     * Prepares to write.
     *
     * @param reader what reads the objects
     * @param json where the lines go
     * @param text writes there what Strings hold
     * @param written tells of the address of a slot whether the dump has its line
     * @param room how many bytes the dump may have; contents that are longer are not begun
     */
    Contents(ObjectReader reader, JsonLines json, TargetText text, LongPredicate written, long room) {
        this.reader = reader;
        this.memory = reader.memory();
        this.json = json;
        this.text = text;
        this.names = text.rules().redacts()
                ? new TargetText(memory, json, text.rules().naming())
                : text;
        this.arrayView = new RArray(reader);
        this.written = written;
        this.room = room;
        this.inPlace = Math.min(LONGEST_IN_PLACE, text.rules().most());
    }

    /**
     * Writes the contents of a String as {@code val} and the keys beside it.
     *
     * @throws DumpLimit.LineTooLong if the dump has no room for them
     */
    void write(RString string) {
        write(string, text);
    }

    /** Writes a String that is a name likewise, but never redacted. */
    void writeName(RString string) {
        write(string, names);
    }

    private void write(RString string, TargetText by) {
        long length = string.length();
        long bytes = string.bytes();
        if (!by.rules().redacts() && Math.min(length, by.rules().most()) > room && memory.mapped(bytes, length)) {
            throw new DumpLimit.LineTooLong();
        }
        by.members(VALUE, bytes, length, form(string));
    }

    /** Writes the contents of a String as one value, which is an object where a string does not tell them. */
    void value(RString string) {
        value(string, text);
    }

    /** Writes a String that is a name likewise, but never redacted. */
    void valueOfName(RString string) {
        value(string, names);
    }

    private void value(RString string, TargetText by) {
        long length = string.length();
        long bytes = string.bytes();
        by.value(bytes, length, form(string));
    }

    /** Writes a text that was read already as one value, likewise. */
    void value(String read) {
        text.value(read);
    }

    /** Writes a text that was made of an object as {@code val}, likewise. */
    void write(String made) {
        text.members(VALUE, made);
    }

    private TextForm form(RString string) {
        int index = string.encodingIndex();
        if (index == Encodings.UTF_8) {
            return TextForm.UTF_8;
        }
        if (index <= Encodings.US_ASCII) {
            return TextForm.BYTES;
        }
        int encoding = reader.encodings().indexOf(string);
        if (encoding < 0) {
            return TextForm.OPAQUE;
        }
        if (encoding >= forms.length) {
            forms = Arrays.copyOf(forms, encoding + 1);
        }
        if (forms[encoding] == null) {
            Encodings encodings = reader.encodings();
            forms[encoding] = encodings
                    .charset(encoding)
                    .map(TextForm::of)
                    .orElseGet(() -> encodings.asciiCompatible(encoding) ? TextForm.BYTES : TextForm.OPAQUE);
        }
        return forms[encoding];
    }

    /** Whether digests stand in place of text. */
    boolean redacts() {
        return text.rules().redacts();
    }

    /**
     * Whether a Symbol has a digest in place of its name: that may be data if it was made of a String, and neither code
     * nor a table uses it as a name.
     */
    boolean redacted(RSymbol symbol) {
        return redacts() && !symbol.numbered();
    }

    /** Writes a String as itself, if it is one that can be. Returns whether it was. */
    boolean inPlace(long address) {
        if (redacts()) {
            return false;
        }
        int length;
        long offset;
        try {
            RString string = reader.stringAt(address);
            if (!string.embedded()) {
                return false;
            }
            length = (int) string.length();
            int encoding = string.encodingIndex();
            if (length < 0 || length > inPlace || encoding > Encodings.US_ASCII) {
                return false;
            }
            boolean utf8 = encoding == Encodings.UTF_8 && string.codeRange() == RString.CODE_RANGE_VALID;
            offset = memory.require(string.bytes(), length);
            if (!utf8 && !TargetText.ascii(memory.segment(), offset, length)) {
                return false;
            }
        } catch (UnmappedAddressException e) {
            return false;
        }
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

    // --- What another line has.

    /** Whether the dump has the line of an object; false where no slot begins. */
    boolean writtenAt(long address) {
        return reader.isSlot(address) && written.test(address);
    }

    /**
     * Says which of another String's bytes those of a String are, if the line of that one leads to them. Returns
     * whether it does.
     *
     * @param root target address of the String that it shares its bytes with
     * @param bytes target address of its bytes
     * @param length how many there are
     */
    boolean substring(long root, long bytes, long length) {
        return length > LONGEST_REPEATED && inRoot(RubyType.STRING, root, bytes, length, 1);
    }

    /** Says the same of an Array: which of another's elements its own are, 8 bytes each. */
    boolean slice(long root, long elements, long count) {
        return count > LONGEST_REPEATED / 8
                && count <= Long.MAX_VALUE / 8
                && inRoot(RubyType.ARRAY, root, elements, 8 * count, 8);
    }

    private boolean inRoot(RubyType type, long root, long bytes, long length, int unit) {
        long first = 0;
        long firstLength = 0;
        long at = root;
        long from = bytes;
        long count = length;
        try {
            for (int i = 0; i < LONGEST_CHAIN; i++) {
                if (!writtenAt(at)) {
                    return false;
                }
                boolean shared;
                long next;
                long start;
                long size;
                if (type == RubyType.STRING) {
                    if (!reader.isString(at)) {
                        return false;
                    }
                    RString found = reader.stringAt(at);
                    shared = found.shared();
                    next = shared ? found.auxiliary() : 0;
                    start = found.bytes();
                    size = found.length();
                } else {
                    RArray found = reader.at(at, arrayView);
                    if (found.type() != type || found.length() < 0 || found.length() > Long.MAX_VALUE / 8) {
                        return false;
                    }
                    shared = found.shared();
                    next = shared ? found.auxiliary() : 0;
                    start = found.elements();
                    size = 8 * found.length();
                }
                if (!within(from, count, start, size) || (from - start) % unit != 0) {
                    return false;
                }
                if (i == 0) {
                    first = start;
                    firstLength = size;
                }
                if (!shared) {
                    return memory.mapped(start, size)
                            && (type != RubyType.STRING || told(bytes - start, length, size))
                            && part(bytes - first, length, firstLength, unit);
                }
                at = next;
                from = start;
                count = size;
            }
        } catch (UnmappedAddressException e) {
            // Then its own line says what can be read.
        }
        return false;
    }

    /**
     * Whether the line of a String tells a part of it as well as the part's own line would: it is before where that is
     * cut, or it is itself too long to be told.
     */
    private boolean told(long before, long length, long size) {
        long most = text.rules().most();
        return redacts()
                ? length > LONGEST_DIGESTED
                : size <= most || length > most || before + length <= most - LONGEST_CHARACTER;
    }

    private static boolean within(long from, long count, long start, long size) {
        long before = from - start;
        return before >= 0 && count <= size && before <= size - count;
    }

    private boolean part(long before, long length, long of, int unit) {
        if (before > 0) {
            json.raw(OFFSET);
            json.decimal(before / unit);
        }
        if (length < of - before) {
            json.raw(LENGTH);
            json.decimal(length / unit);
        }
        return true;
    }

    /**
     * Whether the name or source that a String holds for another object is left to the String's own line, as it is
     * long.
     *
     * @param address target address of the String
     * @param length how many bytes it has
     */
    boolean leftTo(long address, long length) {
        return length > LONGEST_BESIDE && written.test(address);
    }
}
