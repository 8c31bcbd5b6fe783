// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.name;

import dev.heapwalk.memory.Reader;
import dev.heapwalk.memory.UnmappedAddressException;
import dev.heapwalk.ruby.ObjectReader;
import dev.heapwalk.ruby.RubyType;
import dev.heapwalk.ruby.layout.RubyLayout;
import dev.heapwalk.ruby.object.RArray;
import dev.heapwalk.ruby.object.RString;
import dev.heapwalk.ruby.object.RSymbol;
import dev.heapwalk.ruby.object.SpecialConstants;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * The names of symbols. C name {@code rb_symbols_t}: its {@code ids} is an array of arrays of 512 pairs of a String and
 * a Symbol, by serial number. Names are kept once made out. For one thread.
 */
public final class SymbolNames {
    private static final int SCOPE_SHIFT = 4;
    /** {@code ID_ENTRY_UNIT}. */
    private static final int UNIT = 512;
    /** A longer name is cut. */
    private static final int LONGEST = 1 << 16;

    /** Names of serial numbers from here on are read each time. */
    private static final int MOST_KEPT = 1 << 22;

    private final ObjectReader reader;
    private final Reader memory;
    private final RArray array;
    private final RString string;
    private final RSymbol dynamic;
    /** By serial number; empty where a name was not read so far, or there is none. */
    private final List<Optional<byte[]>> names = new ArrayList<>();

    private Map<String, Integer> serials;

    /**
     * Makes one that has read nothing yet.
     *
     * @param reader what reads the objects
     */
    public SymbolNames(ObjectReader reader) {
        this.reader = reader;
        this.memory = reader.memory();
        this.array = new RArray(reader);
        this.string = new RString(reader);
        this.dynamic = new RSymbol(reader);
    }

    /**
     * The serial number of an ID.
     *
     * @param id an {@code ID}
     * @return {@code rb_id_to_serial}
     */
    public int serial(long id) {
        return (int)
                (Long.compareUnsigned(id, RubyLayout.of(reader.series()).lastOperator()) > 0 ? id >>> SCOPE_SHIFT : id);
    }

    /**
     * The bytes of an ID's name.
     *
     * @param id an {@code ID}
     * @return its bytes, not to be changed; empty if it has no name
     */
    public Optional<byte[]> bytesOf(long id) {
        return bytesOfSerial(serial(id));
    }

    /**
     * The name of an ID.
     *
     * @param id an {@code ID}
     * @return its name, with replacements for what is not UTF-8; empty if it has none
     */
    public Optional<String> of(long id) {
        return bytesOf(id).map(SymbolNames::text);
    }

    /**
     * The name of an ID that has a serial number.
     *
     * @param serial the number, as in a {@code struct rb_id_table}
     * @return its name, with replacements for what is not UTF-8; empty if it has none
     */
    public Optional<String> ofSerial(int serial) {
        return bytesOfSerial(serial).map(SymbolNames::text);
    }

    private static String text(byte[] bytes) {
        return new String(bytes, StandardCharsets.UTF_8);
    }

    /**
     * The bytes of the name of an ID that has a serial number.
     *
     * @param serial the number, as in a {@code struct rb_id_table}
     * @return its bytes, not to be changed; empty if it has none
     */
    public Optional<byte[]> bytesOfSerial(int serial) {
        if (serial >= 0 && serial < names.size() && names.get(serial).isPresent()) {
            return names.get(serial);
        }
        long name = stringOfSerial(serial);
        Optional<byte[]> read = name == 0 ? Optional.empty() : bytesOfString(name);
        if (read.isPresent() && serial < MOST_KEPT) {
            while (names.size() <= serial) {
                names.add(Optional.empty());
            }
            names.set(serial, read);
        }
        return read;
    }

    /**
     * The String that is the name of an ID.
     *
     * @param serial the serial number of the ID
     * @return target address of the String, 0 if it has none
     */
    public long stringOfSerial(int serial) {
        long ids = reader.vm().symbolIds();
        if (ids == 0 || serial <= 0) {
            return 0;
        }
        try {
            long unit = element(ids, serial / UNIT);
            return unit == 0 ? 0 : element(unit, serial % UNIT * 2);
        } catch (UnmappedAddressException e) {
            return 0;
        }
    }

    private long element(long holder, int index) {
        if (!reader.find(holder, array) || array.type() != RubyType.ARRAY || index >= array.length()) {
            return 0;
        }
        long value = memory.readLong(array.elements() + 8L * index);
        return reader.constants().isReference(value) ? value : 0;
    }

    /**
     * The String that is the name of a Symbol.
     *
     * @param symbol a {@code VALUE}, a static Symbol or a reference to another
     * @return target address of the String, 0 if it has none or is no Symbol
     */
    public long stringOfSymbol(long symbol) {
        if (SpecialConstants.isStaticSymbol(symbol)) {
            return stringOfSerial(serial(symbol >>> 8));
        }
        try {
            return reader.isSlot(symbol) && reader.at(symbol, dynamic).type() == RubyType.SYMBOL ? dynamic.name() : 0;
        } catch (UnmappedAddressException e) {
            return 0;
        }
    }

    /**
     * The bytes of a Symbol.
     *
     * @param symbol a {@code VALUE}, a static Symbol or a reference to another
     * @return its bytes, not to be changed; empty if it has no name or is no Symbol
     */
    public Optional<byte[]> bytesOfSymbol(long symbol) {
        if (SpecialConstants.isStaticSymbol(symbol)) {
            return bytesOfSerial(serial(symbol >>> 8));
        }
        long name = stringOfSymbol(symbol);
        return name == 0 ? Optional.empty() : bytesOfString(name);
    }

    /**
     * The name of a Symbol.
     *
     * @param symbol a {@code VALUE}, a static Symbol or a reference to another
     * @return its name, with replacements for what is not UTF-8; empty if it has none or is no Symbol
     */
    public Optional<String> ofSymbol(long symbol) {
        return bytesOfSymbol(symbol).map(SymbolNames::text);
    }

    /**
     * The bytes of a String, of which a very long one is cut.
     *
     * @param address target address of a String
     * @return its bytes; empty if it is none or can't be read
     */
    public Optional<byte[]> bytesOfString(long address) {
        try {
            return reader.find(address, string) && string.type() == RubyType.STRING
                    ? Optional.of(string.content(LONGEST))
                    : Optional.empty();
        } catch (UnmappedAddressException e) {
            return Optional.empty();
        }
    }

    /**
     * The serial number of a name.
     *
     * @param name a name
     * @return the number, 0 if there is no ID of that name
     */
    public int serialOf(String name) {
        if (serials == null) {
            serials = new HashMap<>();
            int units = units();
            for (int serial = 1, end = units * UNIT; serial < end; serial++) {
                Optional<String> text = ofSerial(serial);
                if (text.isPresent()) {
                    serials.putIfAbsent(text.get(), serial);
                }
            }
        }
        return serials.getOrDefault(name, 0);
    }

    private int units() {
        long length = reader.find(reader.vm().symbolIds(), array) ? array.length() : 0;
        return length > 0 && length <= Integer.MAX_VALUE / UNIT && memory.mapped(array.elements(), 8 * length)
                ? (int) length
                : 0;
    }
}
