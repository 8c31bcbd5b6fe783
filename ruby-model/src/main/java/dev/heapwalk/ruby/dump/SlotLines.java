// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.dump;

import dev.heapwalk.heap.EdgeSink;
import dev.heapwalk.memory.Reader;
import dev.heapwalk.memory.UnmappedAddressException;
import dev.heapwalk.ruby.ObjectReader;
import dev.heapwalk.ruby.RValue;
import dev.heapwalk.ruby.RubyType;
import dev.heapwalk.ruby.SlotCursor;
import dev.heapwalk.ruby.content.Allocations;
import dev.heapwalk.ruby.gc.DataOwners;
import dev.heapwalk.ruby.gc.References;
import dev.heapwalk.ruby.layout.Flags;
import dev.heapwalk.ruby.layout.ImemoLayout;
import dev.heapwalk.ruby.layout.ObjectLayout;
import dev.heapwalk.ruby.layout.RubyLayout;
import dev.heapwalk.ruby.layout.TableLayout;
import dev.heapwalk.ruby.name.ClassNames;
import dev.heapwalk.ruby.name.Encodings;
import dev.heapwalk.ruby.object.DataTypes;
import dev.heapwalk.ruby.object.ImemoType;
import dev.heapwalk.ruby.object.IvarCursor;
import dev.heapwalk.ruby.object.RArray;
import dev.heapwalk.ruby.object.RClass;
import dev.heapwalk.ruby.object.RData;
import dev.heapwalk.ruby.object.RFile;
import dev.heapwalk.ruby.object.RHash;
import dev.heapwalk.ruby.object.RObject;
import dev.heapwalk.ruby.object.RString;
import dev.heapwalk.ruby.object.RSymbol;
import dev.heapwalk.ruby.object.Shapes;
import dev.heapwalk.ruby.object.SpecialConstants;
import dev.heapwalk.ruby.size.MemorySizes;
import dev.heapwalk.text.JsonLines;
import dev.heapwalk.text.TargetText;
import dev.heapwalk.text.TextRules;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.function.LongPredicate;

/** Writes the line of a slot as {@code ObjectSpace.dump_all} of the target's version does. */
final class SlotLines implements AutoCloseable {
    private static final byte[] ADDRESS = JsonLines.ascii("{\"address\":");
    private static final byte[] CLASS = JsonLines.ascii(", \"class\":");
    private static final byte[] SHAPE_ID = JsonLines.ascii(", \"shape_id\":");
    private static final byte[] SLOT_SIZE = JsonLines.ascii(", \"slot_size\":");
    private static final byte[] FROZEN = JsonLines.ascii(", \"frozen\":true");
    private static final byte[] EMBEDDED = JsonLines.ascii(", \"embedded\":true");
    private static final byte[] BROKEN = JsonLines.ascii(", \"broken\":true");
    private static final byte[] FSTRING = JsonLines.ascii(", \"fstring\":true");
    private static final byte[] CHILLED = JsonLines.ascii(", \"chilled\":true");
    private static final byte[] SHARED = JsonLines.ascii(", \"shared\":true");
    private static final byte[] BYTESIZE = JsonLines.ascii(", \"bytesize\":");
    private static final byte[] CAPACITY = JsonLines.ascii(", \"capacity\":");
    private static final byte[] VALUE = JsonLines.ascii(", \"value\":");
    private static final byte[] REDACTED = JsonLines.ascii(", \"value\":\"hmac_sha256:");
    private static final byte[] SHA256 = JsonLines.ascii(", \"sha256\":\"");
    private static final byte[][] CODE_RANGES = {
        JsonLines.ascii(", \"coderange\":\"unknown\""),
        JsonLines.ascii(", \"coderange\":\"7bit\""),
        JsonLines.ascii(", \"coderange\":\"valid\""),
        JsonLines.ascii(", \"coderange\":\"broken\", \"broken\":true")
    };
    private static final byte[] SIZE = JsonLines.ascii(", \"size\":");
    private static final byte[] DEFAULT = JsonLines.ascii(", \"default\":");
    private static final byte[] LENGTH = JsonLines.ascii(", \"length\":");
    private static final byte[] SUPERCLASS = JsonLines.ascii(", \"superclass\":");
    private static final byte[] VARIATION_COUNT = JsonLines.ascii(", \"variation_count\":");
    private static final byte[] NAME = JsonLines.ascii(", \"name\":");
    private static final byte[] REAL_CLASS_NAME = JsonLines.ascii(", \"real_class_name\":");
    private static final byte[] SINGLETON = JsonLines.ascii(", \"singleton\":true");
    private static final byte[] IVARS = JsonLines.ascii(", \"ivars\":");
    private static final byte[] TOO_COMPLEX = JsonLines.ascii(", \"too_complex_shape\":true");
    private static final byte[] FD = JsonLines.ascii(", \"fd\":");
    private static final byte[] MID = JsonLines.ascii(", \"mid\":");
    private static final byte[] CALLED_ID = JsonLines.ascii(", \"called_id\":");
    private static final byte[] RECEIVER_CLASS = JsonLines.ascii(", \"receiver_class\":");
    private static final byte[] REFERENCES = JsonLines.ascii(", \"references\":[");
    private static final byte[] NEXT = JsonLines.ascii(", ");
    private static final byte[] MEMSIZE = JsonLines.ascii(", \"memsize\":");
    private static final byte[] ALLOCATION_FILE = JsonLines.ascii(", \"file\":");
    private static final byte[] ALLOCATION_LINE = JsonLines.ascii(", \"line\":");
    private static final byte[] ALLOCATION_METHOD = JsonLines.ascii(", \"method\":");
    private static final byte[] ALLOCATION_GENERATION = JsonLines.ascii(", \"generation\":");

