// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.object;

import dev.heapwalk.memory.Reader;
import dev.heapwalk.memory.UnmappedAddressException;
import dev.heapwalk.ruby.ObjectReader;
import dev.heapwalk.ruby.RValue;
import dev.heapwalk.ruby.RubyType;
import dev.heapwalk.ruby.layout.ClassLayout;
import dev.heapwalk.ruby.layout.Flags;
import dev.heapwalk.ruby.layout.ImemoLayout;
import dev.heapwalk.ruby.layout.ObjectLayout;
import dev.heapwalk.ruby.layout.RubyLayout;
import dev.heapwalk.ruby.layout.TableLayout;
import dev.heapwalk.ruby.table.StEntries;
import java.nio.charset.StandardCharsets;
import java.util.Optional;

/**
 * Goes through the instance variables of any object, in the order in which {@code Object#instance_variables} has them:
 * those of an Object, of a class or module (its class variables too, whose names begin with {@code @@}), and the
 * generic ones that anything else may have. Those without an {@code @} in their name, which Ruby code does not see, are
 * there too.
 *
 * <p>A flyweight that moves, for one thread. What it says is good until the next {@link #next()}.
 */
public final class IvarCursor {
    private static final int FIRST_ROOM = 3;

    private final ObjectReader reader;
    private final Reader memory;
    private final ObjectLayout layout;
    private final ClassLayout classes;
    private final boolean shapes;
    private final boolean fieldObjects;
    private final long undef;
    private final RValue view;
    private final RValue fieldsView;
    private final RStruct structView;
    private final RObject objectView;
    private final StEntries table;

    /**
     * An instance variable, as it was when it was taken.
     *
     * @param id the {@code ID} of its name
     * @param name its name with the {@code @}, if the ID has one
     * @param value its {@code VALUE}
     */
    public record Ivar(long id, Optional<String> name, long value) {}

    private enum From {
        NOTHING,
        VALUES,
        COPY,
        TABLE
    }

    private From from = From.NOTHING;
    /** The IDs of the values, 0 where there is none. */
    private long[] ids;

    private long values;
    private long[] copy = new long[FIRST_ROOM];
    private int index;
    private int limit;
    private long id;
    private long value;

    /**
     * Makes a cursor that has no object yet.
     *
     * @param reader what reads the objects
     */
    public IvarCursor(ObjectReader reader) {
        this.reader = reader;
        this.memory = reader.memory();
        this.layout = RubyLayout.of(reader.series()).object();
        this.classes = RubyLayout.of(reader.series()).classes();
        this.shapes = layout.shapesInFlags();
        this.fieldObjects = layout.fieldObjects();
        this.undef = reader.constants().undef();
        this.view = new RValue(reader);
        this.fieldsView = new RValue(reader);
        this.structView = new RStruct(reader);
        this.objectView = new RObject(reader);
        this.table = new StEntries(reader);
    }

    /**
     * Goes before the first instance variable of an object.
     *
     * @param address target address of the object; no slot there is like one without instance variables
     * @return this cursor
     * @throws UnmappedAddressException if what it keeps them in can't be read, or claims what can't be
     */
    public IvarCursor over(long address) {
        RValue found = reader.isSlot(address) ? reader.at(address, view) : null;
        if (found == null) {
            from = From.NOTHING;
            return this;
        }
        return over(found);
    }

    /**
     * Goes before the first instance variable of an object.
     *
     * @param object the object; the view is not needed afterwards
     * @return this cursor
     * @throws UnmappedAddressException if what it keeps them in can't be read, or claims what can't be
     */
    public IvarCursor over(RValue object) {
        from = From.NOTHING;
        index = 0;
        limit = 0;
        id = 0;
        switch (object.type()) {
            case OBJECT -> overObject(object.as(objectView));
            case CLASS, MODULE -> overClass(object);
            case NONE, NIL, TRUE, FALSE, FIXNUM, UNDEF, IMEMO, NODE, ICLASS, ZOMBIE, MOVED, UNKNOWN -> {}
            default -> overGeneric(object);
        }
        return this;
    }

