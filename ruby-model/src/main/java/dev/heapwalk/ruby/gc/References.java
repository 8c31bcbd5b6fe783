// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.gc;

import dev.heapwalk.heap.EdgeKind;
import dev.heapwalk.heap.EdgeSink;
import dev.heapwalk.heap.EdgeSource;
import dev.heapwalk.heap.Label;
import dev.heapwalk.memory.Reader;
import dev.heapwalk.memory.UnmappedAddressException;
import dev.heapwalk.ruby.ObjectReader;
import dev.heapwalk.ruby.RValue;
import dev.heapwalk.ruby.RubyType;
import dev.heapwalk.ruby.SlotCursor;
import dev.heapwalk.ruby.layout.CallCacheLayout;
import dev.heapwalk.ruby.layout.ClassLayout;
import dev.heapwalk.ruby.layout.Flags;
import dev.heapwalk.ruby.layout.MarkLayout;
import dev.heapwalk.ruby.layout.ObjectLayout;
import dev.heapwalk.ruby.layout.RubyLayout;
import dev.heapwalk.ruby.layout.ShapeLayout;
import dev.heapwalk.ruby.layout.TableLayout;
import dev.heapwalk.ruby.object.ImemoType;
import dev.heapwalk.ruby.object.RArray;
import dev.heapwalk.ruby.object.RClass;
import dev.heapwalk.ruby.object.RComplex;
import dev.heapwalk.ruby.object.RData;
import dev.heapwalk.ruby.object.RFile;
import dev.heapwalk.ruby.object.RHash;
import dev.heapwalk.ruby.object.RMatch;
import dev.heapwalk.ruby.object.RObject;
import dev.heapwalk.ruby.object.RRational;
import dev.heapwalk.ruby.object.RRegexp;
import dev.heapwalk.ruby.object.RString;
import dev.heapwalk.ruby.object.RStruct;
import dev.heapwalk.ruby.object.RSymbol;
import dev.heapwalk.ruby.object.Shapes;
import dev.heapwalk.ruby.table.IdEntries;

/**
 * The references that a slot holds: those that the garbage collector follows, and so those that {@code
 * ObjectSpace.dump_all} lists. As a source of edges it also tells what memory of an allocator a slot owns, and which
 * objects an {@code ObjectSpace::WeakMap} knows. Allocates nothing for a slot. For one thread.
 *
 * <p>The names are those that Ruby has, {@code @name}, {@code [3]}, {@code {:key}}, {@code ::CONSTANT}, {@code
 * #method}, {@code local x of Foo#bar}, or those of the fields in C, such as {@code super}. They are made when they are
 * asked for, by a reader that is not that of this object.
 */
public final class References implements EdgeSource {
    private static final Label CLASS = text -> text.append("class");
    private static final int MOST_IVARS = 1 << 20;

    private final ObjectReader reader;
    private final Reader memory;
    private final ObjectLayout objects;
    private final ClassLayout classes;
    private final ShapeLayout shapes;
    private final MarkLayout.Data data;
    private final boolean imemoHasClass;
    private final Marking mark;
    private final CodeReferences codes;
    private final ContextReferences contexts;
    private final DataReferences datas;
    private final RString string;
    private final RArray array;
    private final RHash hash;
    private final RObject object;
    private final RStruct struct;
    private final RClass module;
    private final RSymbol symbol;
    private final RRational rational;
    private final RComplex complex;
    private final RRegexp regexp;
    private final RMatch match;
    private final RFile file;
    private final RData dataView;
    private final IdEntries ids;
    private final OwnedMemory owned;
    private final RValue view;
    private final EdgeSink withoutClass = this::exceptClass;

    private long klass;
    private EdgeSink sink;

