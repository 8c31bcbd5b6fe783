// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.dump;

import dev.heapwalk.heap.EdgeSink;
import dev.heapwalk.heap.RootCategory;
import dev.heapwalk.heap.dump.Disclosure;
import dev.heapwalk.heap.dump.DumpLimit;
import dev.heapwalk.heap.dump.DumpSummary;
import dev.heapwalk.memory.Reader;
import dev.heapwalk.memory.Target;
import dev.heapwalk.memory.UnmappedAddressException;
import dev.heapwalk.ruby.ObjectReader;
import dev.heapwalk.ruby.RValue;
import dev.heapwalk.ruby.RubyType;
import dev.heapwalk.ruby.SlotCursor;
import dev.heapwalk.ruby.SlotState;
import dev.heapwalk.ruby.content.Allocations;
import dev.heapwalk.ruby.gc.DataOwners;
import dev.heapwalk.ruby.gc.References;
import dev.heapwalk.ruby.gc.Roots;
import dev.heapwalk.ruby.layout.Flags;
import dev.heapwalk.ruby.layout.RubyLayout;
import dev.heapwalk.ruby.object.ConstantCursor;
import dev.heapwalk.ruby.object.DataTypes;
import dev.heapwalk.ruby.object.HashCursor;
import dev.heapwalk.ruby.object.IvarCursor;
import dev.heapwalk.ruby.object.MethodCursor;
import dev.heapwalk.ruby.object.RArray;
import dev.heapwalk.ruby.object.RBignum;
import dev.heapwalk.ruby.object.RClass;
import dev.heapwalk.ruby.object.RData;
import dev.heapwalk.ruby.object.RFile;
import dev.heapwalk.ruby.object.RHash;
import dev.heapwalk.ruby.object.RMatch;
import dev.heapwalk.ruby.object.RRegexp;
import dev.heapwalk.ruby.object.RString;
import dev.heapwalk.ruby.object.RStruct;
import dev.heapwalk.ruby.object.RSymbol;
import dev.heapwalk.ruby.size.MemorySizes;
import dev.heapwalk.ruby.vm.RubyThread;
import dev.heapwalk.ruby.vm.RubyThreads;
import dev.heapwalk.text.JsonLines;
import dev.heapwalk.text.TargetText;
import dev.heapwalk.text.TextRules;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.function.LongPredicate;

/**
 * Writes lines in the format of heap_dump: one of JSON for the roots and one for each object, with its contents. What
 * the keys mean is written in {@code docs/ruby-dump.md}.
 *
 * <p>An object that is damaged has a line as well, with what could be read and the key {@code damage}. For one thread.
 */
public final class ObjectLines implements AutoCloseable {
    private static final byte[] ROOTS = JsonLines.ascii("\"_ROOTS_\"");
    private static final byte[] FORMAT = DumpLine.key("format");
    private static final byte[] MAX_STRING = DumpLine.key("max_string");
    private static final byte[] REDACTED = DumpLine.key("redacted");
    private static final byte[] VERSION = DumpLine.key("version");
    private static final byte[] PLATFORM = DumpLine.key("platform");
    private static final byte[] COLLECTION = DumpLine.key("gc");
    private static final byte[] THREADS = DumpLine.key("threads");
    private static final byte[] FINALIZERS = DumpLine.key("finalizers");
    private static final byte[] GLOBALS = DumpLine.key("global_tbl");
    private static final byte[] GLOBALS_COMPUTED = DumpLine.key("global_computed");
    private static final byte[] CLASS = DumpLine.key("class");
    private static final byte[] FROZEN = DumpLine.key("frozen");
    private static final byte[] SWEPT = DumpLine.key("swept");
    private static final byte[] VALUE = DumpLine.key("val");
    private static final byte[] IVARS = DumpLine.key("ivs");
    private static final byte[] GENERIC_IVARS = DumpLine.key("generic_ivars");
    private static final byte[] NAME = DumpLine.key("name");
    private static final byte[] SUPER = DumpLine.key("super");
    private static final byte[] METHODS = DumpLine.key("methods");
    private static final byte[] CONSTANTS = DumpLine.key("consts");
    private static final byte[] ENCODING = DumpLine.key("encoding");
    private static final byte[] SHARED = DumpLine.key("shared");
    private static final byte[] DEFAULT = DumpLine.key("default");
    private static final byte[] DEFAULT_PROC = DumpLine.key("default_proc");
    private static final byte[] BY_IDENTITY = DumpLine.key("compare_by_identity");
    private static final byte[] SINGLETON = DumpLine.key("singleton");
    private static final byte[] ATTACHED = DumpLine.key("attached");
    private static final byte[] MODULE = DumpLine.key("module");
    private static final byte[] INCLUDER = DumpLine.key("includer");
    private static final byte[] OPTIONS = DumpLine.key("options");
    private static final byte[] STRING = DumpLine.key("str");
    private static final byte[] REGEXP = DumpLine.key("regexp");
    private static final byte[] OFFSETS = DumpLine.key("offsets");
    private static final byte[] DESCRIPTOR = DumpLine.key("fd");
    private static final byte[] PATH = DumpLine.key("path");
    private static final byte[] TYPE_NAME = DumpLine.key("type_name");
    private static final byte[] SIZE = DumpLine.key("size");
    private static final byte[] DESTINATION = DumpLine.key("destination");
    private static final byte[] DAMAGE = DumpLine.key("damage");
    private static final byte[] GUESSED = DumpLine.key("guessed");
    private static final byte[] BITS = DumpLine.key("bits");
    private static final byte[] ALLOCATION = DumpLine.key("allocation");
    private static final byte[] ALLOCATION_GENERATION = JsonLines.ascii("\"generation\":");
    private static final byte[] FILE = DumpLine.key("file");
    private static final byte[] LINE = DumpLine.key("line");
    private static final byte[] CLASS_PATH = DumpLine.key("class_path");
    private static final byte[] METHOD = DumpLine.key("method");
    private static final byte[] AUTOLOAD = JsonLines.ascii("\"#autoload\"");

