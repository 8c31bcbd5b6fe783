// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.gc;

import dev.heapwalk.memory.LongTable;
import dev.heapwalk.memory.Reader;
import dev.heapwalk.memory.UnmappedAddressException;
import dev.heapwalk.memory.elf.ElfModule;
import dev.heapwalk.ruby.ObjectReader;
import dev.heapwalk.ruby.code.CodeMemory;
import dev.heapwalk.ruby.code.MarkFunction;
import dev.heapwalk.ruby.code.MarkFunction.Call;
import dev.heapwalk.ruby.layout.CallCacheLayout;
import dev.heapwalk.ruby.layout.DataLayout;
import dev.heapwalk.ruby.layout.DataLayout.Kind;
import dev.heapwalk.ruby.layout.DataLayout.Marked;
import dev.heapwalk.ruby.layout.MarkLayout;
import dev.heapwalk.ruby.layout.RubyLayout;
import dev.heapwalk.ruby.layout.TableLayout;
import dev.heapwalk.ruby.layout.ThreadLayout;
import dev.heapwalk.ruby.layout.ValueFields;
import dev.heapwalk.ruby.library.LazyBinding;
import dev.heapwalk.ruby.object.RData;
import dev.heapwalk.ruby.object.Shapes;
import dev.heapwalk.ruby.table.IdEntries;
import dev.heapwalk.ruby.table.StEntries;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * The references of objects whose data C code holds. What a type refers to only its {@code dmark} function knows; this
 * knows it of the types of the interpreter and of its standard library, and of every type that declares its references.
 * Of the others, it {@linkplain MarkFunction works out} what the function would mark, where that is possible.
 */
final class DataReferences {
    private static final int MOST_DECLARED = 1 << 12;
    private static final int LONGEST_NAME = 256;
    /** The functions that mark functions call, as extensions see them. */
    private static final Map<String, Call> CALLED = Map.ofEntries(
            Map.entry("rb_gc_mark", Call.VALUE),
            Map.entry("rb_gc_mark_movable", Call.VALUE),
            Map.entry("rb_gc_mark_maybe", Call.MAYBE),
            Map.entry("rb_gc_mark_locations", Call.LOCATIONS),
            Map.entry("rb_mark_set", Call.KEYS),
            Map.entry("rb_mark_tbl", Call.RECORDS),
            Map.entry("rb_mark_tbl_no_pin", Call.RECORDS),
            Map.entry("rb_mark_hash", Call.ENTRIES));
    /** What mark functions call around that, and need not be followed. */
    private static final List<String> LOCKS = List.of("pthread_mutex_lock", "pthread_mutex_unlock");

    /** What is marked by a type's own function is called by that. */
    private static final String FUNCTION = "dmark";

    private static final Marked UNTYPED = new Marked(Kind.UNKNOWN, ValueFields.at());
    private static final Marked UNTYPED_NOTHING = new Marked(Kind.NOTHING, ValueFields.at());
    private static final Marked UNTYPED_COMPATIBILITY = new Marked(Kind.COMPATIBILITY, ValueFields.at());

    private final Marking mark;
    private final ObjectReader reader;
    private final Reader memory;
    private final ContextReferences contexts;
    private final MarkLayout.Data data;
    private final DataLayout layout;
    private final LongTable known = new LongTable();
    private final StEntries weak;
    private final List<Marked> types = new ArrayList<>();
    private final LongTable wasted = new LongTable();
    private ElfModule interpreter;
    private boolean looked;
    /** What follows mark functions; null before it is needed. */
    private MarkFunction function;

    DataReferences(Marking mark, ContextReferences contexts) {
        this.mark = mark;
        this.reader = mark.reader();
        this.memory = reader.memory();
        this.contexts = contexts;
        this.data = RubyLayout.of(reader.series()).mark().data();
        this.layout = RubyLayout.of(reader.series()).data();
        this.weak = new StEntries(reader);
    }

