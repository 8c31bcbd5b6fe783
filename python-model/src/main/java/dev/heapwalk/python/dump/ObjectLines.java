// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.python.dump;

import dev.heapwalk.heap.EdgeKind;
import dev.heapwalk.heap.EdgeSink;
import dev.heapwalk.heap.Label;
import dev.heapwalk.heap.dump.Counts;
import dev.heapwalk.heap.dump.DumpLimit;
import dev.heapwalk.heap.dump.DumpSummary;
import dev.heapwalk.memory.Reader;
import dev.heapwalk.memory.UnmappedAddressException;
import dev.heapwalk.python.GcState;
import dev.heapwalk.python.ObjectReader;
import dev.heapwalk.python.PythonRuntime;
import dev.heapwalk.python.frame.Frames;
import dev.heapwalk.python.gc.AttributeSink;
import dev.heapwalk.python.gc.References;
import dev.heapwalk.python.layout.IntLayout;
import dev.heapwalk.python.layout.SmallLayout;
import dev.heapwalk.python.object.PyByteArray;
import dev.heapwalk.python.object.PyBytes;
import dev.heapwalk.python.object.PyCell;
import dev.heapwalk.python.object.PyCode;
import dev.heapwalk.python.object.PyDict;
import dev.heapwalk.python.object.PyFloat;
import dev.heapwalk.python.object.PyFunction;
import dev.heapwalk.python.object.PyGen;
import dev.heapwalk.python.object.PyList;
import dev.heapwalk.python.object.PyLong;
import dev.heapwalk.python.object.PyMethod;
import dev.heapwalk.python.object.PyModule;
import dev.heapwalk.python.object.PyObject;
import dev.heapwalk.python.object.PySet;
import dev.heapwalk.python.object.PyTuple;
import dev.heapwalk.python.object.PyTypeObject;
import dev.heapwalk.python.object.PyUnicode;
import dev.heapwalk.python.object.PyWeakref;
import dev.heapwalk.python.owned.BufferKind;
import dev.heapwalk.python.owned.BufferSink;
import dev.heapwalk.python.owned.OwnedBuffers;
import dev.heapwalk.text.JsonLines;
import dev.heapwalk.text.TextForm;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Writes the lines of objects, for one thread. What the keys mean is written in {@code docs/python-dump.md}. */
final class ObjectLines implements AutoCloseable {
    private static final byte[] ID = JsonLines.ascii("{\"id\":");
    private static final byte[] TYPE_ID = DumpLine.key("type_id");
    private static final byte[] SIZE = DumpLine.key("size");
    private static final byte[] OWNED = DumpLine.key("owned");
    private static final byte[] REFCOUNT = DumpLine.key("refcount");
    private static final byte[] IMMORTAL = DumpLine.key("immortal");
    private static final byte[] STATIC = DumpLine.key("static");
    private static final byte[] GC = DumpLine.key("gc");
    private static final byte[] TRACKED = JsonLines.ascii("\"tracked\"");
    private static final byte[] UNTRACKED = JsonLines.ascii("\"untracked\"");
    private static final byte[] FROZEN = JsonLines.ascii("\"permanent\"");
    private static final byte[] ELSEWHERE = JsonLines.ascii("\"elsewhere\"");
    private static final byte[] VALUE = DumpLine.key("val");
    private static final byte[] ENCODING = DumpLine.key("encoding");
    private static final byte[] LATIN = JsonLines.ascii("\"latin-1\"");
    private static final byte[] UTF_16 = JsonLines.ascii("\"utf-16-le\"");
    private static final byte[] UTF_32 = JsonLines.ascii("\"utf-32-le\"");
    private static final byte[] BYTESIZE = DumpLine.key("bytesize");
    private static final byte[] SHA256 = JsonLines.ascii(",\"sha256\":\"");
    private static final byte[] HMAC_SHA256 = JsonLines.ascii(",\"hmac_sha256\":\"");
    private static final byte[] NAME = DumpLine.key("name");
    private static final byte[] QUALNAME = DumpLine.key("qualname");
    private static final byte[] FILE = DumpLine.key("file");
    private static final byte[] LINE = DumpLine.key("line");
    private static final byte[] BASE = DumpLine.key("base");
    private static final byte[] BASICSIZE = DumpLine.key("basicsize");
    private static final byte[] DICT = DumpLine.key("dict");
    private static final byte[] CODE = DumpLine.key("code");
    private static final byte[] GLOBALS = DumpLine.key("globals");
    private static final byte[] DEFAULTS = DumpLine.key("defaults");
    private static final byte[] CLOSURE = DumpLine.key("closure");
    private static final byte[] FUNC = DumpLine.key("func");
    private static final byte[] SELF = DumpLine.key("self");
    private static final byte[] OBJECT = DumpLine.key("object");
    private static final byte[] CALLBACK = DumpLine.key("callback");
    private static final byte[] STATE = DumpLine.key("state");
    private static final byte[] AWAITS = DumpLine.key("awaits");
    private static final byte[] FUNCTION = JsonLines.ascii("\"function\":");
    private static final byte[] LOCALS = DumpLine.key("locals");
    private static final byte[] ATTRIBUTES = DumpLine.key("attrs");
    private static final byte[] REFS = DumpLine.key("refs");
    private static final byte[] GUESSED = DumpLine.key("guessed");
    private static final byte[] DAMAGE = DumpLine.key("damage");

