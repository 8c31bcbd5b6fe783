// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory.elf;

import dev.heapwalk.memory.AddressSpace;
import dev.heapwalk.memory.UnmappedAddressException;
import dev.heapwalk.memory.raw.Words;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.BitSet;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.function.LongConsumer;

/**
 * What {@code PT_DYNAMIC} in the target's memory leads to: symbols by hash, relocations. The file on disk is not
 * needed.
 *
 * <p>The dynamic linker of glibc replaces most pointers in it by absolute addresses, except where the section is
 * read-only (the vDSO); both are accepted, by the module's range.
 */
final class DynamicSection {
    private static final long STRING_TABLE = 5;
    private static final long SYMBOL_TABLE = 6;
    private static final long SYSV_HASH = 4;
    private static final long RELA = 7;
    private static final long RELA_SIZE = 8;
    private static final long STRING_SIZE = 10;
    private static final long SONAME = 14;
    private static final long REL = 17;
    private static final long REL_SIZE = 18;
    private static final long RELR_SIZE = 35;
    private static final long RELR = 36;
    private static final long GNU_HASH = 0x6ffffef5L;
    private static final long VERSIONS = 0x6ffffff0L;

    private static final int MOST_ENTRIES = 4096;
    private static final int LONGEST_CHAIN = 1 << 16;
    private static final int CHAIN_BLOCK = 32;
    private static final int TABLE_BLOCK = 3 << 14;
    private static final int MOST_RELOCATIONS = 1 << 22;
    private static final int LARGEST_PACKED = 1 << 20;
    private static final int HIDDEN_VERSION = 0x8000;

    private final AddressSpace memory;
    private final boolean wide;
    private final long bias;
    private final long start;
    private final long end;
    private final Map<Long, Long> entries;

    private DynamicSection(
            AddressSpace memory, boolean wide, long bias, long start, long end, Map<Long, Long> entries) {
        this.memory = memory;
        this.wide = wide;
        this.bias = bias;
        this.start = start;
        this.end = end;
        this.entries = entries;
    }

    /**
     * Reads the section.
     *
     * @param memory the target's memory
     * @param wide whether the class is 64-bit
     * @param bias the module's load bias
     * @param start the module's first address
     * @param end the address behind its last byte
     * @param address where the section lies
     * @param size its size in bytes
     * @return the section, or what of it can be read
     */
    static DynamicSection read(
            AddressSpace memory, boolean wide, long bias, long start, long end, long address, long size) {
        int word = wide ? 8 : 4;
        long count = Math.min(Math.max(size, 0) / (2 * word), MOST_ENTRIES);
        byte[] bytes = new byte[(int) count * 2 * word];
        long got = memory.read(address, MemorySegment.ofArray(bytes));
        MemorySegment table = MemorySegment.ofArray(bytes);
        Map<Long, Long> entries = new HashMap<>();
        for (long at = 0; at + 2 * word <= got; at += 2 * word) {
            long tag = word(table, at, wide);
            if (tag == 0) {
                break;
            }
            entries.putIfAbsent(tag, word(table, at + word, wide));
        }
        return new DynamicSection(memory, wide, bias, start, end, entries);
    }

    private static long word(MemorySegment bytes, long at, boolean wide) {
        return wide ? bytes.get(Words.LONG, at) : Integer.toUnsignedLong(bytes.get(Words.INT, at));
    }

    private boolean inside(long address) {
        return Long.compareUnsigned(address, start) >= 0 && Long.compareUnsigned(address, end) < 0;
    }

    /** A pointer of the section as a target address; 0 if there is none or it leads out of the module. */
    long pointer(long tag) {
        Long value = entries.get(tag);
        if (value == null) {
            return 0;
        }
        return inside(value) ? value : inside(bias + value) ? bias + value : 0;
    }

    long value(long tag) {
        return entries.getOrDefault(tag, 0L);
    }