    private final ObjectReader reader;
    private final Reader memory;
    private final RubyThreads threads;
    private final JsonLines json;
    private final Contents contents;
    private final DumpLine line;
    private final TextRules rules;
    private final byte[] opening;
    private final Map<RubyType, byte[]> types = new EnumMap<>(RubyType.class);
    private final boolean fieldObjects;

    private final CodeKeys code;
    private final CoreKeys core;
    private final Allocations allocations;
    private final References references;
    private final EdgeSink remember;
    private final MemorySizes sizes;
    private final IvarCursor ivars;
    private final HashCursor pairs;
    private final MethodCursor methods;
    private final ConstantCursor constants;
    private final DataTypes dataTypes = new DataTypes();

    private final OpaqueObjects opaque;
    private final List<Long> guessed = new ArrayList<>();
    private final List<DumpSummary.Damage> damage = new ArrayList<>();
    private SlotCursor single;
    private long damaged;
    private long objects;

    /**
     * Prepares to write lines that need no others: each has all its contents.
     *
     * @param threads what reads threads and code, for the thread that writes
     * @param out where the lines go; not closed
     * @param id what the id is called
     */
    public ObjectLines(RubyThreads threads, OutputStream out, HeapDump.Id id) {
        this(threads, out, id, Disclosure.WHOLE);
    }

    /**
     * Prepares to write lines that need no others, with as much of their contents as is to be told.
     *
     * @param threads what reads threads and code, for the thread that writes
     * @param out where the lines go; not closed
     * @param id what the id is called
     * @param disclosure what is told of contents
     */
    public ObjectLines(RubyThreads threads, OutputStream out, HeapDump.Id id, Disclosure disclosure) {
        this(
                threads,
                Allocations.find(threads.interpreter().reader()),
                new JsonLines(out),
                id,
                disclosure.rules(threads.interpreter().reader().vm().target()),
                address -> false,
                address -> true,
                new DataOwners(threads.interpreter().reader().vm()),
                DumpLimit.NONE);
    }