    /**
     * The module whose types are the interpreter's own: the one that the type of the virtual machine's object lies in.
     */
    private ElfModule interpreter() {
        try {
            RData self = new RData(reader);
            long address = memory.readLong(
                    reader.vm().address() + RubyLayout.of(reader.series()).vm().self());
            if (!reader.find(address, self)) {
                return null;
            }
            long type = self.dataType();
            return reader.vm().target().modules().stream()
                    .filter(module -> module.mappings().stream().anyMatch(mapping -> mapping.contains(type)))
                    .findFirst()
                    .orElse(null);
        } catch (UnmappedAddressException e) {
            return null;
        }
    }

    /** The kind of an object's type. */
    private Marked type(RData slot) {
        if (!slot.typed()) {
            return slot.markFunction() == 0 ? UNTYPED_NOTHING : isCompatibility(slot) ? UNTYPED_COMPATIBILITY : UNTYPED;
        }
        long address = slot.dataType();
        long index = known.get(address, -1);
        if (index < 0) {
            index = types.size();
            types.add(resolve(address));
            known.put(address, index);
        }
        return types.get((int) index);
    }

    /** Whether it is the object with the classes that are dumped as others, {@code compat_allocator_tbl}. Until 3.3. */
    private boolean isCompatibility(RData slot) {
        if (!isInterpreters(slot.markFunction())) {
            return false;
        }
        try {
            StEntries entries = new StEntries(reader).over(slot.data());
            while (entries.next()) {
                // The class, and the one that it is dumped as, which some have not, before two functions.
                if (!reader.isSlot(memory.readLong(entries.record()))
                        || !isInterpreters(memory.readLong(entries.record() + DataLayout.COMPATIBILITY_LOADER))) {
                    return false;
                }
            }
            return true;
        } catch (UnmappedAddressException e) {
            return false;
        }
    }

    private boolean isInterpreters(long address) {
        if (!looked) {
            looked = true;
            interpreter = interpreter();
        }
        return interpreter != null && interpreter.mappings().stream().anyMatch(mapping -> mapping.contains(address));
    }

    private Marked resolve(long address) {
        try {
            long marks = memory.readLong(address + DataLayout.TYPE_MARK);
            String name = memory.readCString(memory.readLong(address + DataLayout.TYPE_NAME), LONGEST_NAME);
            if (marks == 0) {
                return UNTYPED_NOTHING;
            }
            if (layout.declaresMarking()
                    && (memory.readLong(address + DataLayout.TYPE_FLAGS) & DataLayout.DECLARES_MARKING) != 0) {
                return new Marked(Kind.DECLARED, ValueFields.at(declared(marks)));
            }
            Marked found = isInterpreters(address) ? layout.ofInterpreter(name, data) : null;
            return found != null ? found : layout.ofLibrary(name);
        } catch (UnmappedAddressException e) {
            return UNTYPED;
        }
    }

    /** The offsets that a type declares, up to the one that ends them. */
    private int[] declared(long list) {
        int count = 0;
        while (memory.readLong(list + 8L * count) != DataLayout.DECLARED_END) {
            if (++count == MOST_DECLARED) {
                throw new UnmappedAddressException(list, list, 8L * count);
            }
        }
        int[] offsets = new int[count];
        for (int i = 0; i < count; i++) {
            long offset = memory.readLong(list + 8L * i);
            if (offset < 0 || offset > Integer.MAX_VALUE) {
                throw new UnmappedAddressException(list, list, 8L * count);
            }
            offsets[i] = (int) offset;
        }
        return offsets;
    }

