// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory.elf;

import dev.heapwalk.memory.struct.Words;
import java.lang.foreign.MemorySegment;

/**
 * A symbol table of a mapped file, searched in place.
 *
 * @param symbols the entries, {@code Elf64_Sym} or {@code Elf32_Sym}
 * @param strings the string table that they refer to
 * @param wide whether the class is 64-bit
 */
record SymbolTable(MemorySegment symbols, MemorySegment strings, boolean wide) {

    static final int TLS = 6;
    private static final int SECTION = 3;
    private static final int FILE = 4;
    private static final int ABSOLUTE = 0xfff1;

    /**
     * A defined symbol.
     *
     * @param value {@code st_value}
     * @param absolute whether the value is no address in the module ({@code SHN_ABS})
     */
    record Symbol(long value, boolean absolute) {}

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
