// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.layout;

/**
 * What the types of C code hold for objects of type {@code T_DATA}: C name {@code rb_data_type_t}. This knows it of the
 * types of the interpreter and of its standard library, by their names; the fields are of the structures of those.
 *
 * @param version what {@link RubyLayout#version()} is
 * @param declaresMarking whether a type may list its references, with {@link #DECLARES_MARKING}
 * @param embeddable the flag of a type whose data may lie in the slot, or 0
 * @param weakMapsOfPointers whether a weak map has one table, from the address of a key to that of a value
 * @param codeWrapped whether the object for code points to the code with a word, and is not the code itself
 * @param bindingLineShort whether {@code first_lineno} of {@code rb_binding_t} has 16 bits, and not 32
 * @param methodOwner {@code owner} of {@code struct METHOD}, or -1
 * @param methodEntry {@code me} of {@code struct METHOD}
 * @param mutexHolder what holds a mutex
 * @param waiterThread {@code th} of {@code struct sync_waiter}
 * @param waiterNode {@code node} of {@code struct sync_waiter}
 * @param locationIsValues whether a location of a backtrace begins with two values, and not with its type
 * @param dumpUserObjects {@code userdefs} of {@code struct dump_arg} where its keys are marked, or -1
 * @param loadPartial {@code partial_objects} of {@code struct load_arg}, or -1
 * @param loadCompatibility {@code compat_tbl} of {@code struct load_arg}
 * @param pinnedInline whether the values of a {@code struct pinned_list} follow its size, and no pointer to them
 * @param zstreamSize what {@code struct zstream} has before its {@code z_stream}, in bytes
 */
