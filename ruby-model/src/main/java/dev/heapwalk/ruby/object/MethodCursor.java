// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.object;

import dev.heapwalk.memory.Reader;
import dev.heapwalk.memory.UnmappedAddressException;
import dev.heapwalk.memory.raw.Words;
import dev.heapwalk.ruby.ObjectReader;
import dev.heapwalk.ruby.RubyType;
import dev.heapwalk.ruby.layout.Flags;
import dev.heapwalk.ruby.layout.ImemoLayout;
import dev.heapwalk.ruby.name.SymbolNames;
import dev.heapwalk.ruby.table.IdEntries;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.util.Optional;

/**
 * Goes through the methods of a class or module. C names {@code rb_method_entry_t} and {@code rb_method_definition_t}.
 * A flyweight that moves, for one thread.
 */
public final class MethodCursor {
    /** What a method is. C name {@code rb_method_type_t}. */
    public enum Kind {
        /** Written in Ruby. */
        ISEQ,
        /** A function in C. */
        CFUNC,
        /** Sets an instance variable: {@code attr_writer}. */
        ATTRSET,
        /** Gets an instance variable: {@code attr_reader}. */
        IVAR,
        /** A block: {@code define_method}. */
        BMETHOD,
        /** What the superclass has, with another visibility. */
        ZSUPER,
        /** Another name of a method. */
        ALIAS,
        /** There is none, even if the superclass has one. */
        UNDEF,
        /** One that this platform does not have. */
        NOTIMPLEMENTED,
        /** Known to the virtual machine, such as {@code Kernel#send}. */
        OPTIMIZED,
        /** Stands for {@code method_missing}. */
        MISSING,
        /** A refinement may replace it. */
        REFINED,
        /** A number that stands for none of these. */
        UNKNOWN;

        private static final Kind[] ALL = values();

        /**
         * What the first bits of a definition tell.
         *
         * @param definition the first byte of an {@code rb_method_definition_t}, or more
         * @return the kind
         */
        public static Kind of(int definition) {
            return ALL[Math.min(definition & 0xf, UNKNOWN.ordinal())];
        }
    }

    /** Who may call a method. C name {@code rb_method_visibility_t}. */
    public enum Visibility {
        /** Not told. */
        UNDEFINED,
        /** Anybody. */
        PUBLIC,
        /** The object itself. */
        PRIVATE,
        /** Objects of the class. */
        PROTECTED;

        private static final Visibility[] ALL = values();

        /**
         * What the flags of an entry tell: {@code IMEMO_FL_USER0} and {@code IMEMO_FL_USER1}.
         *
         * @param flags the flags of an {@code rb_method_entry_t}
         * @return the visibility
         */
        public static Visibility of(long flags) {
            return ALL[(int) (flags >>> Flags.USHIFT + 4) & 3];
        }
    }

    /** {@code struct rb_method_entry_struct}: flags, defined_class, def, called_id, owner. */
    private final ObjectReader reader;

    private final Reader memory;

    private final IdEntries entries;
    private final RClass view;
    private long flags;
    private long definition;
    private long owner;
    private Kind kind = Kind.UNKNOWN;

    /**
     * Makes a cursor that has no class yet.
     *
     * @param reader what reads the classes
     */
    public MethodCursor(ObjectReader reader) {
        this.reader = reader;
        this.memory = reader.memory();
        this.entries = new IdEntries(reader);
        this.view = new RClass(reader);
    }

    /**
     * Goes before the first method of a class or module, of those that are its own even if modules were prepended to
     * it.
     *
     * @param klass its target address; anything else is like one without methods
     * @return this cursor
     * @throws UnmappedAddressException if its table can't be read, or claims what can't be
     */
    public MethodCursor over(long klass) {
        return overTable(table(klass));
    }

    /**
     * The table of the methods of a class or module, of those that are its own even if modules were prepended to it.
     * The cursor is not moved.
     *
     * @param klass its target address
     * @return target address of a {@code struct rb_id_table}; 0 if there is none, or no class or module there
     * @throws UnmappedAddressException if that can't be read
     */
    public long table(long klass) {
        RClass found = holder(klass);
        if (found != null && found.type() != RubyType.ICLASS) {
            RClass origin = holder(found.origin());
            found = origin == null ? holder(klass) : origin;
        }
        return found == null ? 0 : found.methodTable();
    }