    private static final byte[] OBJECT_ID = JsonLines.ascii(", \"object_id\":");
    private static final byte[] SHAREABLE = JsonLines.ascii(", \"shareable\":true");

    private static final byte[] END = JsonLines.ascii("}\n");
    private static final byte[] NOTHING = {};
    private static final byte[][] NOT_FINITE = {
        JsonLines.ascii("nan"), JsonLines.ascii("-nan"), JsonLines.ascii("inf"), JsonLines.ascii("-inf")
    };

    private static final byte[][] TYPES = new byte[RubyType.values().length][];
    private static final byte[][] IMEMO_TYPES = new byte[ImemoType.values().length][];

    static {
        for (RubyType type : RubyType.values()) {
            // Ruby has no name for a place that an object was moved from.
            String name = type == RubyType.MOVED ? "UNKNOWN" : type.name();
            TYPES[type.ordinal()] = JsonLines.ascii(", \"type\":\"" + name + "\"");
        }
        for (ImemoType type : ImemoType.values()) {
            IMEMO_TYPES[type.ordinal()] =
                    JsonLines.ascii(", \"imemo_type\":\"" + type.name().toLowerCase(Locale.ROOT) + "\"");
        }
    }

    private final ObjectReader reader;
    private final Reader memory;
    private final SlotCursor slot;
    private final Allocations allocations;
    private final JsonLines json;
    private final TargetText texts;
    private final ObjectSpaceFormat format;
    private final GcBits bits;
    private final byte[][] flags;
    private final IvarCursor ivars;
    private final Encodings encodings;
    private final ClassNames classNames;
    private final Names names;
    private final MemorySizes sizes;
    private final References references;
    private final EdgeSink writing = (address, kind, label) -> reference(address);
    private final OpaqueObjects opaque;
    private final LongPredicate written;
    private final CodeRanges codeRanges;
    private final ObjectLayout objects;
    private final boolean imemoHasClass;
    private final int variationCount;
    private final long singleton;
    private final RString nameView;
    private final DataTypes dataTypes = new DataTypes();
    private final Map<String, byte[]> structs = new HashMap<>();
    private byte[][] encodingNames = {};
    private int page = -1;
    private boolean hasBits;
    private boolean damaged;
    private long klass;
    private boolean anyReference;