    private void overObject(RObject object) {
        if (!shapes) {
            long[] names = reader.classNames().ivarNames(object.klass());
            if (object.embedded()) {
                overEmbedded(object, ObjectLayout.EMBEDDED_IVARS, names, object.numiv());
            } else {
                overValues(object.ivptr(), names, object.numiv());
            }
            return;
        }
        int shape = object.shape();
        if (reader.shapes().tooComplex(shape)) {
            overTable(object.table());
            return;
        }
        long[] names = reader.shapes().namesOf(shape);
        if (object.embedded()) {
            overEmbedded(object, ObjectLayout.EMBEDDED_IVARS, names, object.room());
        } else {
            overValues(object.ivptr(), names, names.length);
        }
    }

    private void overTable(long address) {
        table.over(address);
        from = From.TABLE;
    }

    private void overEmbedded(RValue object, int first, long[] names, int room) {
        ids = names;
        limit = Math.min(names.length, room);
        if (copy.length < limit) {
            copy = new long[room];
        }
        for (int i = 0; i < limit; i++) {
            copy[i] = object.readLong(first + 8 * i);
        }
        from = From.COPY;
    }

    private void overValues(long address, long[] names, int count) {
        ids = names;
        limit = Math.max(0, Math.min(names.length, count));
        values = address;
        from = From.VALUES;
    }

    private void overClass(RValue object) {
        long address = object.address();
        int shape = Shapes.of(object.flags());
        long extension =
                classes.extensionInline() ? address + classes.extension() : object.readLong(classes.extension());
        long held = memory.readLong(extension + classes.ivars());
        if (fieldObjects) {
            overFields(held);
        } else if (!shapes) {
            table.over(held);
            from = From.TABLE;
        } else {
            overShape(shape, held, held);
        }
    }

    private void overShape(int shape, long values, long tableAddress) {
        long[] names = reader.shapes().namesOf(shape);
        if (reader.shapes().tooComplex(shape)) {
            overTable(tableAddress);
        } else if (names.length > 0) {
            overValues(values, names, names.length);
        }
    }

    private void overGeneric(RValue object) {
        long address = object.address();
        if (fieldObjects) {
            overFields(fieldsObject(object));
            return;
        }
        if (!object.has(Flags.EXIVAR)) {
            return;
        }
        long flags = object.flags();
        long klass = object.klass();
        long held = reader.genericIvars(address);
        if (held == 0) {
            return;
        }
        if (shapes) {
            // A struct gen_ivtbl: the count and the values, or the table alone.
            overShape(Shapes.of(flags), held + TableLayout.IVARS_VALUES, memory.readLong(held));
        } else {
            int count = memory.readInt(held);
            overValues(held + TableLayout.IVARS_VALUES, reader.classNames().ivarNames(klass), count);
        }
    }

    private long fieldsObject(RValue object) {
        int shape = Shapes.of(object.flags());
        if (reader.shapes().index(shape) == 0 && !reader.shapes().tooComplex(shape)) {
            return 0;
        }
        if (object.type() == RubyType.DATA) {
            return object.readLong(layout.dataFieldsObject());
        }
        if (object.type() == RubyType.STRUCT) {
            // Behind the members if there is room, else in the table: an object that holds fields tells whose they are.
            int at = object.as(structView).fieldsObject();
            long held = at <= object.slotSize() - 8 ? object.readLong(at) : 0;
            RValue fields = fields(held);
            if (fields != null && fields.klass() == object.address()) {
                return held;
            }
        }
        return reader.genericIvars(object.address());
    }

    private RValue fields(long address) {
        RValue fields = reader.isSlot(address) ? reader.at(address, fieldsView) : null;
        boolean holds = fields != null
                && fields.type() == RubyType.IMEMO
                && reader.imemoType(fields.flags()) == ImemoType.FIELDS;
        return holds ? fields : null;
    }