    /** The name that the module gives itself. */
    Optional<String> soname() {
        long strings = pointer(STRING_TABLE);
        Long offset = entries.get(SONAME);
        if (strings == 0 || offset == null || offset < 0 || offset >= value(STRING_SIZE)) {
            return Optional.empty();
        }
        try {
            return Optional.of(memory.readCString(strings + offset, 1024));
        } catch (UnmappedAddressException e) {
            return Optional.empty();
        }
    }

    /** Whether there is a hash table, so that {@link #find} can find anything. */
    boolean hasSymbols() {
        return pointer(STRING_TABLE) != 0
                && pointer(SYMBOL_TABLE) != 0
                && (pointer(GNU_HASH) != 0 || pointer(SYSV_HASH) != 0);
    }

    /**
     * Looks a defined dynamic symbol up by hash. Of several versions of a symbol the default one wins.
     *
     * @param name the symbol's name
     * @param threadLocal whether to look for a thread-local variable, or for anything else
     * @return the symbol, or null; also if the tables can't be read
     */
    SymbolTable.Symbol find(byte[] name, boolean threadLocal) {
        if (!hasSymbols()) {
            return null;
        }
        try {
            return pointer(GNU_HASH) != 0 ? findGnu(name, threadLocal) : findSysv(name, threadLocal);
        } catch (UnmappedAddressException e) {
            return null;
        }
    }

    private SymbolTable.Symbol findGnu(byte[] name, boolean threadLocal) {
        int hash = 5381;
        for (byte b : name) {
            hash = hash * 33 + (b & 0xff);
        }
        long table = pointer(GNU_HASH);
        MemorySegment header = MemorySegment.ofArray(memory.readBytes(table, 16));
        long buckets = Integer.toUnsignedLong(header.get(Words.INT, 0));
        long first = Integer.toUnsignedLong(header.get(Words.INT, 4));
        long filters = Integer.toUnsignedLong(header.get(Words.INT, 8));
        if (buckets == 0) {
            return null;
        }
        long bucketTable = table + 16 + filters * (wide ? 8 : 4);
        long index = Integer.toUnsignedLong(memory.readInt(bucketTable + 4 * (Integer.toUnsignedLong(hash) % buckets)));
        if (index < first) {
            return null;
        }
        long chain = bucketTable + 4 * buckets + 4 * (index - first);
        byte[] block = new byte[4 * CHAIN_BLOCK];
        MemorySegment hashes = MemorySegment.ofArray(block);
        SymbolTable.Symbol hidden = null;
        for (int steps = 0; steps < LONGEST_CHAIN; steps += CHAIN_BLOCK) {
            long got = memory.read(chain + 4L * steps, hashes) / 4;
            for (int i = 0; i < got; i++) {
                int other = hashes.get(Words.INT, 4L * i);
                if ((other | 1) == (hash | 1)) {
                    long at = index + steps + i;
                    SymbolTable.Symbol symbol = symbol(at, name, threadLocal);
                    if (symbol != null && !hiddenVersion(at)) {
                        return symbol;
                    }
                    hidden = symbol != null ? symbol : hidden;
                }
                if ((other & 1) != 0) {
                    return hidden;
                }
            }
            if (got < CHAIN_BLOCK) {
                break;
            }
        }
        return hidden;
    }