    SlotLines(
            SlotCursor slot,
            ObjectReader reader,
            Allocations allocations,
            LongPredicate written,
            DataOwners owners,
            TextRules rules,
            JsonLines json) {
        this.reader = reader;
        this.memory = reader.memory();
        this.slot = slot;
        this.allocations = allocations;
        this.written = written;
        this.opaque = new OpaqueObjects(reader, owners);
        this.json = json;
        this.texts = new TargetText(reader.memory(), json, rules);
        this.format = ObjectSpaceFormat.of(reader.series());
        this.bits = new GcBits(reader);
        this.flags = GcBits.json(format.flagsMore());
        this.ivars = new IvarCursor(reader);
        this.encodings = reader.encodings();
        this.classNames = reader.classNames();
        this.names = new Names(reader);
        this.sizes = new MemorySizes(reader);
        this.references = new References(reader);
        this.codeRanges = new CodeRanges(reader);
        this.objects = RubyLayout.of(reader.series()).object();
        this.imemoHasClass = RubyLayout.of(reader.series()).imemo().hasClass();
        this.variationCount = RubyLayout.of(reader.series()).memsize().variationCount();
        this.singleton = RubyLayout.of(reader.series()).classes().singleton();
        this.nameView = new RString(reader);
    }

    /** What is not known of the objects whose lines were written. */
    OpaqueObjects opaque() {
        return opaque;
    }

    /** Frees the buffers. After it no line can be written. */
    @Override
    public void close() {
        opaque.close();
    }

    /** Writes the line of the slot that the cursor is at. Returns whether all of it could be read. */
    boolean write() {
        damaged = false;
        if (slot.page() != page) {
            page = slot.page();
            hasBits = bits.enter(page);
        }
        RValue value = slot.asValue();
        RubyType type = value.type();
        json.raw(ADDRESS);
        json.address(value.address());
        json.raw(TYPES[type.ordinal()]);
        boolean none = type == RubyType.NODE || !imemoHasClass && type == RubyType.IMEMO && !fields(value);
        if (format.shapes()) {
            if (!none || format.imemoShapes()) {
                json.raw(SHAPE_ID);
                json.unsigned(format.shapeIndexes() ? shape(value, type) : Shapes.of(value.flags()) & 0xffffffffL);
            }
            json.raw(SLOT_SIZE);
            json.decimal(value.slotSize());
        }
        klass = none ? 0 : value.klass();
        // In that place others may have anything.
        if (klass != 0 && (type != RubyType.IMEMO || listed(klass))) {
            json.raw(CLASS);
            json.address(klass);
        }
        if (value.frozen()) {
            json.raw(FROZEN);
        }
        if (type != RubyType.ZOMBIE) {
            try {
                content(value, type);
            } catch (UnmappedAddressException e) {
                damaged = true;
            }
            references(type == RubyType.DATA ? slot.asData() : value);
            if (!allocations.isEmpty()) {
                allocation(value);
            }
            memsize(value);
            if (hasBits) {
                flags(value);
            }
        }
        json.raw(END);
        return !damaged && hasBits;
    }

    /** Whether it holds the instance variables of another object, whose line is like that of an object. */
    private boolean fields(RValue imemo) {
        return objects.fieldObjects() && reader.imemoType(imemo.flags()) == ImemoType.FIELDS;
    }

    /** The shape in 4.0: its place in the list. That of a class is that of what holds its instance variables. */
    private long shape(RValue value, RubyType type) {
        if (type != RubyType.CLASS && type != RubyType.MODULE) {
            return reader.shapes().index(Shapes.of(value.flags()));
        }
        try {
            long held = slot.asClass().ivars();
            return held == 0 ? 0 : reader.shapes().index(Shapes.of(memory.readLong(held)));
        } catch (UnmappedAddressException e) {
            damaged = true;
            return 0;
        }
    }

    private void flags(RValue value) {
        json.raw(flags[bits.of(value.address(), value.flags())]);
        if (format.flagsMore()) {
            objectId(value);
            if (value.has(Flags.SHAREABLE)) {
                json.raw(SHAREABLE);
            }
            json.raw('}');
        }
    }

