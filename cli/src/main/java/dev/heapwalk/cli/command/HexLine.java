// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli.command;

import dev.heapwalk.memory.AddressSpace;
import java.lang.foreign.MemorySegment;

/** Bytes as a line of a hexdump shows them: in hex, and as characters. */
final class HexLine {
    /** Behind so many bytes there is a wider gap. */
    private static final int GROUP = 8;

    private final StringBuilder hex = new StringBuilder();
    private final StringBuilder characters = new StringBuilder();

    void clear() {
        hex.setLength(0);
        characters.setLength(0);
    }

    /** Adds a byte, from 0 to 255. */
    void add(int value) {
        int before = characters.length();
        hex.append(before == 0 ? "" : before == GROUP ? "  " : " ")
                .append(Character.forDigit(value >> 4, 16))
                .append(Character.forDigit(value & 15, 16));
        characters.append(value >= ' ' && value < 0x7f ? (char) value : '.');
    }

    String hex() {
        return hex.toString();
    }

    /** The same as ASCII, with a dot for what can't be shown. */
    String characters() {
        return characters.toString();
    }

    /** The first bytes of memory as characters, as far as they can be read. */
    static String charactersAt(AddressSpace memory, long address, int length) {
        byte[] bytes = new byte[length];
        int got = (int) memory.read(address, MemorySegment.ofArray(bytes));
        HexLine line = new HexLine();
        for (int i = 0; i < got; i++) {
            line.add(bytes[i] & 0xff);
        }
        return line.characters();
    }
}
