// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory.elf;

import dev.heapwalk.memory.raw.Words;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.util.BitSet;

/**
 * A symbol table of a mapped file, searched in place, or a copy of one in the target.
 *
 * @param symbols the entries, {@code Elf64_Sym} or {@code Elf32_Sym}
 * @param strings the string table that they refer to
 * @param wide whether the class is 64-bit
 * @param unloaded the numbers of the sections that are in the file alone, such as the linker's warnings
 */
record SymbolTable(MemorySegment symbols, MemorySegment strings, boolean wide, BitSet unloaded) {

    static final int TLS = 6;
    private static final int NO_TYPE = 0;
    private static final int SECTION = 3;
    private static final int FILE = 4;
    private static final int ABSOLUTE = 0xfff1;
    private static final int LONGEST_NAME = 1 << 16;
    private static final int MOST_ENTRIES = 1 << 26;

    /**
     * A defined symbol.
     *
     * @param value {@code st_value}
     * @param absolute whether the value is no address in the module ({@code SHN_ABS})
     */
    record Symbol(long value, boolean absolute) {}

    /** How many entries there are, with the first one, which names nothing. */
    long count() {
        return Math.min(symbols.byteSize() / entrySize(wide), MOST_ENTRIES);
    }

    /** {@code st_value} of an entry. */
    long value(long entry) {
        return word(entry, wide ? 8 : 4);
    }

    /** {@code st_size} of an entry. */
    long size(long entry) {
        return word(entry, wide ? 16 : 8);
    }

    private long word(long entry, int at) {
        long place = entry * entrySize(wide) + at;
        return wide ? symbols.get(Words.LONG, place) : Integer.toUnsignedLong(symbols.get(Words.INT, place));
    }

    private int section(long entry) {
        return Short.toUnsignedInt(symbols.get(Words.SHORT, entry * entrySize(wide) + (wide ? 6 : 14)));
    }

    private int type(long entry) {
        return symbols.get(Words.BYTE, entry * entrySize(wide) + (wide ? 4 : 12)) & 15;
    }

    /** Whether an entry defines something in memory that has a name. */
    boolean isDefined(long entry) {
        long at = entry * entrySize(wide);
        return (defined(symbols, at, wide, false) || defined(symbols, at, wide, true))
                && !unloaded.get(section(entry))
                && firstLetter(entry) != 0;
    }

    /** Whether an entry names a place in the module, and not one of those that mark code and data in ARM's. */
    boolean isPlace(long entry) {
        return defined(symbols, entry * entrySize(wide), wide, false)
                && section(entry) != ABSOLUTE
                && !unloaded.get(section(entry))
                && firstLetter(entry) != 0
                && (type(entry) != NO_TYPE || firstLetter(entry) != '$');
    }

    /** The first byte of an entry's name, 0 if it has none. */
    private int firstLetter(long entry) {
        long offset = Integer.toUnsignedLong(symbols.get(Words.INT, entry * entrySize(wide)));
        return offset < strings.byteSize() ? strings.get(Words.BYTE, offset) : 0;
    }

    /** The name of an entry, without its version. */
    private String name(long entry) {
        long offset = Integer.toUnsignedLong(symbols.get(Words.INT, entry * entrySize(wide)));
        long most = Math.min(strings.byteSize() - offset, LONGEST_NAME);
        long length = 0;
        while (length < most && strings.get(Words.BYTE, offset + length) != 0) {
            length++;
        }
        String name = new String(strings.asSlice(offset, length).toArray(Words.BYTE), StandardCharsets.UTF_8);
        int version = name.indexOf('@', 1);
        return version < 0 ? name : name.substring(0, version);
    }

    /**
     * What an entry says.
     *
     * @param entry one that {@link #isDefined}
     * @param bias the module's load bias
     * @return the symbol
     */
    ElfSymbol symbol(long entry, long bias) {
        ElfSymbol.Kind kind = section(entry) == ABSOLUTE
                ? ElfSymbol.Kind.NUMBER
                : switch (type(entry)) {
                    case 1, 5 -> ElfSymbol.Kind.VARIABLE;
                    case 2 -> ElfSymbol.Kind.FUNCTION;
                    case TLS -> ElfSymbol.Kind.THREAD_LOCAL;
                    case 10 -> ElfSymbol.Kind.CHOOSING_FUNCTION;
                    default -> ElfSymbol.Kind.OTHER;
                };
        ElfSymbol.Binding binding = switch (binding(symbols, entry * entrySize(wide), wide)) {
            case 0 -> ElfSymbol.Binding.LOCAL;
            case 2 -> ElfSymbol.Binding.WEAK;
            default -> ElfSymbol.Binding.GLOBAL;
        };
        boolean place = kind != ElfSymbol.Kind.NUMBER && kind != ElfSymbol.Kind.THREAD_LOCAL;
        return new ElfSymbol(name(entry), place ? bias + value(entry) : value(entry), size(entry), kind, binding);
    }

    static int entrySize(boolean wide) {
        return wide ? 24 : 16;
    }

    /**
     * Looks at every entry. A global symbol wins over a local one of the same name.
     *
     * @param name the symbol's name
     * @param threadLocal whether to look for a thread-local variable, or for anything else
     * @return the symbol, or null
     */
    Symbol find(byte[] name, boolean threadLocal) {
        Symbol local = null;
        int size = entrySize(wide);
        long end = symbols.byteSize() - size;
        for (long at = size; at <= end; at += size) {
            if (!defined(symbols, at, wide, threadLocal)
                    || !named(Integer.toUnsignedLong(symbols.get(Words.INT, at)), name)) {
                continue;
            }
            Symbol symbol = symbol(symbols, at, wide);
            if (binding(symbols, at, wide) != 0) {
                return symbol;
            }
            if (local == null) {
                local = symbol;
            }
        }
        return local;
    }

    private boolean named(long offset, byte[] name) {
        if (offset + name.length >= strings.byteSize() || strings.get(Words.BYTE, offset + name.length) != 0) {
            return false;
        }
        for (int i = 0; i < name.length; i++) {
            if (strings.get(Words.BYTE, offset + i) != name[i]) {
                return false;
            }
        }
        return true;
    }

    static boolean defined(MemorySegment entry, long at, boolean wide, boolean threadLocal) {
        int type = entry.get(Words.BYTE, at + (wide ? 4 : 12)) & 15;
        return entry.get(Words.SHORT, at + (wide ? 6 : 14)) != 0
                && (type == TLS) == threadLocal
                && type != SECTION
                && type != FILE;
    }

    private static int binding(MemorySegment entry, long at, boolean wide) {
        return (entry.get(Words.BYTE, at + (wide ? 4 : 12)) & 0xff) >> 4;
    }

    static Symbol symbol(MemorySegment entry, long at, boolean wide) {
        return new Symbol(
                wide ? entry.get(Words.LONG, at + 8) : Integer.toUnsignedLong(entry.get(Words.INT, at + 4)),
                Short.toUnsignedInt(entry.get(Words.SHORT, at + (wide ? 6 : 14))) == ABSOLUTE);
    }
}