    private void objectId(RValue value) {
        try {
            long id = ivars.objectId(value);
            if (SpecialConstants.isFixnum(id)) {
                json.raw(OBJECT_ID);
                json.decimal(id >> 1);
            }
        } catch (UnmappedAddressException e) {
            damaged = true;
        }
    }

    private void content(RValue value, RubyType type) {
        switch (type) {
            case STRING -> string(slot.asString());
            case ARRAY -> array(slot.asArray());
            case HASH -> hash(slot.asHash());
            case OBJECT -> object(slot.asObject());
            case IMEMO -> imemo(value);
            case SYMBOL -> symbol(slot.asSymbol());
            case FLOAT -> {
                json.raw(VALUE);
                json.raw('"');
                number(slot.asFloat().value());
                json.raw('"');
            }
            case CLASS, MODULE, ICLASS -> module(slot.asClass(), type);
            case DATA -> data(slot.asData());
            case FILE -> file(slot.asFile());
            default -> {}
        }
    }

    private void number(double number) {
        if (format.ownFloats()) {
            json.general(number, true);
        } else if (Double.isFinite(number)) {
            json.general(number, false);
        } else {
            // 2.7 has the C library write it, which spells these otherwise.
            json.raw(NOT_FINITE[(Double.isNaN(number) ? 0 : 2) + (Double.doubleToRawLongBits(number) < 0 ? 1 : 0)]);
        }
    }

    private void string(RString string) {
        boolean shared = string.shared();
        if (string.embedded()) {
            json.raw(EMBEDDED);
        }
        int range = string.codeRange();
        if (!format.codeRanges()) {
            range = range == CodeRanges.UNKNOWN ? scan(string) : range;
            if (range == CodeRanges.BROKEN) {
                json.raw(BROKEN);
            }
        }
        if (string.interned()) {
            json.raw(FSTRING);
        }
        if (string.chilled()) {
            json.raw(CHILLED);
        }
        if (shared) {
            json.raw(SHARED);
        } else {
            stringContent(string, range, true);
        }
        int encoding = encoding(string);
        if (encoding != Encodings.BINARY) {
            json.raw(encodingName(encoding));
        }
        if (format.codeRanges()) {
            json.raw(CODE_RANGES[range]);
        }
    }

    private int encoding(RString string) {
        int index = string.encodingIndex();
        return index == Encodings.ELSEWHERE ? encodings.indexOf(string) : index;
    }

    private int scan(RString string) {
        long length = string.length();
        long bytes = string.bytes();
        if (length > 0 && !memory.mapped(bytes, length)) {
            damaged = true;
            return CodeRanges.UNKNOWN;
        }
        return codeRanges.scan(bytes, length, encoding(string));
    }

    /** Writes what a String holds, which may be data or only a name. */
    private void stringContent(RString string, int range, boolean data) {
        long length = string.length();
        json.raw(BYTESIZE);
        json.decimal(length);
        if (string.ownsBuffer() && string.capacity() != length) {
            json.raw(CAPACITY);
            json.unsigned(string.capacity());
        }
        if (format.codeRanges() && (length == 0 || !codeRanges.asciiCompatible(encoding(string)))) {
            return;
        }
        long bytes = string.bytes();
        if (length < 0 || length > 0 && !memory.mapped(bytes, length)) {
            damaged = true;
            return;
        }
        boolean sevenBit = range == CodeRanges.SEVEN_BIT
                || range == CodeRanges.UNKNOWN && format.codeRanges() && codeRanges.sevenBit(bytes, length);
        if (!sevenBit) {
            return;
        }
        if (data && texts.rules().redacts()) {
            texts.digest(REDACTED, bytes, length);
            return;
        }
        json.raw(VALUE);
        damaged |= !texts.string(bytes, length);
        if (length > texts.rules().most()) {
            texts.digest(SHA256, bytes, length);
        }
    }

    private byte[] encodingName(int encoding) {
        if (encoding < 0) {
            return NOTHING;
        }
        if (encoding >= encodingNames.length) {
            encodingNames = Arrays.copyOf(encodingNames, encoding + 1);
        }
        if (encodingNames[encoding] == null) {
            encodingNames[encoding] = encodings
                    .name(encoding)
                    .map(name -> quoted(", \"encoding\":", name.getBytes(StandardCharsets.UTF_8)))
                    .orElse(NOTHING);
        }
        return encodingNames[encoding];
    }

