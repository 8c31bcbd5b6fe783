// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory.unwind;

import dev.heapwalk.memory.Reader;

/** Reads a stretch of a target's memory in the forms that DWARF has for numbers, and never beyond its end. */
final class RuleBytes {
    /** {@code DW_EH_PE_omit}: there is no pointer. */
    static final int OMITTED = 0xff;

    /** {@code DW_EH_PE_indirect}. */
    private static final int INDIRECT = 0x80;

    private static final int FORM = 0x0f;
    private static final int BASE = 0x70;
    private static final int PC_RELATIVE = 0x10;
    private static final int DATA_RELATIVE = 0x30;

    private final Reader memory;
    private long at;
    private long end;

    RuleBytes(Reader memory) {
        this.memory = memory;
    }

    /** Begins a stretch. */
    RuleBytes over(long from, long to) {
        at = from;
        end = to;
        return this;
    }

    /** The target address of the next byte. */
    long at() {
        return at;
    }

    long end() {
        return end;
    }

    boolean atEnd() {
        return Long.compareUnsigned(at, end) >= 0;
    }

    /** Leaves out some bytes, or goes back if they are less than 0. */
    void skip(long bytes) {
        goTo(at + bytes);
    }

    private void goTo(long address) {
        if (Long.compareUnsigned(address, end) > 0) {
            throw new DamagedRulesException("a number reaches beyond the end");
        }
        at = address;
    }

    private long take(int bytes) {
        long from = at;
        if (end - from < bytes) {
            throw new DamagedRulesException("a number reaches beyond the end");
        }
        at = from + bytes;
        return from;
    }

    int unsignedByte() {
        return memory.readByte(take(1)) & 0xff;
    }

    int unsignedShort() {
        return memory.readShort(take(2)) & 0xffff;
    }

    int signedInt() {
        return memory.readInt(take(4));
    }

    long unsignedInt() {
        return signedInt() & 0xffffffffL;
    }

    long word() {
        return memory.readLong(take(8));
    }

    /** {@code ULEB128}. */
    long unsigned() {
        long value = 0;
        for (int shift = 0; shift < 70; shift += 7) {
            int one = unsignedByte();
            value |= shift < 64 ? (one & 0x7fL) << shift : 0;
            if (one < 0x80) {
                return value;
            }
        }
        throw new DamagedRulesException("a number has no end");
    }

    /** {@code SLEB128}. */
    long signed() {
        long value = 0;
        for (int shift = 0; shift < 70; shift += 7) {
            int one = unsignedByte();
            value |= shift < 64 ? (one & 0x7fL) << shift : 0;
            if (one < 0x80) {
                return (one & 0x40) != 0 && shift + 7 < 64 ? value | -1L << shift + 7 : value;
            }
        }
        throw new DamagedRulesException("a number has no end");
    }

    /** A number in one of the forms of {@code DW_EH_PE_*}, without what it is relative to. */
    long number(int encoding) {
        return switch (encoding & FORM) {
            case 0x00, 0x04, 0x0c -> word();
            case 0x01 -> unsigned();
            case 0x02 -> unsignedShort();
            case 0x03 -> unsignedInt();
            case 0x09 -> signed();
            case 0x0a -> (short) unsignedShort();
            case 0x0b -> signedInt();
            default -> throw new DamagedRulesException("a pointer has an unknown form");
        };
    }

    /**
     * A pointer.
     *
     * @param encoding a {@code DW_EH_PE_*}
     * @param data what pointers into data are relative to
     */
    long pointer(int encoding, long data) {
        long here = at;
        long number = number(encoding);
        long address = switch (encoding & BASE) {
            case 0 -> number;
            case PC_RELATIVE -> here + number;
            case DATA_RELATIVE -> data + number;
            default -> throw new DamagedRulesException("a pointer is relative to what is not known");
        };
        return (encoding & INDIRECT) != 0 ? memory.readLong(address) : address;
    }
}