public record DataLayout(
        int version,
        boolean declaresMarking,
        long embeddable,
        boolean weakMapsOfPointers,
        boolean codeWrapped,
        boolean bindingLineShort,
        int methodOwner,
        int methodEntry,
        Holder mutexHolder,
        int waiterThread,
        int waiterNode,
        boolean locationIsValues,
        int dumpUserObjects,
        int loadPartial,
        int loadCompatibility,
        boolean pinnedInline,
        int zstreamSize) {

    /** {@code filename} of {@code struct argf}. */
    public static final int ARGF_FILE_NAME = 0;
    /** {@code last_lineno} of {@code struct argf}. */
    public static final int ARGF_LAST_LINE = 16;
    /** {@code argv} of {@code struct argf}. */
    public static final int ARGF_ARGUMENTS = 32;
    /** {@code inplace} of {@code struct argf}. */
    public static final int ARGF_IN_PLACE = 40;
    /** {@code init_p} of {@code struct argf}, a byte: whether reading began. */
    public static final int ARGF_STARTED = 80;
    /** {@code next_p} of {@code struct argf}, a byte: whether another file is to be opened first. */
    public static final int ARGF_NEXT = 81;

    /** What the first word of {@code rb_mutex_t} is. */
    public enum Holder {
        /** The thread that holds it. */
        THREAD,
        /** The fiber that holds it. */
        FIBER,
        /** The serial number of that fiber; the object of its thread follows. */
        SERIAL
    }

    /** How the references of a type are marked. */
    public enum Kind {
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
        /** A {@code struct rb_block}. */
        BLOCK,
        /** A block, and a value behind it. */
        BINDING,
        /** {@code rb_thread_t}. */
        THREAD,
        /** {@code rb_fiber_t}. */
        FIBER,
        /** {@code rb_mutex_t}. */
        MUTEX,
        /** {@code rb_context_t}. */
        CONTINUATION,
        /** {@code rb_ractor_t}. */
        RACTOR,
        /** {@code rb_backtrace_t}. */
        BACKTRACE,
        /** {@code rb_tp_t}. */
        TRACE_POINT,
        /** The keys of an {@code st_table}. */
        TABLE_KEYS,
        /** The values of an {@code st_table}. */
        TABLE_VALUES,
        /** {@code union DateData}. */
        DATE,
        /** {@code struct dump_arg}. */
        DUMP_ARGUMENT,
        /** {@code struct load_arg}. */
        LOAD_ARGUMENT,
        /** {@code struct rb_execarg}. */
        EXECUTION,
        /** {@code struct pin_array_list}. */
        ARRAY_LIST,
        /** {@code struct pinned_list}. */
        PINNED_LIST,
        /** {@code struct gzfile}. */
        GZIP_FILE,
        /** {@code struct weakmap}. */
        WEAK_MAP,
        /** {@code struct weakkeymap}. */
        WEAK_KEYS,
        /** {@code compat_allocator_tbl}. */
        COMPATIBILITY,
        /** {@code struct set_object}. */
        SET,
        /** {@code rb_box_t}. */
        BOX,
        /** A table of {@code struct rb_class_cc_entries}. */
        CALL_CACHES,
        /** The values of a {@code struct rb_id_table}. */
        ID_TABLE,
        /** {@code rb_shape_tree_t}. */
        SHAPES,
        /** {@code struct ractor_port}. */
        PORT
    }

    /**
     * How a type is marked.
     *
     * @param kind what is marked
     * @param fields the fields, for the kinds that have some
     */
    public record Marked(Kind kind, ValueFields fields) {}

    /** {@code wrap_struct_name} of {@code rb_data_type_t}. */
    public static final int TYPE_NAME = 0;
    /** {@code function.dmark} of {@code rb_data_type_t}, or the list that a type declares. */
    public static final int TYPE_MARK = 8;
    /** {@code function.dsize} of {@code rb_data_type_t}. */
    public static final int TYPE_SIZE = 24;
    /** {@code flags} of {@code rb_data_type_t}. */
    public static final int TYPE_FLAGS = 64;
    /** {@code RUBY_TYPED_DECL_MARKING}. */
    public static final long DECLARES_MARKING = Flags.USER2;
    /** What ends the list that a type declares: {@code RUBY_REF_END}. */
    public static final long DECLARED_END = -1;

    /** {@code as.captured.self}, {@code as.symbol} or {@code as.proc} of a {@code struct rb_block}. */
    public static final int BLOCK_SELF = 0;
    /** {@code as.captured.ep} of a {@code struct rb_block}. */
    public static final int BLOCK_EP = 8;
    /** {@code as.captured.code} of a {@code struct rb_block}. */
    public static final int BLOCK_CODE = 16;
    /** {@code type} of a {@code struct rb_block}, 32 bits. */
    public static final int BLOCK_TYPE = 24;
    /** The size of a {@code struct rb_block}, which {@code rb_proc_t} and {@code rb_binding_t} begin with. */
    public static final int BLOCK_SIZE = 32;
    /** The bits of {@code rb_proc_t}: is_from_method, is_lambda, is_isolated. */
    public static final int PROC_FLAGS = 32;
    /** {@code pathobj} of {@code rb_binding_t}. */
    public static final int BINDING_PATH = 32;
    /** {@code first_lineno} of {@code rb_binding_t}. */
    public static final int BINDING_LINE = 40;
    /** {@code recv} of {@code struct METHOD}. */
    public static final int METHOD_RECEIVER = 0;
    /** {@code klass} of {@code struct METHOD}. */
    public static final int METHOD_CLASS = 8;
    /** {@code thread} of {@code rb_mutex_t} where its fiber is told by a number. */
    public static final int MUTEX_THREAD = 8;
    /** {@code waitq} of {@code rb_mutex_t}, or what goes before it. */
    public static final int MUTEX_WAITING = 16;

    /** The second table of a weak map with two, from keys to values. */
    public static final int WEAK_MAP_SECOND = 8;
    /** {@code final} of a weak map with two. */
    public static final int WEAK_MAP_FINAL = 16;
    /** {@code name} of {@code OnigEncodingType}. */
    public static final int ENCODING_NAME = 8;
    /** {@code ruby_encoding_index} of {@code OnigEncodingType}, 32 bits. */
    public static final int ENCODING_INDEX = 128;

    /** {@code th}, the thread of {@code rb_tp_t}. */
    public static final int TRACE_THREAD = 8;
    /** {@code local_target_set} of {@code rb_tp_t}. */
    public static final int TRACE_TARGETS = 16;
    /** {@code proc} of {@code rb_tp_t}. */
    public static final int TRACE_PROC = 40;
    /** The iseq or method of {@code rb_backtrace_location_t} that begins with its type (32 bits). */
    public static final int LOCATION_CODE = 8;

    /** {@code entries_start} of {@code set_table}, in 4.0. */
    public static final int SET_ENTRIES_START = 24;
    /** {@code entries_bound} of {@code set_table}. */
    public static final int SET_ENTRIES_BOUND = 32;
    /** {@code entries} of {@code set_table}. */
    public static final int SET_ENTRIES = 40;
    /** The size of {@code set_table_entry}: hash and key. */
    public static final int SET_ENTRY_SIZE = 16;
    /** {@code key} of {@code set_table_entry}. */
    public static final int SET_ENTRY_KEY = 8;
    /** {@code MAX_POWER2_FOR_TABLES_WITHOUT_BINS}. */
    public static final int SET_POWER_WITHOUT_BINS = 4;

    /** {@code loading_table} of {@code rb_box_t}. */
    public static final int BOX_LOADING_TABLE = 96;
    /** {@code classext_cow_classes} of {@code rb_box_t}. */
    public static final int BOX_CLASSES = 120;

    /** {@code nth} of {@code union DateData}, which its flags (32 bits) begin. */
    public static final int DATE_NTH = 8;
    /** {@code sf} of a {@code struct ComplexDateData}. */
    public static final int DATE_SF = 40;
    /** {@code COMPLEX_DAT}. */
    public static final int DATE_COMPLEX = 1 << 7;

    /** {@code str} of {@code struct dump_arg}. */
    public static final int DUMP_TEXT = 0;
    /** {@code symbols} of {@code struct dump_arg}. */
    public static final int DUMP_SYMBOLS = 16;
    /** {@code data} of {@code struct dump_arg}. */
    public static final int DUMP_DATA = 24;
    /** {@code compat_tbl} of {@code struct dump_arg}. */
    public static final int DUMP_COMPATIBILITY = 32;
    /** {@code symbols} of {@code struct load_arg}. */
    public static final int LOAD_SYMBOLS = 40;
    /** {@code data} of {@code struct load_arg}. */
    public static final int LOAD_DATA = 48;

    /** {@code use_shell} of {@code struct rb_execarg}, 32 bits. */
    public static final int EXECUTION_FLAGS = 64;
    /** {@code redirect_fds} and others of {@code struct rb_execarg}. */
    public static final int EXECUTION_VALUES = 32;

    /** {@code next} of {@code struct pin_array_list}. */
    public static final int LIST_NEXT = 0;
    /** The values of a {@code struct pinned_list} behind its size, or the pointer to them. */
    public static final int PINNED_VALUES = 8;
    /** {@code len} of {@code struct pin_array_list}. */
    public static final int LIST_LENGTH = 8;
    /** {@code array} of {@code struct pin_array_list}. */
    public static final int LIST_VALUES = 16;

    /** The values at the beginning of {@code struct gzfile}, behind the flags. */
    public static final int GZIP_VALUES = 8;
    /** {@code io} of {@code struct gzfile}, from the end of its {@code struct zstream}. */
    public static final int GZIP_IO = 0;
    /** {@code orig_name} of {@code struct gzfile}, from there, which {@code comment} follows. */
    public static final int GZIP_NAMES = 24;
    /** {@code ecopts} of {@code struct gzfile}, from there, and what follows it. */
    public static final int GZIP_CONVERSION = 96;
    /** The size of a {@code z_stream} and the pointer behind it. */
    public static final int ZSTREAM_REST = 120;

    /** {@code alloc} of {@code compat_allocator_tbl}'s entries, behind {@code newclass} and {@code oldclass}. */
    public static final int COMPATIBILITY_LOADER = 24;

    static DataLayout of(int version) {
        boolean ractors = version >= 300;
        return new DataLayout(
                version,
                version >= 303,
                version >= 303 ? 2 : 0,
                version >= 303,
                version >= 304,
                version < 302,
                version >= 302 ? 24 : -1,
                version >= 302 ? 32 : 24,
                version >= 400 ? Holder.SERIAL : ractors ? Holder.FIBER : Holder.THREAD,
                ractors ? 8 : 0,
                ractors ? 24 : 8,
                version >= 304,
                version >= 303 ? 48 : -1,
                version >= 301 ? 56 : -1,
                version >= 301 ? 72 : 64,
                version >= 302,
                version < 301 ? 24 : 32);
    }

    /**
     * The values of {@code rb_box_t}, in 4.0.
     *
     * @return the fields
     */
    public ValueFields box() {
        return ValueFields.of(
                "box_object top_self load_path load_path_snapshot load_path_check_cache expanded_load_path"
                        + " loaded_features loaded_features_snapshot loaded_features_realpaths"
                        + " loaded_features_realpath_map ruby_dln_libmap gvar_tbl",
                0,
                16,
                24,
                32,
                40,
                48,
                56,
                64,
                72,
                80,
                104,
                112);
    }

    private static Marked fields(int... offsets) {
        return new Marked(Kind.FIELDS, ValueFields.at(offsets));
    }

    private static Marked fields(String names, int... offsets) {
        return new Marked(Kind.FIELDS, ValueFields.of(names, offsets));
    }

    private static Marked of(Kind kind) {
        return new Marked(kind, ValueFields.at());
    }

    /**
     * How a type of the interpreter is marked.
     *
     * @param name the type
     * @param data what differs in some of them
     * @return how, or null if it is none of the interpreter's
     */
    public Marked ofInterpreter(String name, MarkLayout.Data data) {
        return switch (name) {
            case "proc" -> of(Kind.BLOCK);
            case "binding" -> of(Kind.BINDING);
            case "method" -> new Marked(Kind.FIELDS, data.method());
            case "VM/thread" -> of(Kind.THREAD);
            case "mutex" -> of(Kind.MUTEX);
            case "fiber" -> of(Kind.FIBER);
            case "continuation" -> of(Kind.CONTINUATION);
            case "ractor" -> of(Kind.RACTOR);
            case "backtrace" -> of(Kind.BACKTRACE);
            case "frame_info" -> fields(8);
            case "tracepoint" -> of(Kind.TRACE_POINT);
            case "weakmap" -> of(Kind.WEAK_MAP);
            case "weakkeymap" -> of(Kind.WEAK_KEYS);
            case "enumerator" ->
                fields("obj args fib dst lookahead feed_value stop_exc size procs", 0, 16, 24, 32, 40, 48, 56, 64, 72);
            case "producer" -> version < 400 ? fields("init proc", 0, 8) : fields("init proc size", 0, 8, 16);
            case "proc_entry" -> fields("proc memo", 0, 8);
            case "generator" -> fields("proc obj", 0, 8);
            case "autoload_data" -> fields(0, 8);
            case "yielder" -> fields("proc", 0);
            case "chain", "product" -> fields("enums", 0);
            case "random", "random/MT" -> fields("seed", 0);
            case "queue", "sized_queue", "Thread::Queue", "Thread::SizedQueue" -> fields("que", 24);
            case "name_err_mesg" ->
                new Marked(version < 303 ? Kind.WORDS : Kind.FIELDS, ValueFields.of("mesg recv name", 0, 8, 16));
            case "time" -> fields("timew vtm.year vtm.subsecx vtm.utc_offset vtm.zone", 0, 8, 16, 24, 32);
            case "dir" -> fields("path", 8);
            case "ARGF" -> fields("filename current_file argv inplace encs.ecopts", 0, 8, 32, 40, 72);
            case "IO::Buffer" -> fields("source", 24);
            case "thread_shield" -> of(Kind.ITSELF);
            case "T_IMEMO/iseq" -> version < 304 ? of(Kind.ITSELF) : fields(0);
            case "autoload", "autoload_table", "label_wrapper" -> of(Kind.TABLE_VALUES);
            case "VM/cc_table" -> of(Kind.CALL_CACHES);
            case "VM/marked_id_table" -> of(Kind.ID_TABLE);
            case "VM/shape_tree" -> of(Kind.SHAPES);
            case "ractor/port" -> of(Kind.PORT);
            case "ractor/selector", "tmpset", "compiler/labels_wrapper", "memory_view/exported_object_registry" ->
                of(Kind.TABLE_KEYS);
            case "autoload_i" -> new Marked(Kind.FIELDS, data.autoloadFeature());
            case "autoload_const" -> new Marked(Kind.FIELDS, data.autoloadConstant());
            case "dump_arg" -> of(Kind.DUMP_ARGUMENT);
            case "load_arg" -> of(Kind.LOAD_ARGUMENT);
            case "exec_arg" -> of(Kind.EXECUTION);
            case "AST/node" -> fields("ast", 0);
            case "pinned_list" -> of(Kind.PINNED_LIST);
            case "VM/pin_array_list" -> of(Kind.ARRAY_LIST);
            // All that it holds is weak.
            case "VM/concurrent_set" -> of(Kind.NOTHING);
            case "set" -> of(Kind.SET);
            case "Ruby::Box::Entry", "Ruby::Box::Root" -> of(Kind.BOX);
            case "marshal_compat_table" -> of(Kind.COMPATIBILITY);
            // With the compiler that translates to machine code this would be in that compiler's own memory.
            default -> null;
        };
    }

    /**
     * How a type of the standard library is marked.
     *
     * @param name the type
     * @return how, {@link Kind#UNKNOWN} for any other
     */
    public Marked ofLibrary(String name) {
        return switch (name) {
            case "strio" -> fields("string", 0);
            case "StringScanner" -> version < 300 ? fields("str", 8) : fields("str regex", 8, 56);
            case "monitor" -> fields("owner mutex", 8, 16);
            case "Date" -> of(Kind.DATE);
            case "JSON/Parser" -> jsonParser();
            case "JSON/Generator/State" -> fields(0, 8, 16, 24, 32);
            case "zstream" -> version < 301 ? fields("buf input", 8, 16) : fields("buf input mutex", 8, 16, 24);
            case "gzfile" -> of(Kind.GZIP_FILE);
            case "socket/addrinfo" -> fields("inspectname canonname", 0, 8);
            case "ObjectSpace::InternalObjectWrapper" -> of(Kind.ITSELF);
            case "ObjectTracing/allocation_info_tracer" -> fields("newobj_trace freeobj_trace", 8, 16);
            case "fiddle/pointer" ->
                version < 300 ? fields("wrap[0] wrap[1]", 24, 32) : fields("wrap[0] wrap[1]", 32, 40);
            case "fiddle/pinned" -> fields("ptr", 0);
            case "racc/cparse" -> fields(0, 8, 24, 40, 48, 56, 64, 72, 80, 88, 96, 112, 120, 128, 144, 152, 160);
            default -> of(Kind.UNKNOWN);
        };
    }

    private Marked jsonParser() {
        return switch (version) {
            case 207 -> fields(0, 32, 56, 64, 72, 88);
            case 300, 301, 302, 303 -> fields(0, 32, 64, 72, 80, 96);
            default -> of(Kind.UNKNOWN);
        };
    }
}