    private static byte[] quoted(String key, byte[] text) {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        JsonLines json = new JsonLines(bytes, 0);
        json.raw(JsonLines.ascii(key));
        json.string(text);
        json.flush();
        return bytes.toByteArray();
    }

    private void symbol(RSymbol symbol) {
        if (!reader.find(symbol.name(), nameView) || nameView.type() != RubyType.STRING) {
            damaged = true;
            return;
        }
        int range = nameView.codeRange();
        boolean data = !symbol.numbered();
        stringContent(nameView, range == CodeRanges.UNKNOWN && !format.codeRanges() ? scan(nameView) : range, data);
    }

    private void array(RArray array) {
        long length = array.length();
        json.raw(LENGTH);
        json.decimal(length);
        if (length > 0 && array.sharedFlag()) {
            json.raw(SHARED);
        }
        if (array.embedded() && (length > 0 || format.emptyArraysEmbedded())) {
            json.raw(EMBEDDED);
        }
    }

    private void hash(RHash hash) {
        long size;
        if (hash.hasTable()) {
            size = memory.readLong(hash.table() + TableLayout.ST_NUM_ENTRIES);
        } else {
            size = hash.pairsSize();
        }
        json.raw(SIZE);
        json.decimal(size);
        if (hash.defaultIsProc()) {
            json.raw(DEFAULT);
            json.address(hash.defaultValue());
        }
    }

    private void object(RObject object) {
        if (format.objectsEmbedded() && object.embedded()) {
            json.raw(EMBEDDED);
        }
        if (!objects.shapesInFlags()) {
            json.raw(IVARS);
            json.decimal(object.numiv() & 0xffffffffL);
            return;
        }
        boolean tooComplex = object.tooComplex();
        long count = tooComplex
                ? memory.readLong(object.table() + TableLayout.ST_NUM_ENTRIES)
                : reader.shapes().nextIvIndex(object.shape());
        json.raw(IVARS);
        json.decimal(count);
        if (tooComplex) {
            json.raw(TOO_COMPLEX);
        }
    }

    private void imemo(RValue value) {
        ImemoType type = reader.imemoType(value.flags());
        json.raw(IMEMO_TYPES[type.ordinal()]);
        if (!format.callSites()) {
            return;
        }
        if (type == ImemoType.CALLINFO) {
            long method = value.readLong(ImemoLayout.CALL_INFO_METHOD);
            if (method != 0) {
                json.raw(MID);
                names.write(json, method);
            }
        } else if (type == ImemoType.CALLCACHE) {
            long entry = value.readLong(ImemoLayout.CALL_CACHE_ENTRY);
            long receiver = value.readLong(ImemoLayout.CALL_CACHE_CLASS);
            long id = entry == 0 ? 0 : memory.readLong(entry + ImemoLayout.METHOD_CALLED_ID);
            if (id != 0) {
                json.raw(CALLED_ID);
                names.write(json, id);
                if (listed(receiver)) {
                    json.raw(RECEIVER_CLASS);
                    json.address(receiver);
                }
            }
        }
    }

    private void module(RClass module, RubyType type) {
        if (!format.classKeys()) {
            if (klass != 0 && type != RubyType.ICLASS) {
                oldName(module);
            }
            return;
        }
        if (format.shapes() && type == RubyType.CLASS) {
            int count = memory.readByte(module.extension() + variationCount) & 0xff;
            json.raw(VARIATION_COUNT);
            json.decimal(count);
        }
        long superclass = module.rawSuperclass();
        if (listed(superclass)) {
            json.raw(SUPERCLASS);
            json.address(superclass);
        }
        if (klass == 0 || type == RubyType.ICLASS) {
            return;
        }
        Optional<byte[]> name = classNames.bytesOf(module.address());
        if (name.isPresent()) {
            json.raw(NAME);
            json.string(name.get());
        } else {
            // A refinement has the flag of a singleton class.
            boolean refinement = format.refinementNames() && module.has(singleton);
            long real = type == RubyType.CLASS
                    ? classNames.realClass(module.address())
                    : refinement ? classNames.realClass(superclass) : 0;
            Optional<byte[]> realName = real == 0 ? Optional.empty() : classNames.bytesOf(real);
            if (realName.isPresent()) {
                json.raw(REAL_CLASS_NAME);
                json.string(realName.get());
            }
        }
        if (module.has(singleton) && (type == RubyType.CLASS || !format.singletonClassesOnly())) {
            json.raw(SINGLETON);
        }
    }