    /** An integer with more digits of 30 bits is told by its digest. */
    private static final int MOST_DIGITS = 1 << 14;

    private static final int LONGEST_C_NAME = 1 << 8;
    private static final String GUESSED_LABEL = "(guessed)";

    private final ObjectReader reader;
    private final Reader memory;
    private final JsonLines json;
    private final DumpLine line;
    private final TypeKeys types;
    private final OwnedBuffers buffers;
    private final References references;
    private final Frames frames;
    private final long room;

    private final PyLong number;
    private final PyFloat real;
    private final PyUnicode unicode;
    private final PyBytes bytes;
    private final PyByteArray byteArray;
    private final PyTuple tuple;
    private final PyList list;
    private final PyDict dict;
    private final PyDict names;
    private final PySet set;
    private final PyTypeObject type;
    private final PyModule module;
    private final PyFunction function;
    private final PyMethod method;
    private final PyCode code;
    private final PyCell cell;
    private final PyWeakref weakref;
    private final PyGen generator;

    private final BufferSink owned = this::owned;
    private final AttributeSink attributes = new Attributes();
    private final EdgeSink elements = this::element;
    private final EdgeSink rest = this::rest;
    private final EdgeSink guessed = this::guess;
    private final StringBuilder label = new StringBuilder();
    private long ownedBytes;
    private boolean open;
    private long ownDict;
    private long guesses;

    private long objects;
    private final Counts unknown = new Counts();
    private final Counts guessedReferences = new Counts();
    private final List<DumpSummary.Damage> damage = new ArrayList<>();
    private long damaged;

    /** What an object is, as the walk has told it. */
    interface Told {
        long address();

        long type();

        int typeNumber();

        long size();

        long refcnt();

        boolean immortal();

        GcState gcState();

        /** Whether it lies in no block. */
        boolean variable();
    }

    /**
     * Prepares to write.
     *
     * @param runtime the runtime
     * @param reader what reads the objects
     * @param references what knows their references, by another reader
     * @param line what writes one line
     * @param types what the lines of a type have
     * @param json where the line goes
     * @param room how many bytes the dump may have; contents that are longer are not begun
     */
    ObjectLines(
            PythonRuntime runtime,
            ObjectReader reader,
            References references,
            DumpLine line,
            TypeKeys types,
            JsonLines json,
            long room) {
        this.reader = reader;
        this.memory = reader.memory();
        this.json = json;
        this.line = line;
        this.types = types;
        this.buffers = new OwnedBuffers(runtime, reader);
        this.references = references;
        this.frames = new Frames(runtime, reader);
        this.room = room;
        this.number = new PyLong(reader);
        this.real = new PyFloat(reader);
        this.unicode = new PyUnicode(reader);
        this.bytes = new PyBytes(reader);
        this.byteArray = new PyByteArray(reader);
        this.tuple = new PyTuple(reader);
        this.list = new PyList(reader);
        this.dict = new PyDict(reader);
        this.names = new PyDict(reader);
        this.set = new PySet(reader);
        this.type = new PyTypeObject(reader);
        this.module = new PyModule(reader);
        this.function = new PyFunction(reader);
        this.method = new PyMethod(reader);
        this.code = new PyCode(reader);
        this.cell = new PyCell(reader);
        this.weakref = new PyWeakref(reader);
        this.generator = new PyGen(reader);
    }

