// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.size;

import dev.heapwalk.memory.Reader;
import dev.heapwalk.memory.UnmappedAddressException;
import dev.heapwalk.memory.raw.Words;
import dev.heapwalk.ruby.ObjectReader;
import dev.heapwalk.ruby.RValue;
import dev.heapwalk.ruby.layout.ClassLayout;
import dev.heapwalk.ruby.layout.DataLayout;
import dev.heapwalk.ruby.layout.Flags;
import dev.heapwalk.ruby.layout.ImemoLayout;
import dev.heapwalk.ruby.layout.IseqLayout;
import dev.heapwalk.ruby.layout.ListLayout;
import dev.heapwalk.ruby.layout.MarkLayout;
import dev.heapwalk.ruby.layout.MemsizeLayout;
import dev.heapwalk.ruby.layout.ObjectLayout;
import dev.heapwalk.ruby.layout.RubyLayout;
import dev.heapwalk.ruby.layout.ShapeLayout;
import dev.heapwalk.ruby.layout.TableLayout;
import dev.heapwalk.ruby.object.ConstantCursor;
import dev.heapwalk.ruby.object.RArray;
import dev.heapwalk.ruby.object.RBignum;
import dev.heapwalk.ruby.object.RClass;
import dev.heapwalk.ruby.object.RFile;
import dev.heapwalk.ruby.object.RHash;
import dev.heapwalk.ruby.object.RMatch;
import dev.heapwalk.ruby.object.RObject;
import dev.heapwalk.ruby.object.RRegexp;
import dev.heapwalk.ruby.object.RString;
import dev.heapwalk.ruby.object.RStruct;
import dev.heapwalk.ruby.object.Shapes;
import dev.heapwalk.ruby.table.IdEntries;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Optional;

/**
 * How much memory an object takes, as {@code ObjectSpace.memsize_of} says it: C name {@code rb_obj_memsize_of}. The
 * slot counts, and what belongs to the object alone outside of it. What Ruby itself forgets or counts twice is
 * forgotten and counted twice here. For one thread.
 */
public final class MemorySizes {
    /** The size is not known: only a function of the target's own could tell. */
    public static final long UNKNOWN = -1;

    /** What Ruby takes a digit for, though it has eight bytes. */
    private static final long BIGNUM_DIGIT = 4;

    private static final long SUPERCLASSES_INCLUDE_SELF = Flags.USER2;
    private static final long NOT_EXECUTABLE = ImemoLayout.CODE_NOT_LOADED | ImemoLayout.CODE_COMPILING;

    private static final byte[] YJIT = "YJIT".getBytes(StandardCharsets.US_ASCII);
    private static final int MOST_CHAINED = 1 << 10;
    private static final int MOST_TRANSCODERS = 64;
    private static final int MOST_OPERATIONS = 1 << 16;
    private static final int MOST_SEGMENTS = 1 << 12;

    private final ObjectReader reader;
    private final Reader memory;
    private final MemsizeLayout layout;
    private final int[] ioBuffers;
    private final int[] ioConverters;
    private final IseqLayout iseqs;
    private final MarkLayout.Iseq code;
    private final ObjectLayout objects;
    private final ClassLayout classes;
    private final ImemoLayout imemos;
    private final ShapeLayout shapeLayout;
    private final boolean shapes;
    private final RValue other;
    private final DataSizes data;
    private final IdEntries ids;
    private final RClass classView;
    private final RString stringView;
    private final RArray arrayView;
    private final RHash hashView;
    private final RObject objectView;
    private final RStruct structView;
    private final RBignum bignumView;
    private final RMatch matchView;
    private final RRegexp regexpView;
    private final RFile fileView;
    /** 0 until it is asked for. */
    private int iseqBody;