    /**
     * Prepares to write lines of a dump, into lines that others write into too.
     *
     * @param allocations what is known of where objects were made, for the thread that writes
     * @param rules how much is told of text and bytes
     * @param written tells of the address of a slot whether the dump has its line too: what is in that is not repeated
     * @param listed tells of the address of an object whether it may be referred to
     * @param owners tells whose memory is searched where references are guessed; null if none are
     * @param room how many bytes the dump may have
     */
    ObjectLines(
            RubyThreads threads,
            Allocations allocations,
            JsonLines json,
            HeapDump.Id id,
            TextRules rules,
            LongPredicate written,
            LongPredicate listed,
            DataOwners owners,
            long room) {
        ObjectReader reader = threads.interpreter().reader();
        this.reader = reader;
        this.memory = reader.memory();
        this.threads = threads;
        this.opaque = new OpaqueObjects(reader, owners);
        this.json = json;
        this.contents = new Contents(reader, json, new TargetText(reader.memory(), json, rules), written, room);
        this.line = new DumpLine(reader, json, contents, listed);
        this.rules = rules;
        this.opening = JsonLines.ascii(id == HeapDump.Id.MONGO ? "{\"_id\":" : "{\"id\":");
        for (RubyType type : RubyType.values()) {
            types.put(type, JsonLines.ascii(",\"bt\":\"" + type.label() + "\""));
        }
        this.fieldObjects = RubyLayout.of(reader.series()).object().fieldObjects();
        this.core = new CoreKeys(threads, line);
        this.code = new CodeKeys(threads, json, line, core);
        this.allocations = allocations;
        this.references = new References(reader);
        this.remember = (address, kind, label) -> line.remember(address);
        this.sizes = new MemorySizes(reader);
        this.ivars = new IvarCursor(reader);
        this.pairs = new HashCursor(reader);
        this.methods = new MethodCursor(reader);
        this.constants = new ConstantCursor(reader);
    }

    /**
     * Hands what was written over to where the lines go, and flushes that.
     *
     * @throws java.io.UncheckedIOException if writing fails
     */
    public void flush() {
        json.flush();
    }

    /**
     * What was written, without the roots.
     *
     * @return counts, and the first objects that are damaged
     */
    public DumpSummary summary() {
        return new DumpSummary(
                objects,
                json.bytes(),
                opaque.sizes(),
                opaque.references(),
                opaque.guessed(),
                damaged,
                List.copyOf(damage),
                List.of(),
                0);
    }

    /** Frees the buffers. After it no line can be written; where the lines go is not closed. */
    @Override
    public void close() {
        opaque.close();
        if (single != null) {
            single.close();
        }
    }

    /** How many lines of objects were begun. */
    long objects() {
        return objects;
    }

    /** Writes the line of the roots. Returns what of them can't be read, a line each. */
    List<String> roots() {
        Roots roots = new Roots(reader);
        List<Long> living = threads.living().stream().map(RubyThread::self).toList();
        List<String> holes = new ArrayList<>(threads.notes());
        json.raw(opening);
        json.raw(ROOTS);
        line.begin();
        line.number(FORMAT, HeapDump.FORMAT);
        if (rules.most() < Long.MAX_VALUE) {
            line.number(MAX_STRING, rules.most());
        }
        if (rules.redacts()) {
            line.flag(REDACTED, true);
        }
        line.text(VERSION, reader.vm().version());
        line.text(PLATFORM, reader.vm().platform());
        line.text(COLLECTION, reader.vm().collection().name().toLowerCase(Locale.ROOT));
        list(THREADS, living);
        for (RootCategory category : roots.categories()) {
            List<Long> found = new ArrayList<>();
            if (!category.equals(Roots.GLOBAL_TABLE) && !category.equals(Roots.FINALIZERS)) {
                roots.roots(category, (address, of, label) -> found.add(address));
                list(DumpLine.key(category.label()), found.stream().distinct().toList());
            }
        }
        try {
            finalizers(roots.finalizers());
            globals(roots.globals());
        } catch (UnmappedAddressException e) {
            line.closeInner();
            holes.add("roots: " + e.getMessage());
        }
        line.references();
        line.closeAll();
        holes.addAll(roots.missing());
        return holes;
    }

    private void list(byte[] key, List<Long> addresses) {
        line.name(key);
        line.openArray();
        for (long address : addresses) {
            if (line.listed(address)) {
                line.comma();
                json.address(address);
            }
        }
        line.close();
    }

    private void finalizers(List<Roots.Finalizer> finalizers) {
        line.name(FINALIZERS);
        line.openObject();
        for (Roots.Finalizer finalizer : finalizers) {
            if (line.listed(finalizer.object()) && line.listed(finalizer.procs())) {
                line.comma();
                json.address(finalizer.object());
                json.raw(':');
                json.address(finalizer.procs());
            }
        }
        line.close();
    }

    private void globals(List<Roots.Global> globals) {
        line.name(GLOBALS);
        globals(globals, true);
        line.name(GLOBALS_COMPUTED);
        globals(globals, false);
    }

