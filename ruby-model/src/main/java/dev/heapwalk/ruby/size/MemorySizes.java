// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.size;

import dev.heapwalk.memory.UnmappedAddressException;
import dev.heapwalk.memory.struct.Words;
import dev.heapwalk.ruby.ObjectReader;
import dev.heapwalk.ruby.RValue;
import dev.heapwalk.ruby.RubyType;
import dev.heapwalk.ruby.SlotCursor;
import dev.heapwalk.ruby.SlotState;
import dev.heapwalk.ruby.layout.Flags;
import dev.heapwalk.ruby.layout.IseqLayout;
import dev.heapwalk.ruby.layout.MarkLayout;
import dev.heapwalk.ruby.layout.MemsizeLayout;
import dev.heapwalk.ruby.layout.ObjectLayout;
import dev.heapwalk.ruby.layout.RubyLayout;
import dev.heapwalk.ruby.layout.TableLayout;
import dev.heapwalk.ruby.name.Encodings;
import dev.heapwalk.ruby.object.ImemoType;
import dev.heapwalk.ruby.object.RClass;
import dev.heapwalk.ruby.object.Shapes;
import dev.heapwalk.ruby.table.IdEntries;
import java.lang.foreign.MemorySegment;

/**
 * How much memory an object takes, as {@code ObjectSpace.memsize_of} says it: C name {@code rb_obj_memsize_of}. The
 * slot counts, and what belongs to the object alone outside of it. What Ruby itself forgets or counts twice is
 * forgotten and counted twice here. For one thread.
 */
public final class MemorySizes {
    /** The size is not known: only a function of the target's own could tell. */
    public static final long UNKNOWN = -1;

    private static final long STRING_NOEMBED = Flags.USER1;
    private static final long STRING_NOFREE = 1L << Flags.USHIFT + 18;
    private static final long ARRAY_EMBED = Flags.USER1;
    private static final long BIGNUM_EMBED = Flags.USER2;
    /** What Ruby takes a digit for, though it has eight bytes. */
    private static final long BIGNUM_DIGIT = 4;

    private static final long HASH_ST_TABLE = Flags.USER3;
    private static final long SUPERCLASSES_INCLUDE_SELF = Flags.USER2;
    private static final long NOT_EXECUTABLE = 1L << Flags.USHIFT + 5 | 1L << Flags.USHIFT + 6;

    /** {@code sizeof(ar_table)}, of 2.7 to 3.2. */
    private static final long AR_TABLE_SIZE = 128;
    /** {@code sizeof(OnigRegion)} and of what it has for each group. */
    private static final long REGION_SIZE = 24;

    private static final long REGION_GROUP_SIZE = 16;
    private static final long CHARACTER_TABLE_SIZE = 256 * 4;
    private static final long REPEAT_RANGE_SIZE = 8;
    /** What {@code struct rb_class_cc_entries} has for each call cache. */
    private static final long CALL_CACHE_ENTRY = 16;
    /** {@code sizeof(struct rb_kwarg_call_data)}, in 2.7. */
    private static final int KEYWORD_CALL_SIZE = 88;

    private static final int MOST_CHAINED = 1 << 10;
    private static final int MOST_TRANSCODERS = 64;
    /** {@code superclass_depth} of an extension in 4.0, 16 bits. */
    private static final int SUPERCLASS_DEPTH = 122;
    /** {@code variation_count}, which a byte of bits follows; {@code superclasses_with_self} is the sixth. In 4.0. */
    private static final int SUPERCLASSES_WITH_SELF = 124;
    /** {@code sizeof(set_table_entry)}. */
    private static final long SET_ENTRY = 16;
    /** {@code MAX_POWER2_FOR_TABLES_WITHOUT_BINS}. */
    private static final int SET_WITHOUT_BINS = 4;
    /** {@code blocking_operations} of {@code rb_io_t}, in 4.0. */
    private static final int BLOCKING_OPERATIONS = 208;
    /** {@code sizeof(struct rb_io_blocking_operation)}. */
    private static final int BLOCKING_OPERATION_SIZE = 24;
    /** {@code fork_generation} of {@code rb_io_t}, in 4.0. */
    private static final int IO_FORK_GENERATION = 240;
    /** {@code fork_gen} of {@code rb_vm_t}, in 4.0. */
    private static final int VM_FORK_GENERATION = 496;