    /**
     * Makes one that marks no slot yet.
     *
     * @param reader what follows the pointers; the views given to {@link #of} may be over its window
     */
    public References(ObjectReader reader) {
        this.reader = reader;
        this.memory = reader.memory();
        this.objects = RubyLayout.of(reader.series()).object();
        this.classes = RubyLayout.of(reader.series()).classes();
        this.data = RubyLayout.of(reader.series()).mark().data();
        this.shapes = RubyLayout.of(reader.series()).shape();
        this.imemoHasClass = RubyLayout.of(reader.series()).imemo().hasClass();
        this.mark = new Marking(reader);
        this.codes = new CodeReferences(mark);
        this.contexts = new ContextReferences(mark);
        this.datas = new DataReferences(mark, contexts);
        this.string = new RString(reader);
        this.array = new RArray(reader);
        this.hash = new RHash(reader);
        this.object = new RObject(reader);
        this.struct = new RStruct(reader);
        this.module = new RClass(reader);
        this.symbol = new RSymbol(reader);
        this.rational = new RRational(reader);
        this.complex = new RComplex(reader);
        this.regexp = new RRegexp(reader);
        this.match = new RMatch(reader);
        this.file = new RFile(reader);
        this.dataView = new RData(reader);
        this.ids = new IdEntries(reader);
        this.owned = new OwnedMemory(reader);
        this.view = new RValue(reader);
    }

    Marking marking() {
        return mark;
    }

    ContextReferences contexts() {
        return contexts;
    }

    DataReferences datas() {
        return datas;
    }

    CodeReferences codes() {
        return codes;
    }

    /**
     * Gives the references of a slot as {@code ObjectSpace.dump_all} lists them: the class is left out, and what is
     * referred to twice comes twice.
     *
     * @param slot a slot that is not free
     * @param to takes the references
     * @return whether these are all; false for data of a C extension whose mark function is not known
     * @throws UnmappedAddressException if the slot is damaged; what came before is good
     */
    public boolean of(RValue slot, EdgeSink to) {
        RubyType type = slot.type();
        // Until 3.1 what the virtual machine keeps for itself is taken to have a class, whatever stands in that place.
        // Since 4.0 the fields of an object have that object for a class.
        klass = type == RubyType.NODE || type == RubyType.IMEMO && !imemoHasClass && !isFields(slot) ? 0 : slot.klass();
        sink = to;
        return mark(slot, type, withoutClass);
    }

    /**
     * Gives the references of the slot that a cursor is at, as {@code ObjectSpace.dump_all} lists them.
     *
     * @param slot a cursor of the same virtual machine, at a slot that is not free
     * @param to takes the references
     * @return whether these are all; false for data of a C extension whose mark function is not known
     * @throws UnmappedAddressException if the slot is damaged; what came before is good
     */
    public boolean of(SlotCursor slot, EdgeSink to) {
        return of(slot.type() == RubyType.DATA ? slot.asData() : slot.asValue(), to);
    }

    /**
     * Whether an object lies at an address, and is no garbage that the target has yet to sweep.
     *
     * @param address any target address, or a {@code VALUE} that is no reference
     * @return whether one does; false if that can't be read
     */
    public boolean lives(long address) {
        if (!reader.isSlot(address)) {
            return false;
        }
        RubyType type = RubyType.of(memory.readLong(address, 0));
        return type != RubyType.NONE && type != RubyType.MOVED && !mark.garbage(address);
    }

    private boolean isFields(RValue slot) {
        return objects.fieldObjects() && reader.imemoType(slot.flags()) == ImemoType.FIELDS;
    }

    private void exceptClass(long reference, EdgeKind kind, Label label) {
        if (reference != klass) {
            sink.edge(reference, kind, label);
        }
    }

    /**
     * Gives all references of a slot, its class too.
     *
     * @param slot a slot that is not free
     * @param to takes the references
     * @return whether these are all; false for data of a C extension whose mark function is not known
     * @throws UnmappedAddressException if the slot is damaged; what came before is good
     */
    public boolean all(RValue slot, EdgeSink to) {
        return mark(slot, slot.type(), to);
    }

    /**
     * {@inheritDoc} The class comes too. What lies in no slot in use has none.
     */
    @Override
    public boolean edges(long address, EdgeSink to) {
        return !reader.find(address, view) || edges(view, view.type(), to);
    }