    private void globals(List<Roots.Global> globals, boolean known) {
        line.openObject();
        int number = 0;
        for (Roots.Global global : globals) {
            if (global.known() == known && global.name().isPresent()) {
                line.member(global.name().map(name -> name.getBytes(StandardCharsets.UTF_8)), number++);
                line.value(
                        known || reader.isSlot(global.value())
                                ? global.value()
                                : reader.constants().nil());
            }
        }
        line.close();
    }

    /** Writes the line of a slot, unless it is free. The cursor is not moved. */
    void slot(SlotCursor slot) {
        SlotState state = slot.state();
        if (state == SlotState.FREE) {
            return;
        }
        objects++;
        RubyType type = slot.type();
        json.raw(opening);
        line.begin();
        json.address(slot.address());
        json.raw(types.get(type));
        try {
            switch (state) {
                case MOVED -> line.reference(DESTINATION, slot.asMoved().destination());
                case ZOMBIE -> {}
                default -> object(slot, type, state);
            }
            long gone = code.gone();
            if (gone > 0) {
                line.closeInner();
                damaged(slot.address(), "", "%,d frames came or went while they were read".formatted(gone));
            }
        } catch (UnmappedAddressException | IndexOutOfBoundsException e) {
            code.gone();
            damaged(slot.address(), e);
        }
        line.closeAll();
    }

    /**
     * Writes the line of one object.
     *
     * @param address target address of a slot
     * @return false if no slot begins there, it is free, or it can't be read; then nothing is written
     */
    public boolean object(long address) {
        if (single == null) {
            single = reader.vm().slots(reader);
        }
        if (!single.moveTo(address) || single.state() == SlotState.FREE) {
            return false;
        }
        slot(single);
        return true;
    }

    private void damaged(long address, RuntimeException e) {
        line.closeInner();
        damaged(
                address,
                leftOut(e) ? "the core lacks a part of the object: " : "the object is damaged: ",
                e.getMessage());
    }

    private void damaged(long address, String kind, String what) {
        line.text(DAMAGE, what);
        if (damaged++ < DumpSummary.MOST_DAMAGE) {
            damage.add(new DumpSummary.Damage(address, kind + what));
        }
    }

    /**
     * Whether something was not read because a core has a mapping and not its bytes, such as the constants of a file.
     */
    private boolean leftOut(RuntimeException e) {
        return e instanceof UnmappedAddressException unmapped
                && reader.vm().target().mode() == Target.Mode.CORE
                && reader.vm().target().memory().mappings().readable(unmapped.address(), 1);
    }

    private void object(SlotCursor slot, RubyType type, SlotState state) {
        RValue object = slot.asValue();
        guessed.clear();
        if (type != RubyType.IMEMO && type != RubyType.NODE) {
            line.reference(CLASS, object.klass());
        }
        if (object.frozen()) {
            line.flag(FROZEN, true);
        }
        if (state == SlotState.UNSWEPT) {
            line.flag(SWEPT, false);
        }
        switch (type) {
            case OBJECT -> {
                ivars(IVARS, object);
                core.object(object);
            }
            case STRING -> string(slot.asString());
            case ARRAY -> array(slot.asArray());
            case HASH -> hash(slot.asHash());
            case STRUCT -> struct(slot.asStruct());
            case CLASS, MODULE, ICLASS -> module(slot.asClass());
            case FLOAT -> number(slot.asFloat().value());
            case BIGNUM -> bignum(slot.asBignum());
            case RATIONAL ->
                pair(slot.asRational().numerator(), slot.asRational().denominator());
            case COMPLEX -> pair(slot.asComplex().real(), slot.asComplex().imaginary());
            case SYMBOL -> symbol(slot.asSymbol());
            case REGEXP -> regexp(slot.asRegexp());
            case MATCH -> match(slot.asMatch());
            case FILE -> file(slot.asFile());
            case DATA -> data(slot);
            case IMEMO -> code.imemo(object);
            default -> {}
        }
        if (generic(type) && (fieldObjects || object.has(Flags.EXIVAR))) {
            ivars(GENERIC_IVARS, object);
        }
        if (!allocations.isEmpty()) {
            allocation(object.address());
        }
        if (type == RubyType.IMEMO) {
            // Where others have their class it may have anything.
            references.all(object, remember);
        } else if (hidden(type) && !references.of(slot, remember)) {
            opaque.addReferences(slot, address -> {
                line.remember(address);
                guessed.add(address);
            });
        }
        line.references();
        if (!guessed.isEmpty()) {
            list(GUESSED, guessed);
        }
    }

