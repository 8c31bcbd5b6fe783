// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.gc;

import dev.heapwalk.memory.UnmappedAddressException;
import dev.heapwalk.ruby.ObjectReader;
import dev.heapwalk.ruby.RValue;
import dev.heapwalk.ruby.RubyType;
import dev.heapwalk.ruby.SlotCursor;
import dev.heapwalk.ruby.layout.ClassLayout;
import dev.heapwalk.ruby.layout.Flags;
import dev.heapwalk.ruby.layout.MarkLayout;
import dev.heapwalk.ruby.layout.ObjectLayout;
import dev.heapwalk.ruby.layout.RubyLayout;
import dev.heapwalk.ruby.object.ImemoType;
import dev.heapwalk.ruby.object.RData;
import dev.heapwalk.ruby.object.Shapes;
import dev.heapwalk.ruby.table.IdEntries;

/**
 * The references that a slot holds: those that the garbage collector follows, and so those that {@code
 * ObjectSpace.dump_all} lists. Allocates nothing for a slot. For one thread.
 */
public final class References {
    /** {@code RSTRUCT_GEN_FIELDS}, since 4.0: the table has the instance variables. */
    private static final long STRUCT_GENERIC = 1L << Flags.USHIFT + 8;

    private static final int MOST_IVARS = 1 << 20;

    private final ObjectReader reader;
    private final ObjectLayout objects;
    private final ClassLayout classes;
    private final MarkLayout.Data data;
    private final int version;
    private final boolean imemoHasClass;
    private final Marking mark;
    private final CodeReferences codes;
    private final ContextReferences contexts;
    private final DataReferences datas;
    private final RData dataView;
    private final IdEntries ids;
    private final ReferenceSink withoutClass = this::exceptClass;

    private long klass;
    private ReferenceSink sink;