    /**
     * Makes one that has read nothing yet.
     *
     * @param reader what reads the objects
     */
    public MemorySizes(ObjectReader reader) {
        this.reader = reader;
        this.memory = reader.memory();
        this.layout = RubyLayout.of(reader.series()).memsize();
        this.ioBuffers = layout.ioBuffers();
        this.ioConverters = layout.ioConverters();
        this.iseqs = RubyLayout.of(reader.series()).iseq();
        this.code = RubyLayout.of(reader.edition()).mark().iseq();
        this.objects = RubyLayout.of(reader.series()).object();
        this.shapes = objects.shapesInFlags();
        this.classes = RubyLayout.of(reader.series()).classes();
        this.imemos = RubyLayout.of(reader.series()).imemo();
        this.shapeLayout = RubyLayout.of(reader.series()).shape();
        this.data = new DataSizes(reader, this);
        this.other = new RValue(reader);
        this.ids = new IdEntries(reader);
        this.classView = new RClass(reader);
        this.stringView = new RString(reader);
        this.arrayView = new RArray(reader);
        this.hashView = new RHash(reader);
        this.objectView = new RObject(reader);
        this.structView = new RStruct(reader);
        this.bignumView = new RBignum(reader);
        this.matchView = new RMatch(reader);
        this.regexpView = new RRegexp(reader);
        this.fileView = new RFile(reader);
    }

    /**
     * The size of an object.
     *
     * @param object the object
     * @return bytes, {@link #UNKNOWN} if only code of the target could tell
     * @throws UnmappedAddressException if what it depends on can't be read
     */
    public long of(RValue object) {
        long outside = switch (object.type()) {
            case STRING -> string(object.as(stringView));
            case ARRAY -> array(object.as(arrayView));
            case HASH -> hash(object.as(hashView));
            case OBJECT -> object(object.as(objectView));
            case STRUCT -> struct(object.as(structView));
            case CLASS, MODULE -> module(object.as(classView));
            case ICLASS -> iclass(object.as(classView));
            case IMEMO -> imemo(object);
            case DATA -> data.of(object);
            case REGEXP -> regexp(object.as(regexpView).pattern());
            case MATCH -> match(object.as(matchView));
            case BIGNUM -> bignum(object.as(bignumView));
            case FILE -> io(object.as(fileView).state());
            default -> 0;
        };
        if (outside < 0) {
            return UNKNOWN;
        }
        if (objects.genericIvarsByFlag() && object.has(Flags.EXIVAR) || !objects.genericIvarsByFlag()) {
            outside += genericIvars(object);
        }
        return outside + object.slotSize();
    }

    private long string(RString string) {
        return string.ownsBuffer() ? string.capacity() + terminator(string.encodingIndex()) : 0;
    }

    /** The size of what ends a string: {@code TERM_LEN}. */
    private static int terminator(int encoding) {
        return switch (encoding) {
            case 3, 4, 7 -> 2;
            case 5, 6, 8 -> 4;
            default -> 1;
        };
    }

    private static long array(RArray array) {
        return array.embedded() || array.shared() ? 0 : 8 * array.capacity();
    }

    private static long bignum(RBignum number) {
        return number.embedded() || number.digits() == 0 ? 0 : number.length() * BIGNUM_DIGIT;
    }

    private long hash(RHash hash) {
        long table = hash.table();
        if (hash.hasTable()) {
            return hash.inline() ? table(table) - TableLayout.ST_SIZE : table(table);
        }
        return hash.inline() || table == 0 ? 0 : MemsizeLayout.AR_TABLE;
    }

    /** C name {@code st_memsize}. */
    long table(long table) {
        long offset = memory.require(table, TableLayout.ST_SIZE);
        MemorySegment segment = memory.segment();
        int power = segment.get(Words.BYTE, offset + TableLayout.ST_ENTRY_POWER) & 0xff;
        boolean bins = segment.get(Words.LONG, offset + TableLayout.ST_BINS) != 0;
        if (power > 40) {
            throw new UnmappedAddressException(table, table, TableLayout.ST_SIZE);
        }
        return TableLayout.ST_SIZE + (bins ? binWords(power) * 8 : 0) + ((long) TableLayout.ST_ENTRY_SIZE << power);
    }

