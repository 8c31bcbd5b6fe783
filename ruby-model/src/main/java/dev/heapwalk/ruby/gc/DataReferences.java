// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.gc;

import dev.heapwalk.memory.LongTable;
import dev.heapwalk.memory.UnmappedAddressException;
import dev.heapwalk.memory.elf.ElfModule;
import dev.heapwalk.ruby.ObjectReader;
import dev.heapwalk.ruby.layout.Flags;
import dev.heapwalk.ruby.layout.MarkLayout;
import dev.heapwalk.ruby.layout.RubyLayout;
import dev.heapwalk.ruby.layout.TableLayout;
import dev.heapwalk.ruby.layout.ThreadLayout;
import dev.heapwalk.ruby.object.RData;
import dev.heapwalk.ruby.object.Shapes;
import dev.heapwalk.ruby.table.IdEntries;
import dev.heapwalk.ruby.table.StEntries;
import java.util.ArrayList;
import java.util.List;

/**
 * The references of objects whose data C code holds. What a type refers to only its {@code dmark} function knows; this
 * knows it of the types of the interpreter and of its standard library, and of every type that declares its references.
 */
final class DataReferences {
    /** How a type is marked. */
    enum Kind {
        /** It refers to nothing. */
        NOTHING,
        /** Nobody but its own code knows. */
        UNKNOWN,
        /** Values at some offsets. */
        FIELDS,
        /** Words at some offsets that may be references. */
        WORDS,
        /** The data is itself the reference. */
        ITSELF,
        /** The type tells the offsets of its values: {@code RUBY_TYPED_DECL_MARKING}. */
        DECLARED,
        BLOCK,
        BINDING,
        THREAD,
        FIBER,
        MUTEX,
        CONTINUATION,
        RACTOR,
        BACKTRACE,
        TRACE_POINT,
        TABLE_KEYS,
        TABLE_VALUES,
        DATE,
        DUMP_ARGUMENT,
        LOAD_ARGUMENT,
        EXECUTION,
        ARRAY_LIST,
        GZIP_FILE,
        WEAK_KEYS,
        COMPATIBILITY,
        SET,
        BOX,
        CALL_CACHES,
        ID_TABLE,
        SHAPES,
        PORT
    }

    private record Type(Kind kind, int[] offsets, String name) {}

    /** {@code rb_data_type_t.function.dmark}. */
    private static final int MARK = 8;
    /** {@code rb_data_type_t.flags}. */
    private static final int FLAGS = 64;

    private static final long DECLARED = Flags.USER2;
    private static final int MOST_DECLARED = 1 << 12;
    private static final int LONGEST_NAME = 256;
    private static final int[] FIRST = {0};
    /** The values of a {@code rb_box_t}. */
    private static final int[] BOX = {0, 16, 24, 32, 40, 48, 56, 64, 72, 80, 104, 112};
    /** {@code loading_table} of a {@code rb_box_t}. */
    private static final int BOX_LOADING_TABLE = 96;
    /** {@code classext_cow_classes} of a {@code rb_box_t}. */
    private static final int BOX_CLASSES = 120;
    /** {@code set_table_entry}. */
    private static final int SET_ENTRY = 16;

    private static final Type UNTYPED = new Type(Kind.UNKNOWN, null, null);
    private static final Type UNTYPED_NOTHING = new Type(Kind.NOTHING, null, null);
    private static final Type UNTYPED_COMPATIBILITY = new Type(Kind.COMPATIBILITY, null, null);

    private final Marking mark;
    private final ObjectReader reader;
    private final ContextReferences contexts;
    private final MarkLayout.Data data;
    private final int version;
    private final LongTable known = new LongTable();
    private final List<Type> types = new ArrayList<>();
    private ElfModule interpreter;
    private boolean looked;

    DataReferences(Marking mark, ContextReferences contexts) {
        this.mark = mark;
        this.reader = mark.reader();
        this.contexts = contexts;
        this.data = RubyLayout.of(reader.series()).mark().data();
        this.version = RubyLayout.of(reader.series()).version();
    }