    /**
     * Writes the line of an object.
     *
     * @throws DumpLimit.LineTooLong if the dump has no room for it
     */
    void write(Told told) {
        TypeKeys.Keys keys = types.of(told.typeNumber(), told.type());
        line.begin();
        json.raw(ID);
        json.address(told.address());
        json.raw(keys.members());
        objects++;
        try {
            head(told, keys);
            keys(told, keys.kind());
            references(told, keys);
        } catch (UnmappedAddressException e) {
            line.closeInner();
            line.name(DAMAGE, e.getMessage());
            damaged(told.address(), e.getMessage());
        }
        line.closeAll();
    }

    private void damaged(long address, String what) {
        if (++damaged <= DumpSummary.MOST_DAMAGE) {
            damage.add(new DumpSummary.Damage(address, what));
        }
    }

    private void head(Told told, TypeKeys.Keys keys) {
        if (keys.made()) {
            line.reference(TYPE_ID, told.type());
        } else {
            // The name tells which it is.
            line.isShown(told.type());
        }
        line.number(SIZE, told.size());
        ownedBytes = 0;
        buffers.buffers(told.address(), told.type(), owned);
        if (ownedBytes > 0) {
            line.number(OWNED, ownedBytes);
        }
        if (told.immortal()) {
            line.flag(IMMORTAL, true);
        } else {
            line.number(REFCOUNT, told.refcnt());
        }
        if (told.variable()) {
            line.flag(STATIC, true);
        }
        gc(told.gcState());
    }

    private void owned(long address, long size, BufferKind kind) {
        if (!kind.shared()) {
            ownedBytes += size;
        }
    }

    private void gc(GcState state) {
        if (state == GcState.NOT_COLLECTED) {
            return;
        }
        json.raw(GC);
        switch (state) {
            case GENERATION_0 -> json.decimal(0);
            case GENERATION_1 -> json.decimal(1);
            case GENERATION_2 -> json.decimal(2);
            case TRACKED -> json.raw(TRACKED);
            case UNTRACKED -> json.raw(UNTRACKED);
            case PERMANENT -> json.raw(FROZEN);
            default -> json.raw(ELSEWHERE);
        }
    }

    // --- What the line of each kind has.

    private void keys(Told told, Kind kind) {
        long address = told.address();
        switch (kind) {
            case PLAIN -> {}
            case NONE -> line.nothing(VALUE);
            case BOOL -> line.flag(VALUE, lay(address, number).small() != 0);
            case INT -> integer(lay(address, number));
            case FLOAT -> line.number(VALUE, lay(address, real).value());
            case COMPLEX -> complex(address);
            case TEXT -> text(lay(address, unicode));
            case BYTES -> bytes(lay(address, bytes).data(), bytes.size());
            case BYTE_ARRAY -> bytes(lay(address, byteArray).data(), byteArray.size());
            case TUPLE -> line.values(VALUE, lay(address, tuple).items(), tuple.size());
            case LIST -> line.values(VALUE, lay(address, list).items(), list.size());
            case DICT -> entries(lay(address, dict));
            case SET -> elements(lay(address, set));
            case DEQUE -> {
                json.raw(VALUE);
                line.openArray();
                references.references(address, told.type(), elements);
                line.close();
            }
            case TYPE -> type(lay(address, type));
            case MODULE -> module(lay(address, module));
            case FUNCTION -> function(lay(address, function));
            case METHOD -> {
                line.referenceIfAny(FUNC, lay(address, method).func());
                line.referenceIfAny(SELF, method.self());
            }
            case BUILTIN -> builtin(address);
            case DESCRIPTOR -> line.name(NAME, memory.readLong(reader.place(address, SmallLayout.DESCRIPTOR_NAME)));
            case CODE -> code(lay(address, code));
            case CELL -> line.value(VALUE, lay(address, cell).ref());
            case WEAKREF -> {
                line.reference(OBJECT, lay(address, weakref).object());
                line.referenceIfAny(CALLBACK, weakref.callback());
            }
            case GENERATOR -> generator(address);
            case FRAME -> {
                if (frames.overObject(address) && frames.next()) {
                    frame();
                }
            }
        }
    }

    /** Lays a view over an object that is known to be of its kind. */
    private <V extends PyObject> V lay(long address, V view) {
        if (!line.lay(address, view)) {
            throw new UnmappedAddressException(address, address, view.bytes());
        }
        return view;
    }

