// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.name;

import dev.heapwalk.memory.Reader;
import dev.heapwalk.memory.UnmappedAddressException;
import dev.heapwalk.ruby.ObjectReader;
import dev.heapwalk.ruby.RValue;
import dev.heapwalk.ruby.RubyType;
import dev.heapwalk.ruby.SlotCursor;
import dev.heapwalk.ruby.SlotState;
import dev.heapwalk.ruby.layout.DataLayout;
import dev.heapwalk.ruby.layout.Flags;
import dev.heapwalk.ruby.object.DataTypes;
import dev.heapwalk.ruby.object.IvarCursor;
import dev.heapwalk.ruby.object.RData;
import java.nio.charset.Charset;
import java.nio.charset.IllegalCharsetNameException;
import java.nio.charset.StandardCharsets;
import java.nio.charset.UnsupportedCharsetException;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/**
 * The encodings that a target knows, by number: the first twelve are the same in all versions, the others are read from
 * the objects of class Encoding when first asked for. For one thread.
 */
public final class Encodings {
    /** The number of ASCII-8BIT, which is no encoding but any bytes. */
    public static final int BINARY = 0;
    /** The number of UTF-8. */
    public static final int UTF_8 = 1;
    /** The number of US-ASCII. */
    public static final int US_ASCII = 2;
    /** The number that stands for one that does not fit in the flags: {@code ENCODING_INLINE_MAX}. */
    public static final int ELSEWHERE = 127;

    private static final String[] BUILTIN = {
        "ASCII-8BIT",
        "UTF-8",
        "US-ASCII",
        "UTF-16BE",
        "UTF-16LE",
        "UTF-32BE",
        "UTF-32LE",
        "UTF-16",
        "UTF-32",
        "UTF8-MAC",
        "EUC-JP",
        "Windows-31J"
    };
    private static final Optional<String> ENCODING = Optional.of("encoding");
    private static final int MOST = 1 << 16;
    private static final int LONGEST_NAME = 128;
    private static final int INDEX_MASK = (1 << 24) - 1;
    private static final int DUMMY = 1 << 24;

    /** What Java calls otherwise, by Ruby's name in lower case. */
    private static final Map<String, String> OTHER_NAMES = Map.ofEntries(
            Map.entry("utf8-mac", "UTF-8"),
            Map.entry("utf-8-mac", "UTF-8"),
            Map.entry("utf-8-hfs", "UTF-8"),
            Map.entry("cesu-8", "CESU-8"),
            Map.entry("windows-31j", "windows-31j"),
            Map.entry("cp51932", "EUC-JP"),
            Map.entry("eucjp-ms", "EUC-JP"),
            Map.entry("cp949", "x-windows-949"),
            Map.entry("cp950", "x-windows-950"),
            Map.entry("cp936", "GBK"),
            Map.entry("gb12345", "GB2312"),
            Map.entry("big5-uao", "Big5"),
            Map.entry("euc-tw", "x-EUC-TW"),
            Map.entry("tis-620", "TIS-620"),
            Map.entry("windows-874", "x-windows-874"),
            Map.entry("iso-8859-11", "x-iso-8859-11"),
            Map.entry("maccroatian", "x-MacCroatian"),
            Map.entry("maccyrillic", "x-MacCyrillic"),
            Map.entry("macgreek", "x-MacGreek"),
            Map.entry("maciceland", "x-MacIceland"),
            Map.entry("macroman", "x-MacRoman"),
            Map.entry("macromania", "x-MacRomania"),
            Map.entry("macthai", "x-MacThai"),
            Map.entry("macturkish", "x-MacTurkish"),
            Map.entry("macukraine", "x-MacUkraine"),
            Map.entry("maccenteuro", "x-MacCentralEurope"));

    /** One encoding; without a name if it is not known. */
    private record Encoding(Optional<String> name, boolean dummy, Optional<Charset> charset) {
        Encoding(String name, boolean dummy) {
            this(Optional.of(name), dummy, Encodings.charset(name, dummy));
        }
    }

    private static final Encoding NONE = new Encoding(Optional.empty(), false, Optional.empty());

    private final ObjectReader reader;
    private final Reader memory;
    private final List<Encoding> known = new ArrayList<>();
    private IvarCursor ivars;
    private boolean read;