    /**
     * The module whose types are the interpreter's own: the one that the type of the virtual machine's object lies in.
     */
    private ElfModule interpreter() {
        try {
            RData self = reader.at(
                    reader.word(reader.vm().address()
                            + RubyLayout.of(reader.series()).vm().self()),
                    new RData(reader));
            if (self == null) {
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
    private Type type(RData slot) {
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
                if (!reader.isSlot(reader.word(entries.record()))
                        || !isInterpreters(reader.word(entries.record() + 24))) {
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

    private Type resolve(long address) {
        try {
            long marks = reader.word(address + MARK);
            String name = reader.cString(reader.word(address), LONGEST_NAME);
            if (marks == 0) {
                return new Type(Kind.NOTHING, null, name);
            }
            if (version >= 303 && (reader.word(address + FLAGS) & DECLARED) != 0) {
                return new Type(Kind.DECLARED, declared(marks), name);
            }
            Type found = isInterpreters(address) ? interpreterType(name) : null;
            return found != null ? found : library(name);
        } catch (UnmappedAddressException e) {
            return UNTYPED;
        }
    }

    /** The offsets that a type declares, up to the one that ends them. */
    private int[] declared(long list) {
        int count = 0;
        while (reader.word(list + 8L * count) != -1) {
            if (++count == MOST_DECLARED) {
                throw new UnmappedAddressException(list, list, 8L * count);
            }
        }
        int[] offsets = new int[count];
        for (int i = 0; i < count; i++) {
            long offset = reader.word(list + 8L * i);
            if (offset < 0 || offset > Integer.MAX_VALUE) {
                throw new UnmappedAddressException(list, list, 8L * count);
            }
            offsets[i] = (int) offset;
        }
        return offsets;
    }

    private static Type fields(String name, int... offsets) {
        return new Type(Kind.FIELDS, offsets, name);
    }

    private static Type of(Kind kind, String name) {
        return new Type(kind, null, name);
    }

    private Type interpreterType(String name) {
        return switch (name) {
            case "proc" -> of(Kind.BLOCK, name);
            case "binding" -> of(Kind.BINDING, name);
            case "method" -> fields(name, data.method());
            case "VM/thread" -> of(Kind.THREAD, name);
            case "mutex" -> of(Kind.MUTEX, name);
            case "fiber" -> of(Kind.FIBER, name);
            case "continuation" -> of(Kind.CONTINUATION, name);
            case "ractor" -> of(Kind.RACTOR, name);
            case "backtrace" -> of(Kind.BACKTRACE, name);
            case "frame_info" -> fields(name, 8);
            case "tracepoint" -> of(Kind.TRACE_POINT, name);
            // Since 3.3 all that it holds is weak.
            case "weakmap" -> version < 303 ? fields(name, 16) : of(Kind.NOTHING, name);
            case "weakkeymap" -> of(Kind.WEAK_KEYS, name);
            case "enumerator" -> fields(name, 0, 16, 24, 32, 40, 48, 56, 64, 72);
            case "producer" -> version < 400 ? fields(name, 0, 8) : fields(name, 0, 8, 16);
            case "proc_entry", "generator", "autoload_data" -> fields(name, 0, 8);
            case "yielder", "chain", "product", "random", "random/MT" -> fields(name, FIRST);
            case "queue", "sized_queue", "Thread::Queue", "Thread::SizedQueue" -> fields(name, 24);
            case "name_err_mesg" ->
                version < 303 ? new Type(Kind.WORDS, new int[] {0, 8, 16}, name) : fields(name, 0, 8, 16);
            case "time" -> fields(name, 0, 8, 16, 24, 32);
            case "dir" -> fields(name, 8);
            case "ARGF" -> fields(name, 0, 8, 32, 40, 72);
            case "IO::Buffer" -> fields(name, 24);
            case "thread_shield" -> of(Kind.ITSELF, name);
            case "T_IMEMO/iseq" -> version < 304 ? of(Kind.ITSELF, name) : fields(name, FIRST);
            case "autoload", "autoload_table", "label_wrapper" -> of(Kind.TABLE_VALUES, name);
            case "VM/cc_table" -> of(Kind.CALL_CACHES, name);
            case "VM/marked_id_table" -> of(Kind.ID_TABLE, name);
            case "VM/shape_tree" -> of(Kind.SHAPES, name);
            case "ractor/port" -> of(Kind.PORT, name);
            case "ractor/selector", "tmpset", "compiler/labels_wrapper", "memory_view/exported_object_registry" ->
                of(Kind.TABLE_KEYS, name);
            case "autoload_i" -> fields(name, data.autoloadFeature());
            case "autoload_const" -> fields(name, data.autoloadConstant());
            case "dump_arg" -> of(Kind.DUMP_ARGUMENT, name);
            case "load_arg" -> of(Kind.LOAD_ARGUMENT, name);
            case "exec_arg" -> of(Kind.EXECUTION, name);
            case "AST/node" -> fields(name, FIRST);
            case "pinned_list" -> of(Kind.ARRAY_LIST, name);
            case "VM/pin_array_list" -> of(Kind.ARRAY_LIST, name);
            // All that it holds is weak.
            case "VM/concurrent_set" -> of(Kind.NOTHING, name);
            case "set" -> of(Kind.SET, name);
            case "Ruby::Box::Entry", "Ruby::Box::Root" -> of(Kind.BOX, name);
            case "marshal_compat_table" -> of(Kind.COMPATIBILITY, name);
            // With the compiler that translates to machine code this would be in that compiler's own memory.
            default -> null;
        };
    }

    private Type library(String name) {
        return switch (name) {
            case "strio" -> fields(name, FIRST);
            case "StringScanner" -> version < 300 ? fields(name, 8) : fields(name, 8, 56);
            case "monitor" -> fields(name, 8, 16);
            case "Date" -> of(Kind.DATE, name);
            case "JSON/Parser" -> jsonParser(name);
            case "JSON/Generator/State" -> fields(name, 0, 8, 16, 24, 32);
            case "zstream" -> version < 301 ? fields(name, 8, 16) : fields(name, 8, 16, 24);
            case "gzfile" -> of(Kind.GZIP_FILE, name);
            case "socket/addrinfo" -> fields(name, 0, 8);
            case "ObjectSpace::InternalObjectWrapper" -> of(Kind.ITSELF, name);
            case "ObjectTracing/allocation_info_tracer" -> fields(name, 8, 16);
            case "fiddle/pointer" -> version < 300 ? fields(name, 24, 32) : fields(name, 32, 40);
            case "fiddle/pinned" -> fields(name, FIRST);
            case "racc/cparse" -> fields(name, 0, 8, 24, 40, 48, 56, 64, 72, 80, 88, 96, 112, 120, 128, 144, 152, 160);
            default -> of(Kind.UNKNOWN, name);
        };
    }

    private Type jsonParser(String name) {
        return switch (version) {
            case 207 -> fields(name, 0, 32, 56, 64, 72, 88);
            case 300, 301, 302, 303 -> fields(name, 0, 32, 64, 72, 80, 96);
            default -> of(Kind.UNKNOWN, name);
        };
    }

    /** Marks what an object refers to. Returns whether that is known. */
    boolean of(RData slot) {
        Type type = type(slot);
        long at = slot.data();
        if (at == 0) {
            return true;
        }
        switch (type.kind()) {
            case NOTHING -> {}
            case UNKNOWN -> {
                return false;
            }
            case FIELDS, DECLARED -> mark.fields(at, type.offsets());
            case WORDS -> {
                for (int offset : type.offsets()) {
                    mark.maybe(reader.word(at + offset));
                }
            }
            case ITSELF -> mark.value(at);
            case BLOCK -> contexts.block(at);
            case BINDING -> {
                contexts.block(at);
                mark.at(at + 32);
            }
            case THREAD -> contexts.thread(at);
            case FIBER -> contexts.fiber(at);
            case MUTEX -> contexts.mutex(at);
            case SET -> set(at);
            case BOX -> box(at);
            case CALL_CACHES -> callCaches(at);
            case ID_TABLE -> mark.idTable(at);
            case SHAPES -> shapes();
            case PORT -> {
                long owner = reader.word(at);
                if (owner != 0) {
                    mark.at(owner + ThreadLayout.RACTOR_SELF);
                }
            }
            case CONTINUATION -> contexts.continuation(at);
            case RACTOR -> contexts.ractor(at);
            case BACKTRACE -> backtrace(at);
            case TRACE_POINT -> tracePoint(at);
            case WEAK_KEYS -> mark.table(reader.word(at), false, true);
            case TABLE_KEYS -> mark.table(at, true, false);
            case TABLE_VALUES -> mark.table(at, false, true);
            case DATE -> date(at);
            case DUMP_ARGUMENT -> dumpArgument(at);
            case LOAD_ARGUMENT -> loadArgument(at);
            case EXECUTION -> execution(at);
            case ARRAY_LIST -> arrayList(at, type.name());
            case GZIP_FILE -> gzipFile(at);
            case COMPATIBILITY -> {
                StEntries entries = new StEntries(reader).over(at);
                while (entries.next()) {
                    mark.values(entries.record(), 2);
                }
            }
        }
        return true;
    }

    private void backtrace(long at) {
        long locations = data.backtraceInline() ? at + data.backtrace() : reader.word(at + data.backtrace());
        long size = reader.half(at + data.backtraceSize());
        if (size > 0) {
            reader.requireMapped(locations, size, data.locationSize());
            for (long i = 0; i < size; i++) {
                location(locations + i * data.locationSize());
            }
        }
        mark.values(at + data.backtraceTexts(), 2);
    }

    /** C name {@code location_mark_entry}. */
    private void location(long location) {
        if (version >= 304) {
            mark.values(location, 2);
            return;
        }
        int type = reader.half(location);
        // LOCATION_TYPE_ISEQ is 1, before 3.0 LOCATION_TYPE_ISEQ_CALCED 2; later 2 is LOCATION_TYPE_CFUNC, which has
        // one too.
        if (type == 1 || type == 2) {
            mark.at(location + 8);
        }
    }

    private void tracePoint(long at) {
        mark.at(at + 40);
        mark.at(at + 16);
        long thread = reader.word(at + 8);
        if (thread != 0) {
            mark.at(thread + ThreadLayout.SELF);
        }
    }

    /** C name {@code rb_box_t}: a set of classes and variables of its own. Since 4.0. */
    void box(long at) {
        if (at != 0) {
            mark.fields(at, BOX);
            mark.table(reader.word(at + BOX_LOADING_TABLE), false, true);
            mark.table(reader.word(at + BOX_CLASSES), false, true);
        }
    }

    /** C name {@code mark_cc_entry_i}: the callable methods of a class and the caches of calls to them. Since 4.0. */
    private void callCaches(long at) {
        IdEntries ids = new IdEntries(reader).over(at);
        while (ids.next()) {
            // struct rb_class_cc_entries: capa, len, cme, and for each cache two numbers and its address.
            long caches = ids.value();
            int length = reader.half(caches + 4);
            long entry = reader.word(caches + 8);
            if (mark.invalidated(entry)) {
                continue;
            }
            mark.value(entry);
            reader.requireMapped(caches + 16, length, 16);
            for (int i = 0; i < length; i++) {
                mark.at(caches + 24 + 16L * i);
            }
        }
    }

    /** The tables of the shapes that were made from each shape. Since 4.0. */
    private void shapes() {
        Shapes shapes = reader.shapes();
        for (int i = 0; i < shapes.count(); i++) {
            mark.value(shapes.edges(i));
        }
    }

    /** C name {@code set_table}: entries of a hash and a key. Since 4.0. */
    private void set(long at) {
        long index = reader.word(at + 24);
        long bound = reader.word(at + 32);
        long entries = reader.word(at + 40);
        reader.requireMapped(entries, index < 0 || index > bound ? -1 : bound, SET_ENTRY);
        for (; index < bound; index++) {
            if (reader.word(entries + index * SET_ENTRY) != TableLayout.ST_DELETED) {
                mark.at(entries + index * SET_ENTRY + 8);
            }
        }
    }

    private void date(long at) {
        mark.at(at + 8);
        // COMPLEX_DAT
        if ((reader.half(at) & 1 << 7) != 0) {
            mark.at(at + 40);
        }
    }

    private void dumpArgument(long at) {
        long symbols = reader.word(at + 16);
        if (symbols == 0) {
            return;
        }
        mark.table(symbols, true, false);
        mark.table(reader.word(at + 24), true, false);
        mark.table(reader.word(at + 32), true, true);
        if (version >= 303) {
            mark.table(reader.word(at + 48), true, false);
        }
        mark.at(at);
    }

    private void loadArgument(long at) {
        long symbols = reader.word(at + 40);
        if (symbols == 0) {
            return;
        }
        mark.table(symbols, false, true);
        mark.table(reader.word(at + 48), false, true);
        if (version >= 301) {
            mark.table(reader.word(at + 56), false, true);
        }
        mark.table(reader.word(at + (version >= 301 ? 72 : 64)), true, true);
    }

    private void execution(long at) {
        boolean shell = (reader.half(at + 64) & 1) != 0;
        mark.values(at, shell ? 1 : 4);
        mark.values(at + 32, 4);
        mark.fields(at, data.executionArguments());
    }

    /** C names {@code struct pinned_list} and {@code struct pin_array_list}. */
    private void arrayList(long at, String name) {
        if ("pinned_list".equals(name)) {
            long size = reader.word(at);
            mark.values(version < 302 ? reader.word(at + 8) : at + 8, size);
        } else {
            mark.at(at);
            mark.values(reader.word(at + 16), reader.word(at + 8));
        }
    }

    /** C name {@code struct gzfile}, which begins with a {@code struct zstream}. */
    private void gzipFile(long at) {
        int stream = version < 301 ? 24 : 32;
        mark.values(at + 8, stream / 8 - 1);
        // struct zstream: its values, a z_stream of 112 bytes and a pointer.
        long own = at + stream + 120;
        mark.at(own);
        mark.values(own + 24, 2);
        mark.values(own + 96, 2);
    }
}
