// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.dump;

import dev.heapwalk.memory.Reader;
import dev.heapwalk.memory.UnmappedAddressException;
import dev.heapwalk.memory.raw.Words;
import dev.heapwalk.ruby.ObjectReader;
import dev.heapwalk.ruby.RubyType;
import dev.heapwalk.ruby.name.Encodings;
import dev.heapwalk.ruby.name.StringDecoder;
import dev.heapwalk.ruby.object.RArray;
import dev.heapwalk.ruby.object.RString;
import dev.heapwalk.text.JsonLines;
import java.lang.foreign.MemorySegment;
import java.util.Optional;
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
    private static final byte[] BINARY = JsonLines.ascii(",\"binary\":true,\"base64\":\"");
    private static final byte[] OFFSET = DumpLine.key("offset");
    private static final byte[] LENGTH = DumpLine.key("length");

    /** A longer String is referred to. */
    private static final int LONGEST_IN_PLACE = 64;
    /** Contents of so many bytes, 8 for each element, are written again: to refer to them takes as much room. */
    private static final int LONGEST_REPEATED = 64;
    /** The longest name or source that is written beside the line of its String, in bytes. */
    private static final int LONGEST_BESIDE = 1 << 10;
    /** Longer chains of roots are only made by damage or malice. */
    private static final int LONGEST_CHAIN = 8;
    /** A multiple of three, for base 64. */
    private static final int PIECE = 3 << 14;
    /** A longer String of another encoding is not made into UTF-8. */
    private static final int LONGEST_DECODED = 1 << 24;

    private final ObjectReader reader;
    private final Reader memory;
    private final JsonLines json;
    private final StringDecoder decoder;
    private final RArray arrayView;
    private final LongPredicate written;
    private final long room;

    /**
     * Prepares to write.
     *
     * @param reader what reads the objects
     * @param json where the text goes
     * @param written tells of the address of a slot whether the dump has its line
     * @param room how many bytes the dump may have; contents that are longer are not begun
     */
    Contents(ObjectReader reader, JsonLines json, LongPredicate written, long room) {
        this.reader = reader;
        this.memory = reader.memory();
        this.json = json;
        this.decoder = new StringDecoder(reader);
        this.arrayView = new RArray(reader);
        this.written = written;
        this.room = room;
    }

    /**
     * Writes the contents of a String as {@code val}: text, and its bytes beside it where they are not valid.
     *
     * @throws DumpLimit.LineTooLong if the dump has no room for them
     */
    void write(RString string) {
        long length = string.length();
        long bytes = string.bytes();
        if (length < 0 || length > 0 && !memory.mapped(bytes, length)) {
            throw new UnmappedAddressException(bytes, bytes, Math.max(0, length));
        }
        if (length > room) {
            throw new DumpLimit.LineTooLong();
        }
        int encoding = string.encodingIndex();
        boolean valid = encoding == Encodings.UTF_8 || encoding <= Encodings.US_ASCII && ascii(bytes, length);
        if (encoding > Encodings.US_ASCII && length <= LONGEST_DECODED) {
            Optional<String> text = decoder.text(
                    string.content(LONGEST_DECODED), reader.encodings().indexOf(string), false);
            if (text.isPresent()) {
                json.raw(VALUE);
                json.string(text.get());
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

    /** Writes a String as itself, if it is one that can be. Returns whether it was. */
    boolean inPlace(long address) {
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
                    return memory.mapped(start, size) && part(bytes - first, length, firstLength, unit);
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