    /**
     * Gives the edges of the slot that a cursor is at, see {@link #edges(long, EdgeSink)}.
     *
     * @param slot a cursor of the same virtual machine, at a slot that is not free
     * @param to takes the edges
     * @return whether these are all; false for data of a C extension whose mark function is not known
     * @throws UnmappedAddressException if the slot is damaged; what came before is good
     */
    public boolean edges(SlotCursor slot, EdgeSink to) {
        RubyType type = slot.type();
        return edges(type == RubyType.DATA ? slot.asData() : slot.asValue(), type, to);
    }

    private boolean edges(RValue slot, RubyType type, EdgeSink to) {
        long address = slot.address();
        boolean known = mark(slot, type, to);
        // What was marked may have moved the view.
        if (type == RubyType.DATA && reader.find(address, dataView)) {
            datas.weak(dataView);
        }
        if (reader.find(address, view)) {
            owned.of(view, to);
        }
        return known;
    }

    /** Frees what names were read with. The reader stays as it is. */
    @Override
    public void close() {
        mark.close();
    }

    /** C name {@code gc_mark_children}. */
    private boolean mark(RValue slot, RubyType type, EdgeSink to) {
        mark.into(to);
        long address = slot.address();
        long flags = slot.flags();
        long ownClass = slot.klass();
        boolean known = true;
        switch (type) {
            case NONE, ZOMBIE, MOVED, NIL, TRUE, FALSE, FIXNUM, UNDEF, NODE, UNKNOWN -> {
                return true;
            }
            case FLOAT, BIGNUM -> {}
            case SYMBOL -> {
                if (objects.symbolMarksName()) {
                    mark.value("fstr", slot.as(symbol).name());
                }
            }
            case IMEMO -> {
                return codes.of(slot);
            }
            case STRING -> {
                mark.value(CLASS, ownClass);
                if (slot.as(string).shared()) {
                    mark.value("shared", string.auxiliary());
                }
            }
            case ARRAY -> {
                mark.value(CLASS, ownClass);
                array(slot.as(array));
            }
            case HASH -> {
                mark.value(CLASS, ownClass);
                hash(slot.as(hash));
            }
            case OBJECT -> {
                mark.value(CLASS, ownClass);
                object(slot.as(object));
            }
            case STRUCT -> {
                mark.value(CLASS, ownClass);
                struct(slot.as(struct));
            }
            case RATIONAL -> {
                mark.value(CLASS, ownClass);
                mark.value("num", slot.as(rational).numerator());
                mark.value("den", rational.denominator());
            }
            case COMPLEX -> {
                mark.value(CLASS, ownClass);
                mark.value("real", slot.as(complex).real());
                mark.value("imag", complex.imaginary());
            }
            case REGEXP -> {
                mark.value(CLASS, ownClass);
                mark.value("src", slot.as(regexp).source());
            }
            case MATCH -> {
                mark.value(CLASS, ownClass);
                mark.value("str", slot.as(match).string());
                mark.value("regexp", match.regexp());
            }
            case FILE -> {
                mark.value(CLASS, ownClass);
                long state = slot.as(file).state();
                if (state != 0) {
                    mark.fields(state, data.io());
                }
            }
            case CLASS, MODULE -> {
                mark.value(CLASS, ownClass);
                klass(slot.as(module), type);
                return true;
            }
            case ICLASS -> {
                mark.value(CLASS, ownClass);
                iclass(slot.as(module));
                return true;
            }
            case DATA -> {
                mark.value(CLASS, ownClass);
                RData view = slot instanceof RData already ? already : reader.at(address, dataView);
                if (objects.fieldObjects()) {
                    mark.value("fields", view.fieldsObject());
                }
                known = datas.of(view);
            }
        }
        // The views may be stale from here on.
        genericIvars(address, flags, ownClass, type);
        return known;
    }