    private SymbolTable.Symbol findSysv(byte[] name, boolean threadLocal) {
        int hash = 0;
        for (byte b : name) {
            hash = (hash << 4) + (b & 0xff);
            int high = hash & 0xf0000000;
            hash = (hash ^ high >>> 24) & ~high;
        }
        long table = pointer(SYSV_HASH);
        long buckets = Integer.toUnsignedLong(memory.readInt(table));
        long chains = Integer.toUnsignedLong(memory.readInt(table + 4));
        if (buckets == 0) {
            return null;
        }
        long index = Integer.toUnsignedLong(memory.readInt(table + 8 + 4 * (Integer.toUnsignedLong(hash) % buckets)));
        SymbolTable.Symbol hidden = null;
        for (int steps = 0; steps < LONGEST_CHAIN && index != 0 && index < chains; steps++) {
            SymbolTable.Symbol symbol = symbol(index, name, threadLocal);
            if (symbol != null && !hiddenVersion(index)) {
                return symbol;
            }
            hidden = symbol != null ? symbol : hidden;
            index = Integer.toUnsignedLong(memory.readInt(table + 8 + 4 * (buckets + index)));
        }
        return hidden;
    }

    /** A copy of the dynamic symbols that the hash table leads to; empty also if it can't be read as a whole. */
    Optional<SymbolTable> table() {
        if (!hasSymbols()) {
            return Optional.empty();
        }
        try {
            long symbols = pointer(SYMBOL_TABLE);
            long size = count() * SymbolTable.entrySize(wide);
            long strings = pointer(STRING_TABLE);
            // Both lie within the module, so no number in memory makes the copy larger than it.
            if (size < 0 || size > end - symbols || value(STRING_SIZE) < 0 || value(STRING_SIZE) > end - strings) {
                return Optional.empty();
            }
            return Optional.of(new SymbolTable(
                    MemorySegment.ofArray(memory.readBytes(symbols, Math.toIntExact(size))),
                    MemorySegment.ofArray(memory.readBytes(strings, Math.toIntExact(value(STRING_SIZE)))),
                    wide,
                    new BitSet()));
        } catch (UnmappedAddressException | ArithmeticException e) {
            return Optional.empty();
        }
    }

    /** One more than the last index that the hash table leads to. */
    private long count() {
        if (pointer(GNU_HASH) == 0) {
            return Integer.toUnsignedLong(memory.readInt(pointer(SYSV_HASH) + 4));
        }
        long table = pointer(GNU_HASH);
        MemorySegment header = MemorySegment.ofArray(memory.readBytes(table, 16));
        long buckets = Integer.toUnsignedLong(header.get(Words.INT, 0));
        long first = Integer.toUnsignedLong(header.get(Words.INT, 4));
        long bucketTable = table + 16 + Integer.toUnsignedLong(header.get(Words.INT, 8)) * (wide ? 8 : 4);
        if (4 * buckets > end - bucketTable) {
            return 0;
        }
        MemorySegment indices = MemorySegment.ofArray(memory.readBytes(bucketTable, Math.toIntExact(4 * buckets)));
        long last = 0;
        for (long i = 0; i < buckets; i++) {
            last = Math.max(last, Integer.toUnsignedLong(indices.get(Words.INT, 4 * i)));
        }
        if (last < first) {
            return first;
        }
        // The last chain is the last in the table, and ends where the lowest bit is set.
        long chain = bucketTable + 4 * buckets - 4 * first;
        for (int steps = 0; steps < LONGEST_CHAIN && (memory.readInt(chain + 4 * last) & 1) == 0; steps++) {
            last++;
        }
        return last + 1;
    }

    private SymbolTable.Symbol symbol(long index, byte[] name, boolean threadLocal) {
        int size = SymbolTable.entrySize(wide);
        MemorySegment entry = MemorySegment.ofArray(memory.readBytes(pointer(SYMBOL_TABLE) + index * size, size));
        long offset = Integer.toUnsignedLong(entry.get(Words.INT, 0));
        if (!SymbolTable.defined(entry, 0, wide, threadLocal)
                || offset + name.length >= value(STRING_SIZE)
                || !sameName(pointer(STRING_TABLE) + offset, name)) {
            return null;
        }
        return SymbolTable.symbol(entry, 0, wide);
    }

    private boolean sameName(long address, byte[] name) {
        byte[] there = new byte[name.length + 1];
        return memory.read(address, MemorySegment.ofArray(there)) == there.length
                && there[name.length] == 0
                && Arrays.equals(there, 0, name.length, name, 0, name.length);
    }