    /**
     * Makes one that has read nothing yet.
     *
     * @param reader what reads the objects
     */
    public Encodings(ObjectReader reader) {
        this.reader = reader;
        this.memory = reader.memory();
        for (int i = 0; i < BUILTIN.length; i++) {
            // UTF-16 and UTF-32 are dummies: their byte order stands in the first character.
            boolean dummy = i == 7 || i == 8;
            known.add(new Encoding(BUILTIN[i], dummy));
        }
    }

    /**
     * The name of an encoding.
     *
     * @param index its number
     * @return the name as {@code Encoding#name} gives it; empty if there is no such encoding
     */
    public Optional<String> name(int index) {
        return at(index).name();
    }

    /**
     * Whether an encoding is a dummy, whose characters Ruby can't tell apart.
     *
     * @param index its number
     * @return {@code Encoding#dummy?}
     */
    public boolean dummy(int index) {
        return at(index).dummy();
    }

    /**
     * The charset that decodes an encoding.
     *
     * @param index its number
     * @return a charset; empty for ASCII-8BIT, for a dummy, and for one that Java does not know
     */
    public Optional<Charset> charset(int index) {
        return at(index).charset();
    }

    /**
     * Whether bytes below 128 are those of ASCII in an encoding.
     *
     * @param index its number
     * @return {@code Encoding#ascii_compatible?}; false if there is no such encoding
     */
    public boolean asciiCompatible(int index) {
        String name = name(index).orElse("");
        return !name.isEmpty()
                && !name.startsWith("UTF-16")
                && !name.startsWith("UTF-32")
                && !name.equals("UTF-7")
                && !name.startsWith("ISO-2022")
                && !name.startsWith("CP5022");
    }

    /**
     * The number of the encoding of a String, Symbol or Regexp.
     *
     * @param object the object
     * @return its number, also where it does not fit in the flags; -1 if it can't be found
     */
    public int indexOf(RValue object) {
        int index = Flags.encodingIndex(object.flags());
        if (index != ELSEWHERE) {
            return index;
        }
        if (ivars == null) {
            ivars = new IvarCursor(reader);
        }
        try {
            ivars.over(object);
            while (ivars.next()) {
                Optional<byte[]> name = ivars.name();
                if (name.isPresent() && new String(name.get(), StandardCharsets.US_ASCII).equals("encoding")) {
                    return (ivars.value() & 1) != 0 ? (int) (ivars.value() >> 1) : -1;
                }
            }
        } catch (UnmappedAddressException e) {
            return -1;
        }
        return -1;
    }

    private Encoding at(int index) {
        if (index < 0) {
            return NONE;
        }
        if ((index >= known.size() || known.get(index) == NONE) && !read) {
            read = true;
            readAll();
        }
        return index < known.size() ? known.get(index) : NONE;
    }

    /** Reads all objects of class Encoding: C names {@code encoding_data_type} and {@code OnigEncodingTypeST}. */
    private void readAll() {
        SlotCursor slot = reader.vm().slots(reader);
        DataTypes types = new DataTypes();
        long type = 0;
        while (slot.next()) {
            if (slot.type() != RubyType.DATA || slot.state() != SlotState.LIVE) {
                continue;
            }
            RData data = slot.asData();
            if (!data.typed() || (type == 0 ? !types.of(data).equals(ENCODING) : data.dataType() != type)) {
                continue;
            }
            type = data.dataType();
            add(data.data());
        }
    }

    private void add(long address) {
        try {
            int flags = memory.readInt(address + DataLayout.ENCODING_INDEX);
            int index = flags & INDEX_MASK;
            String name = memory.readCString(memory.readLong(address + DataLayout.ENCODING_NAME), LONGEST_NAME);
            if (index >= MOST || name.isEmpty()) {
                return;
            }
            while (known.size() <= index) {
                known.add(NONE);
            }
            boolean dummy = (flags & DUMMY) != 0;
            known.set(index, new Encoding(name, dummy));
        } catch (UnmappedAddressException e) {
            // An encoding without a name stays unknown.
        }
    }

    private static Optional<Charset> charset(String name, boolean dummy) {
        if (dummy || name.equals("ASCII-8BIT")) {
            return Optional.empty();
        }
        try {
            return Optional.of(Charset.forName(OTHER_NAMES.getOrDefault(name.toLowerCase(Locale.ROOT), name)));
        } catch (IllegalCharsetNameException | UnsupportedCharsetException e) {
            return Optional.empty();
        }
    }

    /** Forgets what was read. */
    public void forget() {
        read = false;
    }
}