    private void integer(PyLong of) {
        if (of.isShort()) {
            line.number(VALUE, of.small());
            return;
        }
        Optional<BigInteger> value =
                of.value((int) Math.min(MOST_DIGITS, Math.max(3, line.rules().most() / 4)));
        if (value.isPresent() && value.get().bitLength() < Long.SIZE) {
            line.number(VALUE, value.get().longValue());
        } else if (value.isPresent()) {
            line.contents(VALUE, value.get().toString());
        } else {
            long size = of.digits() * Integer.BYTES;
            memory.requireMapped(reader.place(of.address(), IntLayout.DIGITS), of.digits(), Integer.BYTES);
            line.number(BYTESIZE, size);
            line.digest(
                    line.rules().redacts() ? HMAC_SHA256 : SHA256, reader.place(of.address(), IntLayout.DIGITS), size);
        }
    }

    private void complex(long address) {
        json.raw(VALUE);
        line.openArray();
        for (int i = 0; i < 2; i++) {
            line.comma();
            json.exact(Double.longBitsToDouble(
                    memory.readLong(reader.place(address, SmallLayout.FLOAT_VALUE + i * Long.BYTES))));
        }
        line.close();
    }

    private void text(PyUnicode of) {
        int kind = of.kind();
        long length = of.length();
        boolean sound = (kind == 1 || kind == 2 || kind == 4) && length >= 0 && length <= Long.MAX_VALUE / kind;
        if (!sound) {
            throw new UnmappedAddressException(of.address(), of.address(), Math.max(0, length));
        }
        if (!of.ascii()) {
            json.raw(ENCODING);
            json.raw(kind == 1 ? LATIN : kind == 2 ? UTF_16 : UTF_32);
        }
        contents(of.data(), length * kind, line.form(of));
    }

    private void bytes(long data, long size) {
        contents(data, size, TextForm.UTF_8);
    }

    private void contents(long data, long size, TextForm form) {
        if (!line.rules().redacts() && Math.min(size, line.rules().most()) > room && memory.mapped(data, size)) {
            throw new DumpLimit.LineTooLong();
        }
        line.contents(VALUE, data, size, form);
    }

    private void entries(PyDict of) {
        json.raw(VALUE);
        line.openObject();
        of.rewind();
        while (of.next()) {
            long value = of.value();
            line.key(of.key());
            line.value(value);
        }
        line.close();
        if (of.damaged()) {
            line.name(DAMAGE, "the dictionary contradicts itself");
            damaged(of.address(), "the dictionary contradicts itself");
        }
    }

    private void elements(PySet of) {
        json.raw(VALUE);
        line.openArray();
        of.rewind();
        while (of.next()) {
            line.comma();
            line.value(of.key());
        }
        line.close();
        if (of.damaged()) {
            line.name(DAMAGE, "the set contradicts itself");
            damaged(of.address(), "the set contradicts itself");
        }
    }

    private void type(PyTypeObject of) {
        line.name(NAME, reader.typeNames().of(of.address()).toString());
        line.number(BASICSIZE, of.basicsize());
        line.referenceIfAny(BASE, of.base());
        line.referenceIfAny(DICT, of.dict());
    }

    private void module(PyModule of) {
        long attributesOf = of.dict();
        if (reader.find(attributesOf, names)) {
            line.name(NAME, names.get("__name__"));
            line.name(FILE, names.get("__file__"));
        }
        line.referenceIfAny(DICT, attributesOf);
    }

    private void function(PyFunction of) {
        line.name(NAME, of.name());
        if (of.qualname() != 0) {
            line.name(QUALNAME, of.qualname());
        }
        if (reader.find(of.code(), code)) {
            line.name(FILE, code.filename());
            line.number(LINE, code.firstLine());
        }
        line.referenceIfAny(CODE, of.code());
        line.referenceIfAny(GLOBALS, of.globals());
        line.referenceIfAny(DEFAULTS, of.defaults());
        line.referenceIfAny(CLOSURE, of.closure());
        line.referenceIfAny(DICT, of.dict());
    }

    private void builtin(long address) {
        long definition = memory.readLong(reader.place(address, SmallLayout.BUILTIN_DEFINITION));
        String name = memory.readCString(memory.readLong(definition, 0), LONGEST_C_NAME, "");
        if (!name.isEmpty()) {
            line.name(NAME, name);
        }
        line.referenceIfAny(SELF, memory.readLong(reader.place(address, SmallLayout.BUILTIN_SELF)));
    }