    private RClass holder(long klass) {
        RClass found = reader.isSlot(klass) ? reader.at(klass, view) : null;
        RubyType type = found == null ? RubyType.NONE : found.type();
        return type == RubyType.CLASS || type == RubyType.MODULE || type == RubyType.ICLASS ? found : null;
    }

    /**
     * Goes before the first method of a table.
     *
     * @param table target address of a {@code struct rb_id_table} of methods; 0 is an empty one
     * @return this cursor
     * @throws UnmappedAddressException if it can't be read, or claims what can't be
     */
    public MethodCursor overTable(long table) {
        entries.over(table);
        return this;
    }

    /**
     * Moves to the next method.
     *
     * @return whether there is one
     * @throws UnmappedAddressException if it can't be read
     */
    public boolean next() {
        if (!entries.next()) {
            return false;
        }
        long offset = memory.require(entries.value(), ImemoLayout.METHOD_SIZE);
        MemorySegment segment = memory.segment();
        flags = segment.get(Words.LONG, offset);
        definition = segment.get(Words.LONG, offset + ImemoLayout.METHOD_DEFINITION);
        owner = segment.get(Words.LONG, offset + ImemoLayout.METHOD_OWNER);
        kind = definition == 0 ? Kind.UNKNOWN : Kind.of(memory.readByte(definition));
        return true;
    }

    /**
     * Which name it has.
     *
     * @return the serial number of the ID of its name, see {@link SymbolNames#bytesOfSerial}
     */
    public int serial() {
        return entries.serial();
    }

    /**
     * The name.
     *
     * @return its bytes, not to be changed; empty if the ID has no name
     */
    public Optional<byte[]> name() {
        return reader.symbols().bytesOfSerial(entries.serial());
    }

    /**
     * Where the entry is.
     *
     * @return target address of the {@code rb_method_entry_t}
     */
    public long entry() {
        return entries.value();
    }

    /**
     * Where the definition is, which entries may share.
     *
     * @return target address of the {@code rb_method_definition_t}, 0 if there is none
     */
    public long definition() {
        return definition;
    }

    /**
     * What the method is.
     *
     * @return its kind
     */
    public Kind kind() {
        return kind;
    }

    /**
     * Who may call the method.
     *
     * @return its visibility
     */
    public Visibility visibility() {
        return Visibility.of(flags);
    }

    /**
     * The class or module that it was defined in.
     *
     * @return {@code owner}, a target address
     */
    public long owner() {
        return owner;
    }

    /**
     * The ID that it was defined with first.
     *
     * @return {@code original_id}
     * @throws UnmappedAddressException if its definition can't be read
     */
    public long originalId() {
        return definition == 0 ? 0 : memory.readLong(definition + ImemoLayout.DEFINITION_ORIGINAL_ID);
    }

    /**
     * What its definition points to first: its code for {@link Kind#ISEQ}, a function for {@link Kind#CFUNC}, the ID of
     * an instance variable for {@link Kind#ATTRSET} and {@link Kind#IVAR}, a Proc for {@link Kind#BMETHOD}, another
     * entry for {@link Kind#ALIAS} and {@link Kind#REFINED}.
     *
     * @return a word of {@code rb_method_definition_t.body}, 0 if there is no definition
     * @throws UnmappedAddressException if its definition can't be read
     */
    public long body() {
        return definition == 0 ? 0 : memory.readLong(definition + ImemoLayout.DEFINITION_BODY);
    }

    /**
     * The method for who wants to keep it.
     *
     * @return what the cursor is at
     */
    public Method method() {
        Optional<String> text = name().map(bytes -> new String(bytes, StandardCharsets.UTF_8));
        return new Method(text, entry(), definition, kind, visibility(), owner);
    }

    /**
     * Tells where it stands, without reading anything.
     *
     * @return for example {@code method 1234 (ISEQ, PUBLIC) at 0x7f0012345678}, with the serial number of its name
     */
    @Override
    public String toString() {
        return entries.serial() == 0
                ? "at no method"
                : "method %d (%s, %s) at 0x%x".formatted(serial(), kind, visibility(), entry());
    }

    /**
     * A method, as it was when it was taken.
     *
     * @param name its name, if its ID has one
     * @param entry target address of its entry
     * @param definition target address of its definition, 0 if it has none
     * @param kind how it is defined
     * @param visibility who may call it
     * @param owner target address of the class or module that has it
     */
    public record Method(
            Optional<String> name, long entry, long definition, Kind kind, Visibility visibility, long owner) {}
}