    /** In 2.7 every class has a name, its own, that of another or one made up; in 3.0 only those that have one. */
    private void oldName(RClass module) {
        if (!format.madeUpNames()) {
            Optional<byte[]> name = classNames.bytesOf(module.address());
            if (name.isPresent()) {
                json.raw(NAME);
                json.string(name.get());
            }
            return;
        }
        boolean isClass = module.type() == RubyType.CLASS;
        long real = isClass ? classNames.realClass(module.address()) : module.address();
        json.raw(NAME);
        json.string(real == 0 ? NOTHING : temporaryName(real, isClass));
    }

    private byte[] temporaryName(long module, boolean isClass) {
        Optional<byte[]> name = classNames.bytesOf(module);
        if (name.isPresent()) {
            return name.get();
        }
        long kind = isClass ? 0 : classNames.realClass(reader.at(module).klass());
        String prefix =
                isClass ? "Class" : kind == 0 ? "Module" : classNames.of(kind).orElse("Module");
        return "#<%s:0x%016x>".formatted(prefix, module).getBytes(StandardCharsets.UTF_8);
    }

    private void data(RData data) {
        Optional<String> type = dataTypes.of(data);
        if (type.isPresent()) {
            String name = type.get();
            byte[] known = structs.get(name);
            if (known == null) {
                known = quoted(", \"struct\":", name.getBytes(StandardCharsets.UTF_8));
                structs.put(name, known);
            }
            json.raw(known);
        }
    }

    private void file(RFile file) {
        if (file.state() != 0) {
            int descriptor = file.descriptor();
            json.raw(FD);
            json.decimal(descriptor);
        }
    }

    private void references(RValue value) {
        anyReference = false;
        try {
            if (!references.of(value, writing)) {
                opaque.addReferences(slot, this::reference);
            }
        } catch (UnmappedAddressException e) {
            damaged = true;
        }
        if (anyReference) {
            json.raw(']');
        }
    }

    /** Whether the dump has a line of what lies at an address. */
    private boolean listed(long address) {
        return references.lives(address) && written.test(address);
    }

    private void reference(long address) {
        json.raw(anyReference ? NEXT : REFERENCES);
        json.address(address);
        anyReference = true;
    }

    private void allocation(RValue value) {
        try {
            if (!allocations.over(value.address())) {
                return;
            }
            Optional<String> file = allocations.file();
            if (file.isPresent()) {
                json.raw(ALLOCATION_FILE);
                json.string(file.get().getBytes(StandardCharsets.UTF_8));
            }
            OptionalLong line = allocations.line();
            if (line.isPresent() && (line.getAsLong() != 0 || format.lineZero())) {
                json.raw(ALLOCATION_LINE);
                // So Ruby does too where it is below zero.
                json.unsigned(line.getAsLong());
            }
            Optional<byte[]> method = allocations.method();
            if (method.isPresent()) {
                json.raw(ALLOCATION_METHOD);
                json.string(method.get());
            }
            json.raw(ALLOCATION_GENERATION);
            json.unsigned(allocations.generation());
        } catch (UnmappedAddressException e) {
            damaged = true;
        }
    }

    private void memsize(RValue value) {
        try {
            long size = sizes.of(value);
            if (size == MemorySizes.UNKNOWN) {
                opaque.addSize(slot);
                return;
            }
            json.raw(MEMSIZE);
            json.decimal(size);
        } catch (UnmappedAddressException e) {
            damaged = true;
        }
    }
}