    /**
     * Makes one that marks no slot yet.
     *
     * @param reader what follows the pointers; the views given to {@link #of} may be over its window
     */
    public References(ObjectReader reader) {
        this.reader = reader;
        this.objects = RubyLayout.of(reader.series()).object();
        this.classes = RubyLayout.of(reader.series()).classes();
        this.data = RubyLayout.of(reader.series()).mark().data();
        this.version = RubyLayout.of(reader.series()).version();
        this.imemoHasClass = version < 302;
        this.mark = new Marking(reader);
        this.codes = new CodeReferences(mark);
        this.contexts = new ContextReferences(mark);
        this.datas = new DataReferences(mark, contexts);
        this.dataView = new RData(reader);
        this.ids = new IdEntries(reader);
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
    public boolean of(RValue slot, ReferenceSink to) {
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
    public boolean of(SlotCursor slot, ReferenceSink to) {
        return of(slot.type() == RubyType.DATA ? slot.asData() : slot.asValue(), to);
    }

    private boolean isFields(RValue slot) {
        return version >= 400 && reader.imemoType(slot.flags()) == ImemoType.FIELDS;
    }

    private void exceptClass(long reference) {
        if (reference != klass) {
            sink.reference(reference);
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
    public boolean all(RValue slot, ReferenceSink to) {
        return mark(slot, slot.type(), to);
    }

    /** C name {@code gc_mark_children}. */
    private boolean mark(RValue slot, RubyType type, ReferenceSink to) {
        mark.into(to);
        long address = slot.address();
        long flags = slot.flags();
        boolean known = true;
        switch (type) {
            case NONE, ZOMBIE, MOVED, NIL, TRUE, FALSE, FIXNUM, UNDEF, NODE, UNKNOWN -> {
                return true;
            }
            case FLOAT, BIGNUM -> {}
            case SYMBOL -> {
                if (version >= 400) {
                    mark.value(slot.word(24));
                }
            }
            case IMEMO -> {
                return codes.of(slot);
            }
            case STRING -> {
                mark.value(slot.klass());
                // STR_NOEMBED and STR_SHARED
                if ((flags & Flags.USER1) != 0 && (flags & objects.stringShared()) != 0) {
                    mark.value(slot.word(32));
                }
            }
            case ARRAY -> {
                mark.value(slot.klass());
                array(slot, flags);
            }
            case HASH -> {
                mark.value(slot.klass());
                hash(slot, flags);
            }
            case OBJECT -> {
                mark.value(slot.klass());
                object(slot, flags);
            }
            case STRUCT -> {
                mark.value(slot.klass());
                struct(slot, flags);
            }
            case RATIONAL, COMPLEX -> {
                mark.value(slot.klass());
                mark.value(slot.word(16));
                mark.value(slot.word(24));
            }
            case REGEXP -> {
                mark.value(slot.klass());
                mark.value(slot.word(24));
            }
            case MATCH -> {
                mark.value(slot.klass());
                match(slot);
            }
            case FILE -> {
                mark.value(slot.klass());
                long file = slot.word(16);
                if (file != 0) {
                    mark.fields(file, data.io());
                }
            }
            case CLASS, MODULE -> {
                mark.value(slot.klass());
                klass(slot, type, flags);
                return true;
            }
            case ICLASS -> {
                mark.value(slot.klass());
                iclass(slot, flags);
                return true;
            }
            case DATA -> {
                mark.value(slot.klass());
                RData view = slot instanceof RData already ? already : reader.at(address, dataView);
                if (objects.dataFieldsObject() >= 0) {
                    mark.value(slot.word(objects.dataFieldsObject()));
                }
                known = datas.of(view);
            }
        }
        // The views may be stale from here on.
        genericIvars(address, flags, type);
        return known;
    }

    /** C name {@code rb_mark_generic_ivar}. */
    private void genericIvars(long object, long flags, RubyType type) {
        if (objects.genericIvarsByFlag()) {
            if ((flags & Flags.EXIVAR) == 0 || type == RubyType.OBJECT) {
                return;
            }
        } else if (type == RubyType.OBJECT
                || type == RubyType.DATA
                || type == RubyType.STRUCT && (flags & STRUCT_GENERIC) == 0
                || reader.shapes().index(Shapes.of(flags)) == 0) {
            return;
        }
        long place = reader.genericIvars(object);
        if (place == 0) {
            return;
        }
        if (!objects.genericIvarsByFlag()) {
            mark.value(place);
        } else if (version >= 303 && reader.shapes().tooComplex(Shapes.of(flags))) {
            mark.table(reader.word(place), false, true);
        } else {
            mark.values(place + 8, reader.half(place) & 0xffffffffL);
        }
    }

    private void array(RValue slot, long flags) {
        if ((flags & Flags.USER1) != 0) {
            int length = (int) Math.min(flags >>> 15 & objects.arrayEmbedLengthMask(), (slot.slotSize() - 16) / 8);
            for (int i = 0; i < length; i++) {
                mark.value(slot.word(16 + 8 * i));
            }
        } else if ((flags & objects.arrayShared()) != 0) {
            mark.value(slot.word(24));
        } else {
            mark.values(slot.word(32), slot.word(16));
        }
    }

    private void hash(RValue slot, long flags) {
        long address = slot.address();
        mark.value(slot.word(objects.hashDefault()));
        boolean table = (flags & Flags.USER3) != 0;
        if (!table) {
            int bound = Math.min((int) (flags >>> 20) & 0xf, 8);
            long undef = reader.constants().undef();
            if (objects.hashInline()) {
                int most = Math.min(bound, (slot.slotSize() - 32) / 16);
                for (int i = 0; i < most; i++) {
                    pair(slot.word(32 + 16 * i), slot.word(40 + 16 * i), undef);
                }
            } else if (bound > 0) {
                long pairs = slot.word(16);
                if (pairs != 0) {
                    for (int i = 0; i < bound; i++) {
                        pair(reader.word(pairs + 16L * i), reader.word(pairs + 16L * i + 8), undef);
                    }
                }
            }
        } else {
            mark.table(objects.hashInline() ? address + 24 : slot.word(16), true, true);
        }
    }

    private void pair(long key, long value, long undef) {
        if (key != undef) {
            mark.value(key);
            mark.value(value);
        }
    }

    private void object(RValue slot, long flags) {
        boolean embedded = objects.embedsIvars(flags);
        if (!objects.shapesInFlags()) {
            if (embedded) {
                for (int i = 0; i < 3; i++) {
                    mark.value(slot.word(16 + 8 * i));
                }
            } else {
                long values = slot.word(objects.objectFields());
                if (values != 0) {
                    mark.values(values, slot.word(16) & 0xffffffffL);
                }
            }
            return;
        }
        int shape = Shapes.of(flags);
        // Asking for the shape may move the view.
        long address = slot.address();
        long heap = slot.word(objects.objectFields());
        int room = (slot.slotSize() - 16) / 8;
        if (reader.shapes().tooComplex(shape)) {
            // What is left of the flag for embedded values does not count.
            mark.table(heap, false, true);
        } else if (embedded) {
            mark.values(address + 16, Math.min(reader.shapes().nextIvIndex(shape), room));
        } else {
            mark.values(heap, reader.shapes().nextIvIndex(shape));
        }
    }

    private void struct(RValue slot, long flags) {
        int embedded = (int) (flags >>> 13) & objects.structEmbedLengthMask();
        if (version >= 400 && (flags & STRUCT_GENERIC) == 0 && reader.shapes().hasNames(Shapes.of(flags))) {
            // An object behind the members has the instance variables.
            mark.at(slot.address() + (embedded == 0 ? 32 : 16 + 8L * embedded));
        }
        if (embedded != 0) {
            int length = Math.min(embedded, (slot.slotSize() - 16) / 8);
            for (int i = 0; i < length; i++) {
                mark.value(slot.word(16 + 8 * i));
            }
        } else {
            mark.values(slot.word(24), slot.word(16));
        }
    }

    /** The string and the regexp, whose places were swapped in 3.3. */
    private void match(RValue slot) {
        mark.value(slot.word(16));
        mark.value(slot.word(objects.matchInline() ? 24 : 32));
    }

    private void klass(RValue slot, RubyType type, long flags) {
        long address = slot.address();
        long superclass = slot.word(classes.superclass());
        long methods = classes.methodsInExtension() ? 0 : slot.word(classes.methods());
        long extension = extension(slot);
        if (extension == 0) {
            mark.value(superclass);
            return;
        }
        superclass = superclass(superclass, extension);
        mark.value(superclass);
        if (type == RubyType.CLASS && (flags & classes.singleton()) != 0 && classes.attachedObject() >= 0) {
            mark.at(extension + classes.attachedObject());
        }
        mark.idTable(methods(methods, extension));
        classVariables(extension);
        callCaches(extension);
        ivars(extension, flags);
        constants(reader.word(extension + classes.constants()));
        if (classes.classpath() >= 0) {
            mark.at(extension + classes.classpath());
        }
        if (version >= 400) {
            mark.idTable(reader.word(extension + classes.callables()));
        }
        genericIvars(address, flags, type);
    }

    private void iclass(RValue slot, long flags) {
        long superclass = slot.word(classes.superclass());
        long methods = classes.methodsInExtension() ? 0 : slot.word(classes.methods());
        long extension = extension(slot);
        if (extension == 0) {
            mark.value(superclass);
            return;
        }
        mark.value(superclass(superclass, extension));
        if (classes.ownsMethods(classes.iclassBits() < 0 ? flags : reader.octet(extension + classes.iclassBits()))) {
            mark.idTable(methods(methods, extension));
        }
        if (version >= 302) {
            mark.at(extension + classes.includer());
        }
        mark.idTable(reader.word(extension + classes.callables()));
        callCaches(extension);
    }

    private long extension(RValue slot) {
        return classes.extensionInline() ? slot.address() + classes.extension() : slot.word(classes.extension());
    }

    private long superclass(long ofSlot, long extension) {
        return classes.superInExtension() ? reader.word(extension + classes.superclass()) : ofSlot;
    }

    private long methods(long ofSlot, long extension) {
        return classes.methodsInExtension() ? reader.word(extension + classes.methods()) : ofSlot;
    }

    private void ivars(long extension, long flags) {
        long ivars = reader.word(extension + classes.ivars());
        if (version >= 400) {
            mark.value(ivars);
        } else if (ivars == 0) {
            return;
        } else if (version < 302 || version >= 303 && reader.shapes().tooComplex(Shapes.of(flags))) {
            mark.table(ivars, false, true);
        } else {
            int count = reader.shapes().nextIvIndex(Shapes.of(flags));
            mark.values(ivars, Math.min(count, MOST_IVARS));
        }
    }

    private void constants(long table) {
        ids.over(table);
        while (ids.next()) {
            mark.values(ids.value() + 8, 2);
        }
    }

    /** The caches of class variables: C name {@code mark_cvc_tbl}. */
    private void classVariables(long extension) {
        if (version < 302) {
            return;
        }
        if (version >= 400) {
            mark.at(extension + classes.classVariables());
            return;
        }
        ids.over(reader.word(extension + classes.classVariables()));
        while (ids.next()) {
            mark.at(ids.value() + 16);
        }
    }

    /** The caches of calls: C name {@code cc_table_mark}. */
    private void callCaches(long extension) {
        if (classes.callCaches() < 0) {
            return;
        }
        if (version >= 400) {
            mark.at(extension + classes.callCaches());
            return;
        }
        ids.over(reader.word(extension + classes.callCaches()));
        while (ids.next()) {
            long caches = ids.value();
            int length = reader.half(caches + 4);
            long entry = reader.word(caches + 8);
            long entries = reader.word(caches + 16);
            if (mark.invalidated(entry)) {
                continue;
            }
            mark.value(entry);
            if (length <= 0) {
                continue;
            }
            reader.requireMapped(entries, length, 16);
            // Call information and cache; since 3.4 flags and the number of arguments, which are no slot, before or
            // behind.
            mark.values(entries, 2L * length);
        }
    }
}