    /**
     * The size of what a set has outside its slot: its entries, and bins behind them if it has more than 16. Since 4.0.
     */
    long set(long set) {
        int power = memory.readByte(set) & 0xff;
        if (power > 40) {
            throw new UnmappedAddressException(set, set, 1);
        }
        return (power > DataLayout.SET_POWER_WITHOUT_BINS ? binWords(power) * 8 : 0)
                + ((long) DataLayout.SET_ENTRY_SIZE << power);
    }

    /** How many words the bins take: twice as many bins as entries, of the fewest bytes that can count those. */
    private static long binWords(int power) {
        int bytesPower = power < 8 ? 0 : power < 16 ? 1 : power < 32 ? 2 : 3;
        return power == 0 ? 0 : Math.max(1, 1L << power + 1 + bytesPower >>> 3);
    }

    /** C name {@code rb_id_table_memsize}. */
    long idTable(long table) {
        return (long) TableLayout.ID_ITEM_SIZE * memory.readInt(table + TableLayout.ID_CAPACITY) + TableLayout.ID_SIZE;
    }

    private long idTableIfAny(long table) {
        return table == 0 ? 0 : idTable(table);
    }

    private long object(RObject object) {
        boolean embedded = object.embedded();
        if (!shapes) {
            // What is embedded, or has no buffer yet, counts nothing.
            boolean none = embedded || object.ivptr() == 0 && !layout.countsMissingIvars();
            return none ? 0 : 8L * object.numiv();
        }
        int shape = object.shape();
        if (reader.shapes().tooComplex(shape)) {
            return table(object.table());
        }
        return embedded ? 0 : 8L * reader.shapes().capacity(shape);
    }

    private static long struct(RStruct struct) {
        return struct.embedded() || struct.members() == 0 ? 0 : 8 * struct.length();
    }

    private long module(RClass view) {
        long extension = view.extension();
        if (extension == 0) {
            return 0;
        }
        long size = idTableIfAny(view.methodTable());
        size += idTableIfAny(view.classVariableTable());
        size += idTableIfAny(view.constantTable());
        if (layout.fieldsInObjects()) {
            // What else it has is in objects of their own.
            size = idTableIfAny(view.methodTable()) + idTableIfAny(view.constantTable());
            if (!reader.isSlot(view.classVariableTable())) {
                size += idTableIfAny(view.classVariableTable());
            }
            boolean own =
                    (memory.readInt(extension + layout.variationCount()) & MemsizeLayout.SUPERCLASSES_WITH_SELF) != 0;
            int depth = memory.readInt(extension + layout.superclassDepthShort()) & 0xffff;
            // Ruby counts the superclasses twice.
            return own ? size + 2 * 8L * (depth + 1) : size;
        }
        size += callCaches(view.callCacheTable());
        if (!shapes) {
            // Ruby counts the instance variables twice.
            size += view.ivars() == 0 ? 0 : 2 * table(view.ivars());
            size += view.ivIndexTable() == 0 ? 0 : table(view.ivIndexTable());
            return size + layout.classExtension();
        }
        size += 8L << 32 - Integer.numberOfLeadingZeros(ivars(view));
        if (view.has(SUPERCLASSES_INCLUDE_SELF)) {
            size += 8 * (memory.readLong(extension + layout.superclassDepth()) + 1);
        }
        return size;
    }

    private int ivars(RClass view) {
        int shape = Shapes.of(view.flags());
        if (reader.shapes().tooComplex(shape)) {
            return (int) memory.readLong(view.ivars() + TableLayout.ST_NUM_ENTRIES);
        }
        return reader.shapes().nextIvIndex(shape);
    }

    private long iclass(RClass view) {
        if (view.extension() == 0) {
            return 0;
        }
        long methods = view.ownsMethods() ? idTableIfAny(view.methodTable()) : 0;
        return classes.cachesInObjects() ? methods : methods + callCaches(view.callCacheTable());
    }