    private void allocation(long address) {
        if (!allocations.over(address)) {
            return;
        }
        line.name(ALLOCATION);
        line.openObject();
        line.comma();
        json.raw(ALLOCATION_GENERATION);
        json.unsigned(allocations.generation());
        Optional<String> file = allocations.file();
        if (file.isPresent()) {
            line.label(FILE, file.get());
        }
        OptionalLong number = allocations.line();
        if (number.isPresent()) {
            line.number(LINE, number.getAsLong());
        }
        Optional<String> classPath = allocations.classPath();
        if (classPath.isPresent()) {
            line.label(CLASS_PATH, classPath.get());
        }
        Optional<byte[]> method = allocations.method();
        if (method.isPresent()) {
            line.label(METHOD, method.get());
        }
        line.close();
    }

    /** Whether a type has references that its other keys may not show. */
    private static boolean hidden(RubyType type) {
        return switch (type) {
            case CLASS, MODULE, ICLASS, SYMBOL, REGEXP, MATCH, FILE, DATA -> true;
            default -> false;
        };
    }

    /** Whether the instance variables of a type lie outside it. */
    private static boolean generic(RubyType type) {
        return switch (type) {
            case OBJECT, CLASS, MODULE, ICLASS, IMEMO, NODE -> false;
            default -> true;
        };
    }

    private void ivars(byte[] key, RValue object) {
        ivars.over(object);
        if (!ivars.next()) {
            return;
        }
        line.name(key);
        line.openObject();
        do {
            line.member(ivars.name(), ivars.id());
            line.value(ivars.value());
        } while (ivars.next());
        line.close();
    }

    private void string(RString string) {
        Optional<String> encoding = reader.encodings().name(reader.encodings().indexOf(string));
        if (encoding.isPresent()) {
            line.text(ENCODING, encoding.get());
        }
        if (string.shared()) {
            long root = string.auxiliary();
            line.reference(SHARED, root);
            if (contents.substring(root, string.bytes(), string.length())) {
                return;
            }
        }
        contents.write(string);
    }

    private void symbol(RSymbol symbol) {
        boolean name = contents.redacts() && !contents.redacted(symbol);
        contents(symbol.name(), name);
    }

    /** The contents of another String as those of this object. */
    private void contents(long address, boolean name) {
        if (!reader.isString(address)) {
            return;
        }
        // The line of a String does not tell that it is a name.
        if (!name && contents.leftTo(address, reader.stringAt(address).length())) {
            line.reference(SHARED, address);
            return;
        }
        Optional<String> encoding = reader.encodings().name(reader.encodings().indexOf(reader.stringAt(address)));
        if (encoding.isPresent()) {
            line.text(ENCODING, encoding.get());
        }
        if (name) {
            contents.writeName(reader.stringAt(address));
        } else {
            contents.write(reader.stringAt(address));
        }
    }

    private void array(RArray array) {
        if (array.shared()) {
            long root = array.auxiliary();
            line.reference(SHARED, root);
            if (contents.slice(root, array.elements(), array.length())) {
                return;
            }
        }
        line.values(VALUE, array.elements(), array.length());
    }

    private void pair(long one, long other) {
        line.name(VALUE);
        line.openArray();
        line.comma();
        line.value(one);
        line.comma();
        line.value(other);
        line.close();
    }

    private void hash(RHash hash) {
        boolean byIdentity = hash.comparesByIdentity();
        if (byIdentity) {
            line.flag(BY_IDENTITY, true);
        }
        long ifnone = hash.defaultValue();
        if (ifnone != reader.constants().nil()) {
            line.value(hash.defaultIsProc() ? DEFAULT_PROC : DEFAULT, ifnone);
        }
        pairs.over(hash);
        line.name(VALUE);
        line.openObject();
        while (pairs.next()) {
            line.comma();
            line.key(pairs.key(), !byIdentity);
            line.value(pairs.value());
        }
        line.close();
    }