    private boolean hiddenVersion(long index) {
        long versions = pointer(VERSIONS);
        if (versions == 0) {
            return false;
        }
        byte[] version = new byte[2];
        MemorySegment half = MemorySegment.ofArray(version);
        return memory.read(versions + 2 * index, half) == 2 && (half.get(Words.SHORT, 0) & HIDDEN_VERSION) != 0;
    }

    /** Whether the relocations have addends, or find them in the words that they change. */
    boolean hasAddends() {
        return pointer(RELA) != 0;
    }

    /** Goes through {@code DT_RELA}, or for a 32-bit class {@code DT_REL}, as far as it can be read. */
    void relocations(Consumer<Relocation> each) {
        boolean addends = hasAddends();
        long table = addends ? pointer(RELA) : pointer(REL);
        long size = value(addends ? RELA_SIZE : REL_SIZE);
        int entry = (wide ? 16 : 8) + (addends ? (wide ? 8 : 4) : 0);
        if (table == 0 || size < 0) {
            return;
        }
        // A table lies within its module, so no number in memory makes this loop longer than the module.
        long left = Math.min(Math.min(size, end - table) / entry, MOST_RELOCATIONS);
        byte[] bytes = new byte[(int) Math.min(left * entry, TABLE_BLOCK)];
        MemorySegment block = MemorySegment.ofArray(bytes);
        for (long at = table; left > 0; ) {
            long count = Math.min(left, bytes.length / entry);
            long got = memory.read(at, block.asSlice(0, count * entry)) / entry;
            for (long i = 0; i < got; i++) {
                long from = i * entry;
                long info = word(block, from + (wide ? 8 : 4), wide);
                each.accept(new Relocation(
                        bias + word(block, from, wide),
                        wide ? (int) info : (int) info & 0xff,
                        wide ? info >>> 32 : info >>> 8,
                        !addends ? 0 : wide ? block.get(Words.LONG, from + 16) : block.get(Words.INT, from + 8)));
            }
            if (got < count) {
                return;
            }
            at += count * entry;
            left -= count;
        }
    }

    /** Goes through the addresses of the words that {@code DT_RELR} names, as far as it can be read. */
    void packedRelocations(LongConsumer each) {
        long table = pointer(RELR);
        long size = value(RELR_SIZE);
        int word = wide ? 8 : 4;
        if (table == 0 || size < 0) {
            return;
        }
        byte[] bytes = new byte[(int) Math.min(Math.min(size, end - table), LARGEST_PACKED) / word * word];
        MemorySegment block = MemorySegment.ofArray(bytes);
        long got = memory.read(table, block) / word;
        long next = 0;
        for (long i = 0; i < got; i++) {
            long entry = word(block, i * word, wide);
            if ((entry & 1) == 0) {
                each.accept(bias + entry);
                next = bias + entry + word;
                continue;
            }
            for (int bit = 1; bit < 8 * word; bit++) {
                if ((entry >>> bit & 1) != 0) {
                    each.accept(next + (long) (bit - 1) * word);
                }
            }
            next += (8L * word - 1) * word;
        }
    }

    /**
     * Reads a symbol by its index.
     *
     * @param index an index into the dynamic symbols
     * @return the symbol if it is a thread-local variable that is defined here, or null
     */
    SymbolTable.Symbol threadLocal(long index) {
        long symbols = pointer(SYMBOL_TABLE);
        int size = SymbolTable.entrySize(wide);
        byte[] bytes = new byte[size];
        MemorySegment entry = MemorySegment.ofArray(bytes);
        if (symbols == 0 || memory.read(symbols + index * size, entry) < size) {
            return null;
        }
        return SymbolTable.defined(entry, 0, wide, true) ? SymbolTable.symbol(entry, 0, wide) : null;
    }
}