    /** What the object {@code VM/cc_table} has outside of it, in 4.0: the head of its table lies in the slot. */
    long callCacheTable(long table) {
        long size = idTable(table) - TableLayout.ID_SIZE;
        ids.over(table);
        while (ids.next()) {
            size += MemsizeLayout.CALL_CACHES + MemsizeLayout.CALL_CACHE * (long) memory.readInt(ids.value());
        }
        return size;
    }

    /** C name {@code cc_table_memsize}. */
    private long callCaches(long table) {
        if (table == 0) {
            return 0;
        }
        long size = idTable(table);
        ids.over(table);
        while (ids.next()) {
            size += MemsizeLayout.CALL_CACHES_WITH_POINTER
                    + MemsizeLayout.CALL_CACHE * (long) memory.readInt(ids.value());
        }
        return size;
    }

    private long imemo(RValue object) {
        return switch (reader.imemoType(object.flags())) {
            case MENT -> 8;
            case ISEQ -> iseq(object.address());
            case ENV -> 8 * (object.readLong(ImemoLayout.ENV_SIZE) & 0xffffffffL);
            case TMPBUF -> 8 * object.readLong(imemos.bufferCount());
            // The tree is made of blocks of several kinds, and gone once the code is compiled.
            case AST -> object.readLong(ImemoLayout.FIRST) == 0 ? 0 : UNKNOWN;
            case FIELDS -> fields(object);
            default -> 0;
        };
    }

    /** The instance variables of another object, where they are outside the slot. */
    private long fields(RValue object) {
        if (!object.has(ImemoLayout.FIELDS_HEAP)) {
            return 0;
        }
        int shape = Shapes.of(object.flags());
        return reader.shapes().tooComplex(shape)
                ? table(object.readLong(ImemoLayout.FIELDS_VALUES))
                : 8L * reader.shapes().capacity(shape);
    }

    /** C name {@code rb_iseq_memsize}. */
    long iseq(long iseq) {
        long flags = memory.readLong(iseq);
        long body = memory.readLong(iseq + IseqLayout.BODY);
        if ((flags & NOT_EXECUTABLE) != 0 || body == 0) {
            // It is being compiled, or was not loaded yet.
            return (flags & ImemoLayout.CODE_COMPILING) == 0 ? 0 : UNKNOWN;
        }
        long words = memory.readInt(body + IseqLayout.ISEQ_SIZE) & 0xffffffffL;
        long size = iseqBody() + 8 * words;
        // Each entry has its position, 32 bits, in an array of its own.
        size += (iseqs.insnInfoSize() + 4L) * memory.readInt(body + iseqs.insnsInfo() + IseqLayout.INFO_SIZE);
        size += 8L * memory.readInt(body + iseqs.localTableSize());
        size += code.markBits() < 0 ? 0 : (words + 63 >>> 6) * 8;
        long catches = memory.readLong(body + code.catchTable());
        size += catches == 0
                ? 0
                : IseqLayout.CATCH_ENTRIES + (long) IseqLayout.CATCH_ENTRY_SIZE * memory.readInt(catches);
        size += 8L * (memory.readInt(body + IseqLayout.PARAM_OPT_NUM) + 1);
        long keywords = memory.readLong(body + IseqLayout.PARAM_KEYWORD);
        size += keywords == 0
                ? 0
                : IseqLayout.KEYWORD_SIZE
                        + 8L * (memory.readInt(keywords) - memory.readInt(keywords + IseqLayout.KEYWORD_REQUIRED));
        size += inlineStorages(body);
        long calls = memory.readInt(body + code.callCount()) & 0xffffffffL;
        size += layout.callData() * calls;
        if (layout.keywordCall() > 0) {
            size += keywordCalls(
                    memory.readLong(body + code.callData()) + layout.callData() * calls,
                    memory.readInt(body + code.callCount() + MarkLayout.Iseq.KEYWORD_CALL_COUNT));
        }
        return size;
    }