    private void struct(RStruct struct) {
        long length = struct.length();
        long members = struct.members();
        long klass = struct.klass();
        int named = reader.structMembers().count(klass);
        if (named < length) {
            line.values(VALUE, members, length);
            return;
        }
        if (length < 0 || length > 0 && !memory.mapped(members, 8 * length)) {
            throw new UnmappedAddressException(members, members, Math.max(0, length));
        }
        line.name(VALUE);
        line.openObject();
        for (int i = 0; i < length; i++) {
            long value = memory.readLong(members + 8L * i);
            line.member(reader.structMembers().name(klass, i), i);
            line.value(value);
        }
        line.close();
    }

    private void module(RClass module) {
        Optional<byte[]> name = reader.classNames().bytesOf(module.address());
        if (name.isPresent()) {
            line.label(NAME, name.get());
        }
        if (module.type() == RubyType.ICLASS) {
            line.reference(MODULE, module.klass());
            line.reference(INCLUDER, module.includer());
        }
        line.reference(SUPER, module.rawSuperclass());
        if (module.singleton()) {
            line.flag(SINGLETON, true);
            line.value(ATTACHED, module.attachedObject());
        }
        if (module.type() == RubyType.ICLASS) {
            if (!methodsOfModule(module)) {
                methods(module.address());
            }
            return;
        }
        methods(module.address());
        ivars(IVARS, module);
        constants.over(module.address());
        if (constants.next()) {
            line.name(CONSTANTS);
            line.openObject();
            do {
                boolean autoload = constants.autoload();
                long value = constants.value();
                line.member(constants.name(), constants.serial());
                if (autoload) {
                    json.raw(AUTOLOAD);
                } else {
                    line.value(value);
                }
            } while (constants.next());
            line.close();
        }
    }

    /** Whether a module's place has the methods that the line of its module has too. */
    private boolean methodsOfModule(RClass place) {
        long module = place.klass();
        long table = place.methodTable();
        return table != 0 && contents.writtenAt(module) && methods.table(module) == table;
    }

    private void methods(long address) {
        line.name(METHODS);
        line.openObject();
        methods.over(address);
        while (methods.next()) {
            long body = body();
            line.member(methods.name(), methods.serial());
            if (body == 0) {
                json.string("(" + methods.kind() + ")");
            } else {
                json.address(body);
            }
        }
        line.close();
    }

    /** The slot that a method's code is, 0 if it is none. */
    private long body() {
        return switch (methods.kind()) {
            case ISEQ, BMETHOD, ALIAS -> {
                long body = methods.body();
                yield line.listed(body) ? body : 0;
            }
            default -> 0;
        };
    }

    private void number(double number) {
        line.name(VALUE);
        json.exact(number);
        if (Double.isNaN(number)) {
            line.text(BITS, Long.toHexString(Double.doubleToRawLongBits(number)));
        }
    }

    private void bignum(RBignum bignum) {
        Optional<String> digits = bignum.text();
        if (digits.isPresent()) {
            contents.write(digits.get());
        }
    }

    private void regexp(RRegexp regexp) {
        line.number(OPTIONS, regexp.options());
        contents(regexp.source(), false);
    }

    private void match(RMatch match) {
        line.value(STRING, match.string());
        line.value(REGEXP, match.regexp());
        int groups = match.groups();
        line.name(OFFSETS);
        line.openArray();
        for (int i = 0; i < groups; i++) {
            long begin = match.begin(i);
            long end = match.end(i);
            line.comma();
            json.raw('[');
            json.decimal(begin);
            json.raw(',');
            json.decimal(end);
            json.raw(']');
        }
        line.close();
    }

    private void file(RFile file) {
        int descriptor = file.descriptor();
        if (descriptor >= 0) {
            line.number(DESCRIPTOR, descriptor);
        }
        long path = file.path();
        if (path == 0) {
            return;
        }
        if (contents.redacts() && reader.isString(path)) {
            // What files are called is told, though not in the line of the String.
            line.name(PATH);
            contents.valueOfName(reader.stringAt(path));
            line.remember(path);
        } else {
            line.value(PATH, path);
        }
    }

    private void data(SlotCursor slot) {
        RData data = slot.asData();
        Optional<String> type = dataTypes.of(data);
        if (type.isPresent()) {
            line.text(TYPE_NAME, type.get());
        }
        long size = sizes.of(data);
        if (size == MemorySizes.UNKNOWN) {
            opaque.addSize(slot);
        } else {
            line.number(SIZE, size);
        }
        if (type.isPresent()) {
            code.data(type.get(), data.address(), data.data());
        }
    }
}