    /** Marks what an object refers to. Returns whether that is known. */
    boolean of(RData slot) {
        Marked type = type(slot);
        long at = slot.data();
        if (at == 0) {
            return true;
        }
        switch (type.kind()) {
            case NOTHING -> {}
            case UNKNOWN -> {
                return follow(slot, at);
            }
            case FIELDS, DECLARED -> mark.fields(at, type.fields());
            case WORDS -> {
                ValueFields fields = type.fields();
                for (int i = 0; i < fields.offsets().length; i++) {
                    mark.maybe(fields.names()[i], memory.readLong(at + fields.offsets()[i]));
                }
            }
            case ITSELF -> mark.value("data", at);
            case BLOCK -> contexts.block(at);
            case BINDING -> {
                contexts.block(at);
                mark.at("pathobj", at + DataLayout.BINDING_PATH);
            }
            case THREAD -> contexts.thread(at);
            case FIBER -> contexts.fiber(at);
            case MUTEX -> contexts.mutex(at);
            case SET -> set(at);
            case BOX -> box(at);
            case CALL_CACHES -> callCaches(at);
            case ID_TABLE -> mark.idTable(EdgeLabel.Form.METHOD, at);
            case SHAPES -> shapes();
            case PORT -> {
                long owner = memory.readLong(at);
                if (owner != 0) {
                    mark.at("ractor", owner + ThreadLayout.RACTOR_SELF);
                }
            }
            case CONTINUATION -> contexts.continuation(at);
            case RACTOR -> contexts.ractor(at);
            case BACKTRACE -> backtrace(at);
            case TRACE_POINT -> tracePoint(at);
            case WEAK_MAP -> {
                if (!layout.weakMapsOfPointers()) {
                    mark.at("final", at + DataLayout.WEAK_MAP_FINAL);
                }
            }
            case WEAK_KEYS -> mark.weakKeyed(memory.readLong(at));
            case TABLE_KEYS -> mark.table("", at, true, false);
            case TABLE_VALUES -> mark.table("", at, false, true);
            case DATE -> date(at);
            case DUMP_ARGUMENT -> dumpArgument(at);
            case LOAD_ARGUMENT -> loadArgument(at);
            case EXECUTION -> execution(at);
            case ARRAY_LIST -> {
                mark.at("next", at + DataLayout.LIST_NEXT);
                mark.values(
                        "", memory.readLong(at + DataLayout.LIST_VALUES), memory.readLong(at + DataLayout.LIST_LENGTH));
            }
            case PINNED_LIST -> pinnedList(at);
            case GZIP_FILE -> gzipFile(at);
            case COMPATIBILITY -> {
                StEntries entries = new StEntries(reader).over(at);
                while (entries.next()) {
                    mark.values("compat", entries.record(), 2);
                }
            }
        }
        return true;
    }

    /** Marks what the type's own function would mark. Returns whether that could be made out. */
    private boolean follow(RData slot, long at) {
        long marks = slot.typed() ? memory.readLong(slot.dataType() + DataLayout.TYPE_MARK, 0) : slot.markFunction();
        if (marks == 0 || MarkFunction.hopeless(wasted.get(marks, 0))) {
            return false;
        }
        if (function == null) {
            function = new MarkFunction(
                    reader.vm().target().machine(),
                    CodeMemory.of(memory),
                    called(),
                    new LazyBinding(reader.vm().target(), memory));
        }
        if (!function.call(marks, at)) {
            wasted.put(marks, wasted.get(marks, 0) + function.steps());
            return false;
        }
        for (int i = 0; i < function.count(); i++) {
            long first = function.first(i);
            switch (function.made(i)) {
                case VALUE -> {
                    mark.elements(FUNCTION);
                    mark.numbered(i, first);
                }
                case MAYBE -> {
                    mark.elements(FUNCTION);
                    mark.maybeNumbered(i, first);
                }
                case LOCATIONS -> mark.locations(FUNCTION, first, function.second(i));
                case KEYS -> mark.table(FUNCTION, first, true, false);
                case RECORDS -> mark.table(FUNCTION, first, false, true);
                case ENTRIES -> mark.table(FUNCTION, first, true, true);
                case NOTHING -> {}
            }
        }
        return true;
    }

    private Map<Long, Call> called() {
        Map<Long, Call> called = new HashMap<>();
        if (isInterpreters(0) || interpreter == null) {
            return called;
        }
        CALLED.forEach((name, call) -> interpreter.symbol(name).ifPresent(address -> called.put(address, call)));
        if (!called.isEmpty()) {
            for (ElfModule module : reader.vm().target().modules()) {
                for (String name : LOCKS) {
                    module.exported(name).ifPresent(address -> called.put(address, Call.NOTHING));
                }
            }
        }
        return called;
    }