    private long inlineStorages(long body) {
        long each = code.inlineStorageSize();
        int at = code.inlineCounts();
        if (code.markBits() < 0) {
            return each * memory.readInt(body + at);
        }
        int constants = memory.readInt(body + at);
        long before = 0;
        for (int i = 1; i < 4; i++) {
            before += memory.readInt(body + at + 4L * i);
        }
        long size = each * (before + constants);
        long entries = memory.readLong(body + code.inlineStorage());
        if (entries == 0) {
            return size;
        }
        memory.requireMapped(entries, before + constants, code.inlineStorageSize());
        for (long i = 0; i < constants; i++) {
            long segments = memory.readLong(entries + (before + i) * each + IseqLayout.CONSTANT_SEGMENTS);
            for (int j = 0; segments != 0 && j < MOST_SEGMENTS; j++) {
                size += 8;
                if (memory.readLong(segments + 8L * j) == 0) {
                    break;
                }
            }
        }
        return size;
    }

    /** Calls with keywords: {@code struct rb_kwarg_call_data}, in 2.7. */
    private long keywordCalls(long calls, int count) {
        memory.requireMapped(calls, count, layout.keywordCall());
        long size = 0;
        for (int i = 0; i < count; i++) {
            long keywords =
                    memory.readLong(calls + (long) layout.keywordCall() * i + MemsizeLayout.KEYWORD_CALL_ARGUMENTS);
            size += layout.keywordCall()
                    + (keywords == 0 ? 0 : MemsizeLayout.KEYWORD_ARGUMENTS + 8L * (memory.readInt(keywords) - 1));
        }
        return size;
    }

    /**
     * The size of the structure, which depends on how Ruby was built: only with YJIT there is {@code RubyVM::YJIT}.
     */
    private int iseqBody() {
        if (iseqBody == 0) {
            iseqBody = layout.iseqBody() == layout.iseqBodyWithoutYjit() || hasYjit()
                    ? layout.iseqBody()
                    : layout.iseqBodyWithoutYjit();
        }
        return iseqBody;
    }

    private boolean hasYjit() {
        long self = memory.readLong(
                reader.vm().address() + RubyLayout.of(reader.series()).vm().self());
        RValue machine = reader.isSlot(self) ? reader.at(self, other) : null;
        if (machine != null) {
            ConstantCursor constant =
                    new ConstantCursor(reader).over(reader.classNames().realClass(machine.klass()));
            while (constant.next()) {
                Optional<byte[]> name = constant.name();
                if (name.isPresent() && Arrays.equals(name.get(), YJIT)) {
                    return true;
                }
            }
        }
        return false;
    }

    /** C name {@code onig_memsize}. */
    long regexp(long pattern) {
        long size = 0;
        long at = pattern;
        for (int i = 0; at != 0 && i < MOST_CHAINED; i++) {
            size += layout.regexp();
            size += memory.readLong(at) == 0 ? 0 : memory.readInt(at + MemsizeLayout.REGEXP_ALLOCATED);
            long exact = memory.readLong(at + MemsizeLayout.REGEXP_EXACT);
            size += exact == 0 ? 0 : memory.readLong(at + MemsizeLayout.REGEXP_EXACT + Long.BYTES) - exact;
            size += memory.readLong(at + MemsizeLayout.REGEXP_MAP) == 0 ? 0 : MemsizeLayout.REGEXP_MAP_SIZE;
            size += memory.readLong(at + MemsizeLayout.REGEXP_MAP + Long.BYTES) == 0
                    ? 0
                    : MemsizeLayout.REGEXP_MAP_SIZE;
            size += memory.readLong(at + MemsizeLayout.REGEXP_REPEAT_RANGE) == 0
                    ? 0
                    : (long) MemsizeLayout.REPEAT_RANGE * memory.readInt(at + MemsizeLayout.REGEXP_REPEATS);
            at = memory.readLong(at + layout.regexpChain());
        }
        return size;
    }

    private long match(RMatch match) {
        long registers = match.rmatch();
        if (registers == 0) {
            return 0;
        }
        long size = region(registers)
                + (long) MemsizeLayout.MATCH_OFFSET * memory.readInt(registers + MemsizeLayout.MATCH_OFFSETS);
        return objects.matchInline() ? size : size + MemsizeLayout.MATCH;
    }