    private void code(PyCode of) {
        line.name(NAME, of.name());
        if (of.qualname() != 0) {
            line.name(QUALNAME, of.qualname());
        }
        line.name(FILE, of.filename());
        line.number(LINE, of.firstLine());
    }

    private void generator(long address) {
        lay(address, generator);
        line.name(NAME, generator.name());
        line.name(QUALNAME, generator.qualname());
        line.name(STATE, generator.state().label());
        long waitsFor = generator.waitsFor();
        line.referenceIfAny(CODE, generator.code());
        line.referenceIfAny(AWAITS, waitsFor);
        if (frames.overGenerator(address) && frames.next()) {
            frame();
        }
    }

    /** What a frame runs, and its variables, as members behind others. */
    private void frame() {
        json.raw(',');
        frame(frames);
    }

    /** The same at the beginning of an object: of the frame that a cursor is at. */
    void frame(Frames at) {
        json.raw(FUNCTION);
        json.string(at.function());
        line.name(FILE, at.file());
        line.number(LINE, at.line());
        json.raw(LOCALS);
        line.openNames();
        at.rewindLocals();
        while (at.nextLocal()) {
            if (line.member(at.localNameAddress())) {
                line.value(at.localValue());
            }
        }
        line.close();
    }

    // --- References.

    private void references(Told told, TypeKeys.Keys keys) {
        if (keys.made() && keys.kind() != Kind.TYPE) {
            open = false;
            ownDict = 0;
            references.attributes(told.address(), told.type(), attributes);
            closeList();
            line.referenceIfAny(DICT, ownDict);
        }
        open = false;
        boolean whole = references.all(told.address(), told.type(), rest);
        closeList();
        if (!whole) {
            guesses = 0;
            references.all(told.address(), told.type(), guessed);
            closeList();
            if (guesses > 0) {
                guessedReferences.add(keys.name(), guesses);
            } else {
                unknown.add(keys.name());
            }
        }
    }

    private void closeList() {
        if (open) {
            line.close();
            open = false;
        }
    }

    /** Takes the attributes of an instance: they are told by their names, and the dictionary of others later. */
    private final class Attributes implements AttributeSink {
        @Override
        public void attribute(long name, long value) {
            open();
            if (line.member(name)) {
                line.value(value);
            }
        }

        @Override
        public void slot(long name, long value) {
            open();
            if (line.slot(name)) {
                line.value(value);
            }
        }

        @Override
        public void dictionary(long dict) {
            ownDict = dict;
        }

        private void open() {
            if (!open) {
                json.raw(ATTRIBUTES);
                line.openNames();
                open = true;
            }
        }
    }

    /** Takes an edge of a sequence: an element is told by its place. */
    private void element(long address, EdgeKind kind, Label of) {
        label.setLength(0);
        of.appendTo(label);
        if (!label.isEmpty() && label.charAt(0) == '[') {
            line.comma();
            line.value(address);
        }
    }

    /** Takes an edge that may be in the line already. */
    private void rest(long address, EdgeKind kind, Label of) {
        if (kind != EdgeKind.REFERS || address == 0 || !line.isListed(address) || line.isShown(address)) {
            return;
        }
        if (!open) {
            json.raw(REFS);
            line.openArray();
            open = true;
        }
        line.comma();
        json.address(address);
    }

    /** Takes an edge of an object whose references are not all known: one that was guessed is named as such. */
    private void guess(long address, EdgeKind kind, Label of) {
        if (kind != EdgeKind.REFERS || !line.isListed(address)) {
            return;
        }
        label.setLength(0);
        of.appendTo(label);
        if (label.indexOf(GUESSED_LABEL) < 0) {
            return;
        }
        if (!open) {
            json.raw(GUESSED);
            line.openArray();
            open = true;
        }
        line.comma();
        json.address(address);
        guesses++;
    }

    // --- What was written.

    /** How many lines were written. */
    long objects() {
        return objects;
    }

    /** What was written so far. */
    DumpSummary summary() {
        return new DumpSummary(
                objects,
                json.bytes(),
                Map.of(),
                unknown.asMap(),
                guessedReferences.asMap(),
                damaged,
                damage,
                List.of(),
                0);
    }

    @Override
    public void close() {
        references.close();
        reader.close();
    }
}