    private void backtrace(long at) {
        long locations = data.backtraceInline() ? at + data.backtrace() : memory.readLong(at + data.backtrace());
        long size = memory.readInt(at + data.backtraceSize());
        if (size > 0) {
            memory.requireMapped(locations, size, data.locationSize());
            for (long i = 0; i < size; i++) {
                location(locations + i * data.locationSize());
            }
        }
        mark.at("strary", at + data.backtraceTexts());
        mark.at("locary", at + data.backtraceTexts() + Long.BYTES);
    }

    /** C name {@code location_mark_entry}. */
    private void location(long location) {
        if (layout.locationIsValues()) {
            mark.values("location", location, 2);
            return;
        }
        int type = memory.readInt(location);
        // LOCATION_TYPE_ISEQ is 1, before 3.0 LOCATION_TYPE_ISEQ_CALCED 2; later 2 is LOCATION_TYPE_CFUNC, which has
        // one too.
        if (type == 1 || type == 2) {
            mark.at("location", location + DataLayout.LOCATION_CODE);
        }
    }

    private void tracePoint(long at) {
        mark.at("proc", at + DataLayout.TRACE_PROC);
        mark.at("local_target_set", at + DataLayout.TRACE_TARGETS);
        long thread = memory.readLong(at + DataLayout.TRACE_THREAD);
        if (thread != 0) {
            mark.at("target_th", thread + ThreadLayout.SELF);
        }
    }

    /** C name {@code rb_box_t}: a set of classes and variables of its own. Since 4.0. */
    void box(long at) {
        if (at != 0) {
            mark.fields(at, layout.box());
            mark.table("loading_table", memory.readLong(at + DataLayout.BOX_LOADING_TABLE), false, true);
            mark.table("classes", memory.readLong(at + DataLayout.BOX_CLASSES), false, true);
        }
    }

    /** C name {@code mark_cc_entry_i}: the callable methods of a class and the caches of calls to them. Since 4.0. */
    private void callCaches(long at) {
        IdEntries ids = new IdEntries(reader).over(at);
        while (ids.next()) {
            long caches = ids.value();
            int length = memory.readInt(caches + CallCacheLayout.LENGTH);
            long entry = memory.readLong(caches + CallCacheLayout.METHOD);
            if (mark.invalidated(entry)) {
                continue;
            }
            mark.value("cme", entry);
            long entries = caches + CallCacheLayout.ENTRIES;
            memory.requireMapped(entries, length, CallCacheLayout.ENTRY_SIZE);
            mark.elements("entries");
            for (int i = 0; i < length; i++) {
                mark.numbered(
                        i,
                        memory.readLong(entries + (long) CallCacheLayout.ENTRY_SIZE * i + CallCacheLayout.ENTRY_CACHE));
            }
        }
    }

    /** The tables of the shapes that were made from each shape. Since 4.0. */
    private void shapes() {
        Shapes shapes = reader.shapes();
        mark.elements("edges");
        for (int i = 0; i < shapes.count(); i++) {
            mark.numbered(i, shapes.edges(i));
        }
    }

    /** C name {@code set_table}: entries of a hash and a key. Since 4.0. */
    private void set(long at) {
        long index = memory.readLong(at + DataLayout.SET_ENTRIES_START);
        long bound = memory.readLong(at + DataLayout.SET_ENTRIES_BOUND);
        long entries = memory.readLong(at + DataLayout.SET_ENTRIES);
        memory.requireMapped(entries, index < 0 || index > bound ? -1 : bound, DataLayout.SET_ENTRY_SIZE);
        for (; index < bound; index++) {
            if (memory.readLong(entries + index * DataLayout.SET_ENTRY_SIZE) != TableLayout.ST_DELETED) {
                mark.at("{key}", entries + index * DataLayout.SET_ENTRY_SIZE + DataLayout.SET_ENTRY_KEY);
            }
        }
    }