    /** C name {@code rb_mark_generic_ivar}. */
    private void genericIvars(long object, long flags, long klass, RubyType type) {
        if (objects.genericIvarsByFlag()) {
            if ((flags & Flags.EXIVAR) == 0 || type == RubyType.OBJECT) {
                return;
            }
        } else if (type == RubyType.OBJECT
                || type == RubyType.DATA
                || type == RubyType.STRUCT && (flags & RStruct.GENERIC_FIELDS) == 0
                || reader.shapes().index(Shapes.of(flags)) == 0) {
            return;
        }
        long place = reader.genericIvars(object);
        if (place == 0) {
            return;
        }
        if (!objects.genericIvarsByFlag()) {
            mark.value("fields", place);
        } else if (shapes.othersTooComplex() && reader.shapes().tooComplex(Shapes.of(flags))) {
            mark.ivars(memory.readLong(place));
        } else {
            if (objects.shapesInFlags()) {
                mark.name(EdgeLabel.Form.IVAR_OF_SHAPE, "", Shapes.of(flags), 0);
            } else {
                mark.name(EdgeLabel.Form.IVAR_OF_CLASS, "", klass, 0);
            }
            mark.run(place + TableLayout.IVARS_VALUES, memory.readInt(place) & 0xffffffffL);
        }
    }

    private void array(RArray slot) {
        if (slot.embedded()) {
            long length = slot.length();
            mark.elements("");
            for (int i = 0; i < length; i++) {
                mark.numbered(i, slot.embeddedElement(i));
            }
        } else if (slot.shared()) {
            mark.value("shared", slot.auxiliary());
        } else {
            mark.values("", slot.elements(), slot.length());
        }
    }

    private void hash(RHash slot) {
        mark.value("default", slot.defaultValue());
        if (slot.hasTable()) {
            mark.table("", slot.table(), true, true);
            return;
        }
        int bound = slot.pairsBound();
        long undef = reader.constants().undef();
        mark.name(EdgeLabel.Form.ENTRY, "", 0, 0);
        if (slot.inline()) {
            int most = Math.min(bound, slot.inlinePairs());
            for (int i = 0; i < most; i++) {
                pair(slot.inlineKey(i), slot.inlineValue(i), undef);
            }
            return;
        }
        long pairs = slot.pairs();
        if (pairs != 0) {
            for (int i = 0; i < bound; i++) {
                long at = pairs + (long) RHash.PAIR_SIZE * i;
                pair(memory.readLong(at), memory.readLong(at + Long.BYTES), undef);
            }
        }
    }

    private void pair(long key, long value, long undef) {
        if (key != undef) {
            mark.key(key);
            mark.numbered(key, value);
        }
    }

    private void object(RObject slot) {
        if (!objects.shapesInFlags()) {
            mark.name(EdgeLabel.Form.IVAR_OF_CLASS, "", slot.klass(), 0);
            if (slot.embedded()) {
                for (int i = 0; i < slot.numiv(); i++) {
                    mark.numbered(i, slot.embeddedIvar(i));
                }
            } else if (slot.ivptr() != 0) {
                mark.run(slot.ivptr(), slot.numiv() & 0xffffffffL);
            }
            return;
        }
        // Asking for the shape may move the view.
        int shape = slot.shape();
        boolean embedded = slot.embedded();
        long table = slot.table();
        long values = slot.ivptr();
        int room = slot.room();
        if (reader.shapes().tooComplex(shape)) {
            mark.ivars(table);
        } else {
            int count = reader.shapes().nextIvIndex(shape);
            mark.name(EdgeLabel.Form.IVAR_OF_SHAPE, "", shape, 0);
            mark.run(values, embedded ? Math.min(count, room) : count);
        }
    }

    private void struct(RStruct slot) {
        if (objects.fieldObjects()
                && !slot.has(RStruct.GENERIC_FIELDS)
                && reader.shapes().hasNames(Shapes.of(slot.flags()))) {
            // An object behind the members has the instance variables.
            mark.at("fields", slot.address() + slot.fieldsObject());
        }
        mark.name(EdgeLabel.Form.MEMBER, "", slot.klass(), 0);
        if (slot.embedded()) {
            long length = slot.length();
            for (int i = 0; i < length; i++) {
                mark.numbered(i, slot.embeddedMember(i));
            }
        } else {
            mark.run(slot.members(), slot.length());
        }
    }

