// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.python.object;

import dev.heapwalk.memory.Reader;
import dev.heapwalk.python.ObjectReader;
import dev.heapwalk.python.layout.CodeLayout;
import dev.heapwalk.python.layout.PythonLayout;

/** Reads the table of a code that tells which line each instruction was compiled from. For one thread. */
final class LineTable {
    /** No function has so large a table, in bytes. */
    private static final long LARGEST = 16L << 20;

    private static final int NONE = -1;
    /** The step of a range without a line. */
    private static final byte NO_LINE = -128;
    // Entries of a table of locations: how the first byte is made up, and what the kinds in it mean.
    private static final int FIRST = 0x80;
    private static final int KIND_SHIFT = 3;
    private static final int KIND_MASK = 15;
    private static final int LENGTH_MASK = 7;
    private static final int ONE_LINE = 10;
    private static final int NO_COLUMNS = 13;
    private static final int LONG = 14;
    private static final int WITHOUT = 15;
    private static final int DIGIT_BITS = 6;
    private static final int DIGIT_MASK = 63;
    private static final int MORE = 64;

    private final Reader memory;
    private final ObjectReader reader;
    private final CodeLayout.Lines kind;
    private final PyBytes table;
    private long at;
    private long end;

    LineTable(ObjectReader reader) {
        this.reader = reader;
        this.memory = reader.memory();
        this.kind =
                PythonLayout.of(reader.series(), reader.freeThreaded()).code().lines();
        this.table = new PyBytes(reader);
    }

    /** The line of an instruction, -1 if there is none. */
    int line(long object, int first, long instruction) {
        if (instruction < 0 && kind != CodeLayout.Lines.FORWARD && kind != CodeLayout.Lines.BOTH_WAYS) {
            return first;
        }
        if (!reader.find(object, table) || table.size() < 0 || table.size() > LARGEST) {
            return NONE;
        }
        at = table.data();
        end = at + table.size();
        if (!memory.mapped(at, table.size())) {
            return NONE;
        }
        int line = switch (kind) {
            case FORWARD, BOTH_WAYS -> byPairs(first, instruction);
            case RANGES -> byRanges(first, instruction);
            case LOCATIONS -> byLocations(first, instruction);
        };
        return line < 0 ? NONE : line;
    }

    private int byPairs(int first, long instruction) {
        int line = first;
        long offset = 0;
        while (at + 1 < end) {
            offset += next() & 0xFF;
            if (offset > instruction) {
                break;
            }
            byte step = (byte) next();
            line += kind == CodeLayout.Lines.FORWARD ? step & 0xFF : step;
        }
        return line;
    }

    private int byRanges(int first, long instruction) {
        int line = first;
        long offset = 0;
        while (at + 1 < end) {
            offset += next() & 0xFF;
            byte step = (byte) next();
            line += step == NO_LINE ? 0 : step;
            if (offset > instruction) {
                return step == NO_LINE ? NONE : line;
            }
        }
        return NONE;
    }

    private int byLocations(int first, long instruction) {
        int line = first;
        long offset = 0;
        while (at < end) {
            int head = next();
            int sort = head >> KIND_SHIFT & KIND_MASK;
            offset += (long) ((head & LENGTH_MASK) + 1) * CodeLayout.UNIT;
            line += switch (sort) {
                case LONG, NO_COLUMNS -> signed();
                case WITHOUT -> 0;
                default -> sort >= ONE_LINE ? sort - ONE_LINE : 0;
            };
            if (offset > instruction) {
                return sort == WITHOUT ? NONE : line;
            }
            while (at < end && (memory.readByte(at, (byte) FIRST) & FIRST) == 0) {
                at++;
            }
        }
        return NONE;
    }

    /** A number with its sign in the lowest bit, of digits of 6 bits, the lowest first. */
    private int signed() {
        int value = 0;
        for (int shift = 0; at < end && shift < Integer.SIZE; shift += DIGIT_BITS) {
            int digit = next();
            value |= (digit & DIGIT_MASK) << shift;
            if ((digit & MORE) == 0) {
                break;
            }
        }
        return (value & 1) != 0 ? -(value >>> 1) : value >>> 1;
    }

    private int next() {
        return memory.readByte(at++, (byte) 0);
    }
}