    private static final int MOST_OPERATIONS = 1 << 16;
    private static final int ISEQS_ASKED = 31;
    private static final int MOST_SEGMENTS = 1 << 12;

    private final ObjectReader reader;
    private final MemsizeLayout layout;
    private final IseqLayout iseqs;
    private final MarkLayout.Iseq code;
    private final ObjectLayout objects;
    private final boolean inlineHash;
    private final boolean shapes;
    private final boolean newest;
    private final DataSizes data;
    private final IdEntries ids;
    private final RClass classView;
    private long iseqBody = -1;

    /**
     * Makes one that has read nothing yet.
     *
     * @param reader what reads the objects
     */
    public MemorySizes(ObjectReader reader) {
        this.reader = reader;
        this.layout = RubyLayout.of(reader.series()).memsize();
        this.iseqs = RubyLayout.of(reader.series()).iseq();
        this.code = RubyLayout.of(reader.series()).mark().iseq();
        this.objects = RubyLayout.of(reader.series()).object();
        this.inlineHash = objects.hashInline();
        this.shapes = objects.shapesInFlags();
        this.newest = RubyLayout.of(reader.series()).since(4, 0);
        this.data = new DataSizes(reader, this);
        this.ids = new IdEntries(reader);
        this.classView = new RClass(reader);
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
            case STRING -> string(object);
            case ARRAY -> array(object);
            case HASH -> hash(object);
            case OBJECT -> object(object);
            case STRUCT -> struct(object);
            case CLASS, MODULE -> module(object);
            case ICLASS -> iclass(object);
            case IMEMO -> imemo(object);
            case DATA -> data.of(object);
            case REGEXP -> regexp(object.word(16));
            case MATCH -> match(object);
            case BIGNUM -> object.has(BIGNUM_EMBED) || object.word(24) == 0 ? 0 : object.word(16) * BIGNUM_DIGIT;
            case FILE -> object.word(16) == 0 ? 0 : io(object.word(16));
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

    private long string(RValue object) {
        if ((object.flags() & (STRING_NOEMBED | objects.stringShared() | STRING_NOFREE)) != STRING_NOEMBED) {
            return 0;
        }
        return object.word(32) + terminator((int) (object.flags() >>> 22) & Encodings.ELSEWHERE);
    }

    /** The size of what ends a string: {@code TERM_LEN}. */
    private static int terminator(int encoding) {
        return switch (encoding) {
            case 3, 4, 7 -> 2;
            case 5, 6, 8 -> 4;
            default -> 1;
        };
    }

    private long array(RValue object) {
        if (object.has(ARRAY_EMBED | objects.arrayShared())) {
            return 0;
        }
        // A root that others share the elements of keeps their number where its capacity would be.
        boolean root =
                object.has(1L << Flags.USHIFT + (RubyLayout.of(reader.series()).since(3, 2) ? 12 : 5));
        return 8 * object.word(root ? 16 : 24);
    }

    private long hash(RValue object) {
        if (object.has(HASH_ST_TABLE)) {
            return inlineHash ? table(object.address() + 24) - TableLayout.ST_SIZE : table(object.word(16));
        }
        return inlineHash || object.word(16) == 0 ? 0 : AR_TABLE_SIZE;
    }

    /** C name {@code st_memsize}. */
    long table(long table) {
        long offset = reader.require(table, TableLayout.ST_SIZE);
        MemorySegment segment = reader.segment();
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
        int power = reader.octet(set) & 0xff;
        if (power > 40) {
            throw new UnmappedAddressException(set, set, 1);
        }
        return (power > SET_WITHOUT_BINS ? binWords(power) * 8 : 0) + (SET_ENTRY << power);
    }

    /** How many words the bins take: twice as many bins as entries, of the fewest bytes that can count those. */
    private static long binWords(int power) {
        int bytesPower = power < 8 ? 0 : power < 16 ? 1 : power < 32 ? 2 : 3;
        return power == 0 ? 0 : Math.max(1, 1L << power + 1 + bytesPower >>> 3);
    }

    /** C name {@code rb_id_table_memsize}. */
    long idTable(long table) {
        return (long) TableLayout.ID_ITEM_SIZE * reader.half(table + TableLayout.ID_CAPACITY) + TableLayout.ID_SIZE;
    }

    private long idTableIfAny(long table) {
        return table == 0 ? 0 : idTable(table);
    }

    private long object(RValue object) {
        if (!shapes) {
            // What is embedded, or has no buffer yet, counts nothing.
            boolean none = objects.embedsIvars(object.flags())
                    || object.word(24) == 0 && !RubyLayout.of(reader.series()).since(3, 0);
            return none ? 0 : 8L * (int) object.word(16);
        }
        int shape = Shapes.of(object.flags());
        if (reader.shapes().tooComplex(shape)) {
            return table(object.word(objects.objectFields()));
        }
        return objects.embedsIvars(object.flags()) ? 0 : 8L * reader.shapes().capacity(shape);
    }

    private long struct(RValue object) {
        boolean embedded = (object.flags() >>> 13 & objects.structEmbedLengthMask()) != 0;
        return embedded || object.word(24) == 0 ? 0 : 8 * object.word(16);
    }

    private long module(RValue object) {
        RClass view = reader.at(object.address(), classView);
        long extension = view.extension();
        if (extension == 0) {
            return 0;
        }
        long size = idTableIfAny(view.methodTable());
        size += idTableIfAny(view.classVariableTable());
        size += idTableIfAny(view.constantTable());
        if (newest) {
            // What else it has is in objects of their own.
            size = idTableIfAny(view.methodTable()) + idTableIfAny(view.constantTable());
            boolean own = (reader.half(extension + SUPERCLASSES_WITH_SELF) >>> 13 & 1) != 0;
            int depth = reader.half(extension + SUPERCLASS_DEPTH) & 0xffff;
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
        size += 8L << 32 - Integer.numberOfLeadingZeros(ivars(object));
        if (object.has(SUPERCLASSES_INCLUDE_SELF)) {
            size += 8 * (reader.word(extension + layout.superclassDepth()) + 1);
        }
        return size;
    }

    private int ivars(RValue object) {
        int shape = Shapes.of(object.flags());
        if (reader.shapes().tooComplex(shape)) {
            return (int) reader.word(classView.ivars() + TableLayout.ST_NUM_ENTRIES);
        }
        return reader.shapes().nextIvIndex(shape);
    }

    private long iclass(RValue object) {
        RClass view = reader.at(object.address(), classView);
        if (view.extension() == 0) {
            return 0;
        }
        long methods = view.ownsMethods() ? idTableIfAny(view.methodTable()) : 0;
        return newest ? methods : methods + callCaches(view.callCacheTable());
    }

    /** What the object {@code VM/cc_table} has outside of it, in 4.0: the head of its table lies in the slot. */
    long callCacheTable(long table) {
        long size = idTable(table) - TableLayout.ID_SIZE;
        ids.over(table);
        while (ids.next()) {
            size += 16 + CALL_CACHE_ENTRY * reader.half(ids.value());
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
            size += 24 + CALL_CACHE_ENTRY * reader.half(ids.value());
        }
        return size;
    }

    private long imemo(RValue object) {
        return switch (reader.imemoType(object.flags())) {
            case MENT -> 8;
            case ISEQ -> iseq(object.address());
            case ENV -> 8 * (object.word(32) & 0xffffffffL);
            case TMPBUF -> 8 * object.word(newest ? 16 : 32);
            // The tree is made of blocks of several kinds, and gone once the code is compiled.
            case AST -> object.word(8) == 0 ? 0 : UNKNOWN;
            case FIELDS -> fields(object);
            default -> 0;
        };
    }

    /** The instance variables of another object, where they are outside the slot. */
    private long fields(RValue object) {
        if (!object.has(Flags.USER4)) {
            return 0;
        }
        int shape = Shapes.of(object.flags());
        return reader.shapes().tooComplex(shape)
                ? table(object.word(16))
                : 8L * reader.shapes().capacity(shape);
    }

    /** C name {@code rb_iseq_memsize}. */
    long iseq(long iseq) {
        long flags = reader.word(iseq);
        long body = reader.word(iseq + IseqLayout.BODY);
        if ((flags & NOT_EXECUTABLE) != 0 || body == 0) {
            // It is being compiled, or was not loaded yet.
            return (flags & 1L << Flags.USHIFT + 6) == 0 ? 0 : UNKNOWN;
        }
        long words = reader.half(body + IseqLayout.ISEQ_SIZE) & 0xffffffffL;
        long size = iseqBody() + 8 * words;
        // Each entry has its position, 32 bits, in an array of its own.
        size += (iseqs.insnInfoSize() + 4L) * reader.half(body + iseqs.insnsInfo() + 16);
        size += 8L * reader.half(body + iseqs.localTableSize());
        size += code.markBits() < 0 ? 0 : (words + 63 >>> 6) * 8;
        long catches = reader.word(body + code.catchTable());
        size += catches == 0 ? 0 : 4 + 32L * reader.half(catches);
        size += 8L * (reader.half(body + IseqLayout.PARAM_OPT_NUM) + 1);
        long keywords = reader.word(body + IseqLayout.PARAM_KEYWORD);
        size += keywords == 0 ? 0 : 32 + 8L * (reader.half(keywords) - reader.half(keywords + 4));
        size += inlineStorages(body);
        long calls = reader.half(body + code.callCount()) & 0xffffffffL;
        size += layout.callData() * calls;
        if (!RubyLayout.of(reader.series()).since(3, 0)) {
            size += keywordCalls(
                    reader.word(body + code.callData()) + layout.callData() * calls,
                    reader.half(body + code.callCount() + 4));
        }
        return size;
    }

    private long inlineStorages(long body) {
        long each = code.inlineStorageSize();
        int at = code.inlineCounts();
        if (code.markBits() < 0) {
            return each * reader.half(body + at);
        }
        int constants = reader.half(body + at);
        long before = 0;
        for (int i = 1; i < 4; i++) {
            before += reader.half(body + at + 4L * i);
        }
        long size = each * (before + constants);
        long entries = reader.word(body + code.inlineStorage());
        if (entries == 0) {
            return size;
        }
        reader.requireMapped(entries, before + constants, code.inlineStorageSize());
        for (long i = 0; i < constants; i++) {
            long segments = reader.word(entries + (before + i) * each + 8);
            for (int j = 0; segments != 0 && j < MOST_SEGMENTS; j++) {
                size += 8;
                if (reader.word(segments + 8L * j) == 0) {
                    break;
                }
            }
        }
        return size;
    }

    /** Calls with keywords: {@code struct rb_kwarg_call_data}, in 2.7. */
    private long keywordCalls(long calls, int count) {
        reader.requireMapped(calls, count, KEYWORD_CALL_SIZE);
        long size = 0;
        for (int i = 0; i < count; i++) {
            long keywords = reader.word(calls + (long) KEYWORD_CALL_SIZE * i + 80);
            size += KEYWORD_CALL_SIZE + (keywords == 0 ? 0 : 16 + 8L * (reader.half(keywords) - 1));
        }
        return size;
    }

    /**
     * The size of the structure, which depends on how Ruby was built. The chunks that hold some tell; now and then one
     * is larger than it need be.
     */
    private long iseqBody() {
        if (iseqBody < 0) {
            int asked = 0;
            int larger = 0;
            SlotCursor slot = reader.vm().slots(reader);
            while (asked < ISEQS_ASKED && slot.next()) {
                if (slot.state() == SlotState.LIVE
                        && slot.type() == RubyType.IMEMO
                        && reader.imemoType(slot.flags()) == ImemoType.ISEQ) {
                    long body = reader.word(slot.address() + IseqLayout.BODY);
                    if (body != 0 && reader.find(body - 8, 8) >= 0) {
                        asked++;
                        larger += (reader.word(body - 8) & ~7) == (layout.iseqBody() + 23 & ~15L) ? 1 : 0;
                    }
                }
            }
            iseqBody = 2 * larger > asked ? layout.iseqBody() : layout.iseqBodyWithoutYjit();
        }
        return iseqBody;
    }

    /** C name {@code onig_memsize}. */
    long regexp(long pattern) {
        long size = 0;
        long at = pattern;
        for (int i = 0; at != 0 && i < MOST_CHAINED; i++) {
            size += layout.regexp();
            size += reader.word(at) == 0 ? 0 : reader.half(at + 12);
            size += reader.word(at + 136) == 0 ? 0 : reader.word(at + 144) - reader.word(at + 136);
            size += reader.word(at + 408) == 0 ? 0 : CHARACTER_TABLE_SIZE;
            size += reader.word(at + 416) == 0 ? 0 : CHARACTER_TABLE_SIZE;
            size += reader.word(at + 64) == 0 ? 0 : REPEAT_RANGE_SIZE * reader.half(at + 52);
            at = reader.word(at + layout.regexpChain());
        }
        return size;
    }

    private long match(RValue object) {
        long registers = objects.matchInline() ? object.address() + 32 : object.word(24);
        if (registers == 0) {
            return 0;
        }
        long size = region(registers) + 16L * reader.half(registers + 32);
        return objects.matchInline() ? size : size + 40;
    }

    /** C name {@code onig_region_memsize}. */
    long region(long region) {
        return REGION_SIZE + REGION_GROUP_SIZE * reader.half(region);
    }

    /** C name {@code rb_io_memsize}. */
    private long io(long io) {
        int shift = layout.ioShift();
        long size = layout.io();
        // Three of rb_io_buffer_t, which is packed: a pointer, an offset, a length and a capacity.
        for (int buffer : new int[] {40, 60, 128}) {
            size += reader.half(io + shift + buffer + 16);
        }
        size += newest ? blockingOperations(io) : 0;
        return size + transcoding(reader.word(io + shift + 120)) + transcoding(reader.word(io + shift + 152));
    }

    /** What threads that wait for it have on their stacks; a process that was forked has them no more. In 4.0. */
    private long blockingOperations(long io) {
        if (reader.word(io + IO_FORK_GENERATION) != reader.word(reader.vm().address() + VM_FORK_GENERATION)) {
            return 0;
        }
        long head = io + BLOCKING_OPERATIONS;
        long size = 0;
        for (long at = reader.word(head); at != head; at = reader.word(at)) {
            size += BLOCKING_OPERATION_SIZE;
            if (size > MOST_OPERATIONS * BLOCKING_OPERATION_SIZE) {
                throw new UnmappedAddressException(at, head, 16);
            }
        }
        return size;
    }

    /** C name {@code rb_econv_memsize}. */
    private long transcoding(long converter) {
        if (converter == 0) {
            return 0;
        }
        long size = 184 + (reader.half(converter + 88) == 0 ? 0 : reader.word(converter + 32));
        long elements = reader.word(converter + 80);
        int count = reader.half(converter + 96);
        for (int i = 0; i < Math.min(count, MOST_TRANSCODERS); i++) {
            long element = elements + 48L * i;
            long transcoder = reader.word(reader.word(element));
            long state = reader.word(transcoder + 72);
            size += 96 + (state > 8 ? state : 0);
            size += reader.half(transcoder + 60) > 8 ? reader.half(transcoder + 60) : 0;
            size += reader.half(transcoder + 64) > 8 ? reader.half(transcoder + 64) : 0;
            size += reader.word(element + 8) == 0 ? 0 : reader.word(element + 32) - reader.word(element + 8);
        }
        return size + reader.word(converter + 72) - reader.word(converter + 48) + 48L * reader.half(converter + 92);
    }

    private long genericIvars(RValue object) {
        long place = reader.genericIvars(object.address());
        if (place == 0 || !objects.genericIvarsByFlag()) {
            return 0;
        }
        if (RubyLayout.of(reader.series()).since(3, 3) && reader.shapes().tooComplex(Shapes.of(object.flags()))) {
            return 16 + table(reader.word(place));
        }
        return 8 + 8L * reader.half(place);
    }
}
