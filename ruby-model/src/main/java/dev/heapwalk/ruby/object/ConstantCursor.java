// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.object;

import dev.heapwalk.memory.Reader;
import dev.heapwalk.memory.UnmappedAddressException;
import dev.heapwalk.memory.raw.Words;
import dev.heapwalk.ruby.ObjectReader;
import dev.heapwalk.ruby.RubyType;
import dev.heapwalk.ruby.layout.ClassLayout;
import dev.heapwalk.ruby.name.SymbolNames;
import dev.heapwalk.ruby.table.IdEntries;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.util.Optional;

/**
 * Goes through the constants of a class or module. C name {@code rb_const_entry_t}. A flyweight that moves, for one
 * thread.
 */
public final class ConstantCursor {
    private static final int DEPRECATED = 0x100;
    private static final int VISIBILITY = 0xff;
    private static final int PRIVATE = 1;

    private final ObjectReader reader;
    private final Reader memory;
    private final IdEntries entries;
    private final RClass view;
    private final long undef;
    private int flag;
    private int line;
    private long value;
    private long file;

    /**
     * Makes a cursor that has no class yet.
     *
     * @param reader what reads the classes
     */
    public ConstantCursor(ObjectReader reader) {
        this.reader = reader;
        this.memory = reader.memory();
        this.entries = new IdEntries(reader);
        this.view = new RClass(reader);
        this.undef = reader.constants().undef();
    }

    /**
     * Goes before the first constant of a class or module.
     *
     * @param klass its target address; anything else is like one without constants
     * @return this cursor
     * @throws UnmappedAddressException if its table can't be read, or claims what can't be
     */
    public ConstantCursor over(long klass) {
        RClass found = reader.isSlot(klass) ? reader.at(klass, view) : null;
        boolean holds = found != null && (found.type() == RubyType.CLASS || found.type() == RubyType.MODULE);
        entries.over(holds ? found.constantTable() : 0);
        return this;
    }

    /**
     * Moves to the next constant.
     *
     * @return whether there is one
     * @throws UnmappedAddressException if it can't be read
     */
    public boolean next() {
        if (!entries.next()) {
            return false;
        }
        long offset = memory.require(entries.value(), ClassLayout.CONSTANT_SIZE);
        MemorySegment segment = memory.segment();
        flag = segment.get(Words.INT, offset);
        line = segment.get(Words.INT, offset + ClassLayout.CONSTANT_LINE);
        value = segment.get(Words.LONG, offset + ClassLayout.CONSTANT_VALUE);
        file = segment.get(Words.LONG, offset + ClassLayout.CONSTANT_FILE);
        return true;
    }

    /**
     * Where the entry of the constant is.
     *
     * @return target address of the {@code rb_const_entry_t}
     */
    public long entry() {
        return entries.value();
    }

    /**
     * Which constant it is.
     *
     * @return the serial number of the ID of its name, see {@link SymbolNames#bytesOfSerial}
     */
    public int serial() {
        return entries.serial();
    }

    /**
     * The name of the constant.
     *
     * @return its bytes, not to be changed; empty if the ID has no name
     */
    public Optional<byte[]> name() {
        return reader.symbols().bytesOfSerial(entries.serial());
    }

    /**
     * The value of the constant.
     *
     * @return a {@code VALUE}; undefined if it is to be loaded when it is used first
     */
    public long value() {
        return value;
    }

    /**
     * Whether a file is to be loaded when it is used first.
     *
     * @return whether the value is undefined
     */
    public boolean autoload() {
        return value == undef;
    }

    /**
     * The file that it was defined in.
     *
     * @return a {@code VALUE}: a String, or nil or 0 where that is not known
     */
    public long file() {
        return file;
    }

    /**
     * The line that it was defined at.
     *
     * @return a number from 1, or 0
     */
    public int line() {
        return line;
    }

    /**
     * Whether it is private.
     *
     * @return {@code CONST_PRIVATE}
     */
    public boolean isPrivate() {
        return (flag & VISIBILITY) == PRIVATE;
    }

    /**
     * Whether it is deprecated.
     *
     * @return {@code CONST_DEPRECATED}
     */
    public boolean deprecated() {
        return (flag & DEPRECATED) != 0;
    }

    /**
     * The constant for who wants to keep it.
     *
     * @return what the cursor is at
     */
    public Constant constant() {
        Optional<String> text = name().map(bytes -> new String(bytes, StandardCharsets.UTF_8));
        return new Constant(text, value, autoload(), file, line, isPrivate(), deprecated());
    }

    /**
     * Tells where it stands, without reading anything.
     *
     * @return for example {@code constant 1234 = 0x7f0012345678}, with the serial number of its name
     */
    @Override
    public String toString() {
        return entries.serial() == 0 ? "at no constant" : "constant %d = 0x%x".formatted(serial(), value);
    }

    /**
     * A constant, as it was when it was taken.
     *
     * @param name its name, if its ID has one
     * @param value its {@code VALUE}
     * @param autoload whether it is loaded when first asked for
     * @param file target address of the String that names the file that set it, or another {@code VALUE}
     * @param line the line that set it
     * @param isPrivate whether it is private
     * @param deprecated whether it is deprecated
     */
    public record Constant(
            Optional<String> name,
            long value,
            boolean autoload,
            long file,
            int line,
            boolean isPrivate,
            boolean deprecated) {}
}