    /** A {@code struct rb_fields}: the values, a pointer to them, or a pointer to a table. */
    private void overFields(long address) {
        RValue fields = fields(address);
        if (fields == null) {
            return;
        }
        int shape = Shapes.of(fields.flags());
        if (reader.shapes().tooComplex(shape)) {
            overTable(fields.readLong(ImemoLayout.FIELDS_VALUES));
            return;
        }
        long[] names = reader.shapes().namesOf(shape);
        if (fields.has(ImemoLayout.FIELDS_HEAP)) {
            overValues(fields.readLong(ImemoLayout.FIELDS_VALUES), names, names.length);
        } else {
            int room = (fields.slotSize() - ImemoLayout.FIELDS_VALUES) / Long.BYTES;
            overEmbedded(fields, ImemoLayout.FIELDS_VALUES, names, room);
        }
    }

    /**
     * Moves to the next instance variable.
     *
     * @return whether there is one
     * @throws UnmappedAddressException if it can't be read
     */
    public boolean next() {
        switch (from) {
            case COPY -> {
                while (index < limit) {
                    id = ids[index];
                    value = copy[index++];
                    if (id != 0 && value != undef) {
                        return true;
                    }
                }
            }
            case VALUES -> {
                while (index < limit) {
                    id = ids[index];
                    value = memory.readLong(values + 8L * index++);
                    if (id != 0 && value != undef) {
                        return true;
                    }
                }
            }
            case TABLE -> {
                while (table.next()) {
                    id = table.key();
                    value = table.record();
                    if (value != undef) {
                        return true;
                    }
                }
            }
            default -> {}
        }
        return false;
    }

    /**
     * The number that an object was given, where it keeps it with its instance variables: all but classes and modules,
     * since 4.0. The cursor has no object afterwards.
     *
     * @param object the object; the view is not needed afterwards
     * @return {@code object_id}, a {@code VALUE}; 0 if it was given none
     * @throws UnmappedAddressException if what it keeps it in can't be read, or claims what can't be
     */
    public long objectId(RValue object) {
        if (!fieldObjects
                || object.type() == RubyType.IMEMO
                || !reader.shapes().hasObjectId(Shapes.of(object.flags()))) {
            return 0;
        }
        over(object);
        From held = from;
        from = From.NOTHING;
        switch (held) {
            case COPY, VALUES -> {
                for (int i = 0; i < limit; i++) {
                    if (ids[i] == 0) {
                        return held == From.COPY ? copy[i] : memory.readLong(values + 8L * i);
                    }
                }
            }
            case TABLE -> {
                long name = reader.shapes().objectIdName();
                while (table.next()) {
                    if (table.key() == name) {
                        return table.record();
                    }
                }
            }
            default -> {}
        }
        return 0;
    }

    /**
     * Which instance variable it is.
     *
     * @return the {@code ID} of its name
     */
    public long id() {
        return id;
    }

    /**
     * The name of the instance variable.
     *
     * @return its bytes with the {@code @}, not to be changed; empty if the ID has no name
     */
    public Optional<byte[]> name() {
        return reader.symbols().bytesOf(id);
    }

    /**
     * The value of the instance variable.
     *
     * @return a {@code VALUE}
     */
    public long value() {
        return value;
    }

    /**
     * The instance variable for who wants to keep it.
     *
     * @return what the cursor is at
     */
    public Ivar ivar() {
        return new Ivar(id, name().map(IvarCursor::text), value);
    }

    private static String text(byte[] name) {
        return new String(name, StandardCharsets.UTF_8);
    }

    /**
     * Tells where it stands, without reading anything.
     *
     * @return for example {@code ID 12345 = 0x7f0012345678}
     */
    @Override
    public String toString() {
        return id == 0 ? "at no instance variable" : "ID %d = 0x%x".formatted(id, value);
    }
}