    /**
     * Tells which objects a map knows without keeping them alive: the keys of an {@code ObjectSpace::WeakKeyMap}, keys
     * and values of an {@code ObjectSpace::WeakMap}. Those that are gone are left out.
     */
    void weak(RData slot) {
        Kind kind = type(slot).kind();
        long at = slot.data();
        if (kind != Kind.WEAK_MAP && kind != Kind.WEAK_KEYS || at == 0) {
            return;
        }
        // With two tables, the second leads from keys to values.
        boolean indirect = layout.weakMapsOfPointers();
        weak.over(memory.readLong(at + (indirect ? 0 : DataLayout.WEAK_MAP_SECOND)));
        while (weak.next()) {
            long key = indirect ? memory.readLong(weak.key()) : weak.key();
            if (mark.isObject(key)) {
                mark.weak(EdgeLabel.Form.KEY, key, key);
            }
            if (kind == Kind.WEAK_MAP) {
                long value = indirect ? memory.readLong(weak.record()) : weak.record();
                if (mark.isObject(value)) {
                    mark.weak(EdgeLabel.Form.ENTRY, key, value);
                }
            }
        }
    }

    private void date(long at) {
        mark.at("nth", at + DataLayout.DATE_NTH);
        if ((memory.readInt(at) & DataLayout.DATE_COMPLEX) != 0) {
            mark.at("sf", at + DataLayout.DATE_SF);
        }
    }

    private void dumpArgument(long at) {
        long symbols = memory.readLong(at + DataLayout.DUMP_SYMBOLS);
        if (symbols == 0) {
            return;
        }
        mark.table("symbols", symbols, true, false);
        mark.table("data", memory.readLong(at + DataLayout.DUMP_DATA), true, false);
        mark.table("compat_tbl", memory.readLong(at + DataLayout.DUMP_COMPATIBILITY), true, true);
        if (layout.dumpUserObjects() >= 0) {
            mark.table("userdefs", memory.readLong(at + layout.dumpUserObjects()), true, false);
        }
        mark.at("str", at + DataLayout.DUMP_TEXT);
    }

    private void loadArgument(long at) {
        long symbols = memory.readLong(at + DataLayout.LOAD_SYMBOLS);
        if (symbols == 0) {
            return;
        }
        mark.table("symbols", symbols, false, true);
        mark.table("data", memory.readLong(at + DataLayout.LOAD_DATA), false, true);
        if (layout.loadPartial() >= 0) {
            mark.table("partial_objects", memory.readLong(at + layout.loadPartial()), false, true);
        }
        mark.table("compat_tbl", memory.readLong(at + layout.loadCompatibility()), true, true);
    }

    private void execution(long at) {
        boolean shell = (memory.readInt(at + DataLayout.EXECUTION_FLAGS) & 1) != 0;
        mark.values("use", at, shell ? 1 : 4);
        mark.values("redirect", at + DataLayout.EXECUTION_VALUES, 4);
        mark.fields(at, data.executionArguments());
    }

    /** C name {@code struct pinned_list}. */
    private void pinnedList(long at) {
        long values = at + DataLayout.PINNED_VALUES;
        mark.values("", layout.pinnedInline() ? values : memory.readLong(values), memory.readLong(at));
    }

    /** C name {@code struct gzfile}, which begins with a {@code struct zstream}. */
    private void gzipFile(long at) {
        int stream = layout.zstreamSize();
        mark.values("z", at + DataLayout.GZIP_VALUES, (stream - DataLayout.GZIP_VALUES) / Long.BYTES);
        long own = at + stream + DataLayout.ZSTREAM_REST;
        mark.at("io", own + DataLayout.GZIP_IO);
        mark.at("orig_name", own + DataLayout.GZIP_NAMES);
        mark.at("comment", own + DataLayout.GZIP_NAMES + Long.BYTES);
        mark.values("conversion", own + DataLayout.GZIP_CONVERSION, 2);
    }
}
