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
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;

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
    private byte[][] names = new byte[0][];
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
     * @return its bytes, not to be changed; null if it has no name
     */
    public byte[] bytesOf(long id) {
        return bytesOfSerial(serial(id));
    }

    /**
     * The name of an ID.
     *
     * @param id an {@code ID}
     * @return its name, with replacements for what is not UTF-8; null if it has none
     */
    public String of(long id) {
        return text(bytesOf(id));
    }

    /**
     * The name of an ID that has a serial number.
     *
     * @param serial the number, as in a {@code struct rb_id_table}
     * @return its name, with replacements for what is not UTF-8; null if it has none
     */
    public String ofSerial(int serial) {
        return text(bytesOfSerial(serial));
    }

    private static String text(byte[] bytes) {
        return bytes == null ? null : new String(bytes, StandardCharsets.UTF_8);
    }

    /**
     * The bytes of the name of an ID that has a serial number.
     *
     * @param serial the number, as in a {@code struct rb_id_table}
     * @return its bytes, not to be changed; null if it has none
     */
    public byte[] bytesOfSerial(int serial) {
        if (serial >= 0 && serial < names.length && names[serial] != null) {
            return names[serial];
        }
        long name = stringOfSerial(serial);
        byte[] read = name == 0 ? null : bytesOfString(name);
        if (read != null && serial < MOST_KEPT) {
            if (serial >= names.length) {
                names = Arrays.copyOf(names, Math.min(MOST_KEPT, Math.max(serial + 1, names.length * 2)));
            }
            names[serial] = read;
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
        RArray found = reader.at(holder, array);
        if (found == null || found.type() != RubyType.ARRAY || index >= found.length()) {
            return 0;
        }
        long value = memory.readLong(found.elements() + 8L * index);
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
            RSymbol found = reader.isSlot(symbol) ? reader.at(symbol, dynamic) : null;
            return found == null || found.type() != RubyType.SYMBOL ? 0 : found.name();
        } catch (UnmappedAddressException e) {
            return 0;
        }
    }

    /**
     * The bytes of a Symbol.
     *
     * @param symbol a {@code VALUE}, a static Symbol or a reference to another
     * @return its bytes, not to be changed; null if it has no name or is no Symbol
     */
    public byte[] bytesOfSymbol(long symbol) {
        if (SpecialConstants.isStaticSymbol(symbol)) {
            return bytesOfSerial(serial(symbol >>> 8));
        }
        long name = stringOfSymbol(symbol);
        return name == 0 ? null : bytesOfString(name);
    }

    /**
     * The bytes of a String, of which a very long one is cut.
     *
     * @param address target address of a String
     * @return its bytes; null if it is none or can't be read
     */
    public byte[] bytesOfString(long address) {
        try {
            RString found = reader.at(address, string);
            return found == null || found.type() != RubyType.STRING ? null : found.content(LONGEST);
        } catch (UnmappedAddressException e) {
            return null;
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
                String text = ofSerial(serial);
                if (text != null) {
                    serials.putIfAbsent(text, serial);
                }
            }
        }
        return serials.getOrDefault(name, 0);
    }

    private int units() {
        RArray found =
                reader.vm().symbolIds() == 0 ? null : reader.at(reader.vm().symbolIds(), array);
        long length = found == null ? 0 : found.length();
        return length > 0 && length <= Integer.MAX_VALUE / UNIT && memory.mapped(found.elements(), 8 * length)
                ? (int) length
                : 0;
    }
}