    /** C name {@code onig_region_memsize}. */
    long region(long region) {
        return MemsizeLayout.REGION + (long) MemsizeLayout.REGION_GROUP * memory.readInt(region);
    }

    /** C name {@code rb_io_memsize}. */
    private long io(long io) {
        if (io == 0) {
            return 0;
        }
        long size = layout.io();
        for (int buffer : ioBuffers) {
            size += memory.readInt(io + buffer + MemsizeLayout.IO_BUFFER_CAPACITY);
        }
        size += layout.ioBlockingOperations() >= 0 ? blockingOperations(io) : 0;
        for (int converter : ioConverters) {
            size += transcoding(memory.readLong(io + converter));
        }
        return size;
    }

    /** What threads that wait for it have on their stacks; a process that was forked has them no more. */
    private long blockingOperations(long io) {
        long generation =
                reader.vm().address() + RubyLayout.of(reader.series()).vm().forkGeneration();
        if (memory.readLong(io + layout.ioForkGeneration()) != memory.readLong(generation)) {
            return 0;
        }
        long head = io + layout.ioBlockingOperations();
        long size = 0;
        for (long at = memory.readLong(head); at != head; at = memory.readLong(at)) {
            size += MemsizeLayout.IO_BLOCKING_OPERATION;
            if (size > (long) MOST_OPERATIONS * MemsizeLayout.IO_BLOCKING_OPERATION) {
                throw new UnmappedAddressException(at, head, ListLayout.SIZE);
            }
        }
        return size;
    }

    /** C name {@code rb_econv_memsize}. */
    private long transcoding(long converter) {
        if (converter == 0) {
            return 0;
        }
        boolean replaced = memory.readInt(converter + MemsizeLayout.CONVERTER_REPLACED) != 0;
        long size = MemsizeLayout.CONVERTER
                + (replaced ? memory.readLong(converter + MemsizeLayout.CONVERTER_REPLACEMENT) : 0);
        long elements = memory.readLong(converter + MemsizeLayout.CONVERTER_ELEMENTS);
        int count = memory.readInt(converter + MemsizeLayout.CONVERTER_USED);
        for (int i = 0; i < Math.min(count, MOST_TRANSCODERS); i++) {
            long element = elements + (long) MemsizeLayout.ELEMENT * i;
            long transcoder = memory.readLong(memory.readLong(element));
            size += MemsizeLayout.TRANSCODING
                    + overAWord(memory.readLong(transcoder + MemsizeLayout.TRANSCODER_STATE))
                    + overAWord(memory.readInt(transcoder + MemsizeLayout.TRANSCODER_INPUT))
                    + overAWord(memory.readInt(transcoder + MemsizeLayout.TRANSCODER_OUTPUT));
            long out = memory.readLong(element + MemsizeLayout.ELEMENT_OUT_START);
            size += out == 0 ? 0 : memory.readLong(element + MemsizeLayout.ELEMENT_OUT_END) - out;
        }
        return size
                + memory.readLong(converter + MemsizeLayout.CONVERTER_IN_END)
                - memory.readLong(converter + MemsizeLayout.CONVERTER_IN_START)
                + (long) MemsizeLayout.ELEMENT * memory.readInt(converter + MemsizeLayout.CONVERTER_ALLOCATED);
    }

    /** A size that counts only where it is more than a pointer's, which has room for it. */
    private static long overAWord(long size) {
        return size > Long.BYTES ? size : 0;
    }

    private long genericIvars(RValue object) {
        long place = reader.genericIvars(object.address());
        if (place == 0 || !objects.genericIvarsByFlag()) {
            return 0;
        }
        if (shapeLayout.othersTooComplex() && reader.shapes().tooComplex(Shapes.of(object.flags()))) {
            return MemsizeLayout.GENERIC_TABLE + table(memory.readLong(place));
        }
        return MemsizeLayout.GENERIC_IVARS + 8L * memory.readInt(place);
    }
}
