// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.name;

import dev.heapwalk.memory.LongTable;
import dev.heapwalk.memory.Reader;
import dev.heapwalk.memory.UnmappedAddressException;
import dev.heapwalk.ruby.ObjectReader;
import dev.heapwalk.ruby.RubyType;
import dev.heapwalk.ruby.object.RArray;
import dev.heapwalk.ruby.object.RClass;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * The names of the members of Structs and Data, kept once made out. They are Symbols in an Array that the class, or one
 * that it descends from, has as the hidden instance variable {@code __members__}. For one thread.
 */
public final class StructMembers {
    private static final byte[] MEMBERS = "__members__".getBytes(StandardCharsets.US_ASCII);
    private static final long[] NONE = {};
    private static final int LONGEST_CHAIN = 1 << 10;
    private static final int MOST = 1 << 16;

    private final ObjectReader reader;
    private final Reader memory;
    private final RClass view;
    private final RArray array;
    private final LongTable indexes = new LongTable();
    private final List<long[]> symbols = new ArrayList<>();

    /**
     * Makes one that has read nothing yet.
     *
     * @param reader what reads the objects
     */
    public StructMembers(ObjectReader reader) {
        this.reader = reader;
        this.memory = reader.memory();
        this.view = new RClass(reader);
        this.array = new RArray(reader);
    }

    /**
     * How many members have a name.
     *
     * @param klass {@code RBasic.klass} of a Struct
     * @return a count, 0 if the class has no names for them: a Range has none
     */
    public int count(long klass) {
        return of(klass).length;
    }

    /**
     * The name of a member.
     *
     * @param klass {@code RBasic.klass} of a Struct
     * @param index the member's place
     * @return its bytes, not to be changed; empty if it has none
     */
    public Optional<byte[]> name(long klass, int index) {
        long[] names = of(klass);
        return index >= 0 && index < names.length ? reader.symbols().bytesOfSymbol(names[index]) : Optional.empty();
    }

    private long[] of(long klass) {
        if (klass == 0) {
            return NONE;
        }
        long known = indexes.get(klass, -1);
        if (known < 0) {
            known = symbols.size();
            symbols.add(read(klass));
            indexes.put(klass, known);
        }
        return symbols.get((int) known);
    }

    private long[] read(long klass) {
        try {
            long at = klass;
            for (int i = 0; i < LONGEST_CHAIN && reader.isSlot(at); i++) {
                RClass found = reader.at(at, view);
                if (found.type() == RubyType.CLASS) {
                    long held = reader.classNames().hiddenIvar(at, MEMBERS);
                    RArray names = reader.isSlot(held) ? reader.at(held, array) : null;
                    if (names != null && names.type() == RubyType.ARRAY) {
                        return read(names);
                    }
                } else if (found.type() != RubyType.ICLASS) {
                    break;
                }
                at = reader.at(at, view).rawSuperclass();
            }
        } catch (UnmappedAddressException e) {
            return NONE;
        }
        return NONE;
    }

    private long[] read(RArray names) {
        long length = names.length();
        long elements = names.elements();
        if (length < 0 || length > MOST || !memory.mapped(elements, 8 * length)) {
            return NONE;
        }
        long[] read = new long[(int) length];
        for (int i = 0; i < read.length; i++) {
            read[i] = memory.readLong(elements + 8L * i);
        }
        return read;
    }

    /** Forgets what was made out. */
    public void forget() {
        indexes.clear();
        symbols.clear();
    }
}