    private void klass(RClass slot, RubyType type) {
        long address = slot.address();
        long flags = slot.flags();
        long ownClass = slot.klass();
        long superclass = slot.rawSuperclass();
        long extension = slot.extension();
        mark.value("super", superclass);
        if (extension == 0) {
            return;
        }
        if (type == RubyType.CLASS && (flags & classes.singleton()) != 0 && classes.attachedObject() >= 0) {
            mark.value("attached_object", slot.attachedObject());
        }
        mark.idTable(EdgeLabel.Form.METHOD, slot.methodTable());
        classVariables(slot);
        callCaches(slot);
        ivars(slot.ivars(), flags);
        constants(slot.constantTable());
        if (classes.classpath() >= 0) {
            mark.value("classpath", slot.classpath());
        }
        if (classes.marksCallables()) {
            mark.idTable(EdgeLabel.Form.METHOD, slot.callableTable());
        }
        genericIvars(address, flags, ownClass, type);
    }

    private void iclass(RClass slot) {
        long superclass = slot.rawSuperclass();
        mark.value("super", superclass);
        if (slot.extension() == 0) {
            return;
        }
        if (slot.ownsMethods()) {
            mark.idTable(EdgeLabel.Form.METHOD, slot.methodTable());
        }
        if (classes.marksIncluder()) {
            mark.value("includer", slot.includer());
        }
        mark.idTable(EdgeLabel.Form.METHOD, slot.callableTable());
        callCaches(slot);
    }

    private void ivars(long ivars, long flags) {
        if (objects.fieldObjects()) {
            mark.value("fields", ivars);
        } else if (ivars == 0) {
            return;
        } else if (!objects.shapesInFlags()
                || shapes.othersTooComplex() && reader.shapes().tooComplex(Shapes.of(flags))) {
            mark.ivars(ivars);
        } else {
            int count = reader.shapes().nextIvIndex(Shapes.of(flags));
            mark.name(EdgeLabel.Form.IVAR_OF_SHAPE, "", Shapes.of(flags), 0);
            mark.run(ivars, Math.min(count, MOST_IVARS));
        }
    }

    private void constants(long table) {
        ids.over(table);
        while (ids.next()) {
            mark.name(EdgeLabel.Form.CONSTANT, "", ids.serial(), 0);
            mark.run(ids.value() + ClassLayout.CONSTANT_VALUE, 2);
        }
    }

    /** The caches of class variables: C name {@code mark_cvc_tbl}. */
    private void classVariables(RClass slot) {
        if (!classes.marksClassVariables()) {
            return;
        }
        long caches = slot.classVariableTable();
        // An object in later patch levels of 4.0.
        if (reader.isSlot(caches)) {
            mark.value("cvc_tbl", caches);
            return;
        }
        ids.over(caches);
        while (ids.next()) {
            mark.name(EdgeLabel.Form.CLASS_VARIABLE, "", 0, 0);
            mark.numbered(ids.serial(), memory.readLong(ids.value() + ClassLayout.CLASS_VARIABLE_CREF));
        }
    }

    /** The caches of calls: C name {@code cc_table_mark}. */
    private void callCaches(RClass slot) {
        long table = slot.callCacheTable();
        if (classes.cachesInObjects()) {
            mark.value("cc_tbl", table);
            return;
        }
        ids.over(table);
        while (ids.next()) {
            long caches = ids.value();
            int length = memory.readInt(caches + CallCacheLayout.LENGTH);
            long entry = memory.readLong(caches + CallCacheLayout.METHOD);
            long entries = memory.readLong(caches + CallCacheLayout.ENTRIES);
            if (mark.invalidated(entry)) {
                continue;
            }
            mark.value("cc_tbl.cme", entry);
            if (length <= 0) {
                continue;
            }
            memory.requireMapped(entries, length, CallCacheLayout.ENTRY_SIZE);
            // Call information and cache; since 3.4 flags and the number of arguments, which are no slot, before or
            // behind.
            mark.values("cc_tbl.entries", entries, 2L * length);
        }
    }
}
