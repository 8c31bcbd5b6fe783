// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.layout;

/**
 * What the garbage collector marks in the structures of the interpreter, and where that lies as far as no other layout
 * tells it.
 *
 * @param iseq compiled code
 * @param context the fields of an execution context that are marked as they are: C name {@code rb_execution_context_t}
 * @param thread a thread
 * @param ractor a ractor
 * @param machine the virtual machine
 * @param data objects whose data C code holds
 * @param sparesGarbage whether a word that may be a reference is none if what lies there is to be swept
 * @param symbolsAreRoots whether the table of symbols is a root of its own
 * @param finalizersDumped whether {@code ObjectSpace.dump_all} lists the finalizers as a root
 */
public record MarkLayout(
        Iseq iseq,
        ValueFields context,
        Thread thread,
        Ractor ractor,
        Machine machine,
        Data data,
        boolean sparesGarbage,
        boolean symbolsAreRoots,
        boolean finalizersDumped) {

    /**
     * C name {@code struct rb_iseq_constant_body}.
     *
     * @param values the fields that are marked as they are
     * @param catchTable {@code catch_table}
     * @param inlineStorage {@code is_entries}
     * @param inlineStorageSize the size of {@code union iseq_inline_storage_entry}
     * @param inlineCounts {@code is_size} until 3.1, later {@code ic_size}, which {@code ise_size}, {@code ivc_size}
     *     and {@code icvarc_size} follow; all have 32 bits
     * @param callData {@code call_data}
     * @param callCount {@code ci_size}, 32 bits
     * @param markBits {@code mark_bits}, or -1 where the code itself has to be searched
     */
    public record Iseq(
            ValueFields values,
            int catchTable,
            int inlineStorage,
            int inlineStorageSize,
            int inlineCounts,
            int callData,
            int callCount,
            int markBits) {
        /** {@code ci_kw_size}, from {@code callCount}, in 2.7. */
        public static final int KEYWORD_CALL_COUNT = 4;
        /** {@code ise_size}, from {@code inlineCounts}. */
        public static final int ONCE_COUNT = 4;
        /** {@code ivc_size}, from {@code inlineCounts}. */
        public static final int IVAR_COUNT = 8;
        /** {@code icvarc_size}, from {@code inlineCounts}. */
        public static final int CLASS_VARIABLE_COUNT = 12;
    }

    /**
     * C name {@code rb_thread_t}.
     *
     * @param values the fields that are marked as they are
     * @param marksContext whether the context is marked even if its fiber is an object, until 3.1
     */
    public record Thread(ValueFields values, boolean marksContext) {}

    /**
     * C name {@code rb_ractor_t}.
     *
     * @param values the fields that are marked as they are
     * @param queues the queues of baskets, which are not to be changed; none in 4.0
     * @param basketSize the size of a basket
     * @param basketSender {@code sender} of a basket
     * @param basketValue {@code v} of a basket
     * @param localStorage {@code local_storage}; {@code idkey_local_storage} follows it
     * @param runningContext {@code threads.running_ec}
     * @param typedBaskets whether the type of a basket tells if it holds a value
     * @param targetedHooks {@code pub.targeted_hooks}, or -1 before 4.0
     */
    public record Ractor(
            ValueFields values,
            int[] queues,
            int basketSize,
            int basketSender,
            int basketValue,
            int localStorage,
            int runningContext,
            boolean typedBaskets,
            int targetedHooks) {
        /** {@code verbose}, behind {@code r_stderr}. */
        public static final int VERBOSE = 8;
        /** {@code debug}, behind {@code r_stderr}. */
        public static final int DEBUG = 16;
        /** {@code pub.hooks}. */
        public static final int HOOKS = 16;
        /** {@code basket_type_deleted}; what comes after it is none that holds a value either. */
        public static final int BASKET_DELETED = 5;
        /** {@code start} of a queue of baskets (32 bits), behind the pointer to them. */
        public static final int QUEUE_START = 8;
        /** {@code cnt} of a queue of baskets, 32 bits. */
        public static final int QUEUE_COUNT = 12;
        /** {@code size} of a queue of baskets, 32 bits. */
        public static final int QUEUE_SIZE = 16;
    }

    /**
     * C name {@code rb_vm_t}. In some versions a field was added between two patch levels; the object space tells how
     * far the fields behind it have moved.
     *
     * @param values the fields that are marked as they are, before any that moved
     * @param laterValues those that are as far from the object space as the hints
     * @param loadingTable {@code loading_table}, -1 in 4.0
     * @param addedBehindLoading how many bytes some patch levels added between that and the object space, and not
     *     before it, or -1 if they added nothing at all
     * @param definedModules {@code defined_module_hash}, or -1 since 3.4
     * @param globalHooks {@code global_hooks}, or -1 from 3.0 to 3.4
     * @param negativeEntries {@code negative_cme_table}, or -1 in 2.7
     * @param overloadedEntries {@code overloaded_cme_table}, or -1 before 3.1
     * @param callCaches {@code global_cc_cache_table}, or -1 before 3.0.1
     * @param runningThread {@code running_thread}, or -1 since 3.0
     * @param boxes {@code root_box}, which {@code main_box} follows, or -1 before 4.0
     */
    public record Machine(
            ValueFields values,
            ValueFields laterValues,
            int loadingTable,
            int addedBehindLoading,
            int definedModules,
            int globalHooks,
            int negativeEntries,
            int overloadedEntries,
            int callCaches,
            int runningThread,
            int boxes) {
        /** How far {@code progname} is behind {@code orig_progname}. */
        public static final int PROGRAM_NAME = 8;
        /** {@code RUBY_NSIG}. */
        public static final int SIGNALS = 65;
        /** {@code coverage_mode} (32 bits), behind the last of the later values. */
        public static final int COVERAGE_MODE = 8;
        /** {@code VM_GLOBAL_CC_CACHE_TABLE_SIZE}. */
        public static final int CALL_CACHES = 1023;
    }

    /**
     * Objects whose data C code holds, and the like.
     *
     * @param io the fields of {@code rb_io_t} that are marked
     * @param method those of {@code struct METHOD}
     * @param autoloadConstant those of {@code struct autoload_const}
     * @param autoloadFeature those of {@code struct autoload_data}, {@code struct autoload_data_i} before 3.2
     * @param backtrace {@code backtrace} of {@code rb_backtrace_t}
     * @param backtraceInline whether the locations follow there, and not behind a pointer
     * @param backtraceSize {@code backtrace_size}, 32 bits
     * @param backtraceTexts {@code strary}; {@code locary} follows it
     * @param locationSize the size of {@code rb_backtrace_location_t}
     * @param executionArguments the fields of {@code struct rb_execarg} behind {@code redirect_fds} that are marked
     */
    public record Data(
            ValueFields io,
            ValueFields method,
            ValueFields autoloadConstant,
            ValueFields autoloadFeature,
            int backtrace,
            boolean backtraceInline,
            int backtraceSize,
            int backtraceTexts,
            int locationSize,
            ValueFields executionArguments) {}

    static MarkLayout of(int edition, int version) {
        return new MarkLayout(
                iseq(edition, version),
                context(version),
                thread(version),
                ractor(version),
                machine(edition, version),
                data(version),
                version >= 304,
                version >= 400,
                version < 304);
    }

    private static Iseq iseq(int edition, int version) {
        String names = "coverage pc2branchindex script_lines label base_label pathobj mandatory_only_iseq parent_iseq";
        String later = "coverage pc2branchindex script_lines label base_label pathobj local_iseq parent_iseq"
                + " mandatory_only_iseq";
        ValueFields values = switch (version) {
            case 207, 300 ->
                of("coverage pc2branchindex label base_label pathobj parent_iseq", 208, 216, 80, 72, 64, 168);
            case 301 -> of(names, 216, 224, 208, 80, 72, 64, 272, 168);
            case 302 -> of(names, 208, 216, 200, 80, 72, 64, 280, 160);
            case 303 -> of(later, 208, 216, 200, 80, 72, 64, 168, 160, 280);
            case 304 -> of(later, 208, 216, 200, 80, 72, 64, 168, 160, 288);
            default -> of(later, 216, 224, 208, 80, 72, 64, 176, 168, 296);
        };
        return switch (edition) {
            case 207, RubyLayout.FIRST_300 -> new Iseq(values, 160, 184, 24, 236, 192, 240, -1);
            case 300 -> new Iseq(values, 160, 184, 16, 236, 192, 240, -1);
            case 301 -> new Iseq(values, 160, 184, 16, 244, 192, 248, -1);
            case 302, RubyLayout.FIRST_302, 303, RubyLayout.SECOND_303, RubyLayout.FIRST_303 ->
                new Iseq(values, 152, 176, 16, 236, 184, 252, 264);
            case 304 -> new Iseq(values, 152, 176, 16, 236, 184, 252, 272);
            default -> new Iseq(values, 160, 184, 16, 244, 192, 260, 280);
        };
    }

    private static ValueFields context(int version) {
        String names = "errinfo root_svar local_storage_recursive_hash local_storage_recursive_hash_for_trace"
                + " private_const_reference";
        return switch (version) {
            case 207, 300 -> of(names, 120, 96, 72, 80, 144);
            case 301 -> of(names, 112, 88, 64, 72, 136);
            case 302, 303 -> of(names + " storage", 120, 96, 64, 72, 144, 80);
            case 304 -> of(names + " storage", 112, 96, 64, 72, 136, 80);
            default -> of(names + " storage", 128, 112, 80, 88, 152, 96);
        };
    }

    private static Thread thread(int version) {
        String first = "thgroup value pending_interrupt_queue pending_interrupt_mask_stack top_self top_wrapper ";
        String names = first + "stat_insn_usage last_status locking_mutex name";
        String scheduled = names + " scheduler";
        return switch (version) {
            case 207 -> new Thread(of(names, 160, 168, 176, 184, 56, 64, 304, 40, 248, 360), true);
            case 300 -> new Thread(of(scheduled, 168, 176, 184, 192, 64, 72, 312, 48, 256, 384, 368), true);
            case 301 -> new Thread(of(scheduled, 176, 184, 192, 200, 64, 72, 320, 48, 264, 352, 336), true);
            case 302 -> new Thread(of(scheduled, 128, 136, 144, 152, 96, 104, 272, 80, 216, 304, 288), false);
            case 303 -> new Thread(of(scheduled, 256, 264, 272, 280, 224, 232, 400, 208, 344, 432, 416), false);
            case 304 -> new Thread(of(scheduled, 256, 264, 272, 280, 224, 232, 416, 208, 344, 448, 432), false);
            default ->
                new Thread(
                        of(
                                first + "last_status locking_mutex name scheduler",
                                264,
                                272,
                                280,
                                288,
                                232,
                                240,
                                216,
                                352,
                                448,
                                432),
                        false);
        };
    }

    private static Ractor ractor(int version) {
        boolean typed = version == 303 || version == 304;
        int hooks = version >= 400 ? 40 : -1;
        String streams = "loc name r_stdin r_stdout r_stderr";
        return switch (version) {
            case 207 -> new Ractor(of(""), queues(), 0, 0, 0, -1, -1, typed, hooks);
            case 300, 301, 302 ->
                new Ractor(
                        of("- - - - - " + streams, 200, 208, 224, 232, 240, 552, 544, 600, 608, 616),
                        queues(128),
                        24,
                        16,
                        8,
                        584,
                        520,
                        typed,
                        hooks);
            case 303 ->
                new Ractor(
                        of("- " + streams, 200, 416, 408, 464, 472, 480),
                        queues(88, 120),
                        32,
                        8,
                        16,
                        448,
                        384,
                        typed,
                        hooks);
            case 304 ->
                new Ractor(
                        of("- " + streams + " -", 200, 416, 408, 472, 480, 488, 464),
                        queues(88, 120),
                        32,
                        8,
                        16,
                        448,
                        384,
                        typed,
                        hooks);
            default ->
                new Ractor(
                        of(streams + " verbose debug -", 344, 336, 408, 416, 424, 432, 440, 120),
                        queues(),
                        0,
                        0,
                        0,
                        384,
                        312,
                        typed,
                        hooks);
        };
    }

    private static int[] queues(int... offsets) {
        return offsets;
    }

    private static Machine machine(int edition, int version) {
        int callCaches = callCaches(edition);
        boolean before = edition == RubyLayout.FIRST_303;
        String first = "load_path load_path_snapshot load_path_check_cache expanded_load_path loaded_features"
                + " loaded_features_snapshot ";
        String real = first + "loaded_features_realpaths ";
        String map = real + "loaded_features_realpath_map top_self";
        String later = "orig_progname coverages me2counter";
        return switch (version) {
            case 207 ->
                new Machine(
                        of("thgroup_default " + first + "top_self", 328, 408, 416, 424, 432, 440, 448, 400),
                        of("orig_progname coverages", 1112, 1128),
                        464,
                        -1,
                        1144,
                        992,
                        -1,
                        -1,
                        -1,
                        200,
                        -1);
            case 300 ->
                new Machine(
                        of(first + "top_self", 384, 392, 400, 408, 416, 424, 376),
                        of("orig_progname coverages", 1048, 1064),
                        440,
                        -1,
                        1080,
                        -1,
                        1136,
                        -1,
                        callCaches,
                        -1,
                        -1);
            case 301 ->
                new Machine(
                        of(real + "top_self", 384, 392, 400, 408, 416, 424, 432, 376),
                        of(later, 1056, 1072, 1080),
                        448,
                        0,
                        1096,
                        -1,
                        1144,
                        1152,
                        callCaches,
                        -1,
                        -1);
            case 302 ->
                new Machine(
                        of(map, 408, 416, 424, 432, 440, 448, 456, 464, 400),
                        of(later, 1096, 1112, 1120),
                        480,
                        8,
                        1136,
                        -1,
                        1184,
                        1192,
                        callCaches,
                        -1,
                        -1);
            case 303 ->
                new Machine(
                        of(map, 568, 576, 584, 592, 600, 608, 616, 624, 560),
                        of(later, 1256, 1272, 1280),
                        640,
                        -1,
                        1296,
                        -1,
                        before ? 1344 : 1352,
                        before ? 1352 : 1360,
                        callCaches,
                        -1,
                        -1);
            case 304 ->
                new Machine(
                        of(map, 576, 584, 592, 600, 608, 616, 624, 632, 568),
                        of(later, 1256, 1272, 1280),
                        648,
                        -1,
                        -1,
                        -1,
                        1344,
                        1352,
                        callCaches,
                        -1,
                        -1);
            default ->
                new Machine(of(""), of(later, 1208, 1224, 1232), -1, -1, -1, 1112, 1288, 1296, callCaches, -1, 568);
        };
    }

    /** {@code global_cc_cache_table}. */
    private static int callCaches(int edition) {
        return switch (edition) {
            case 207, RubyLayout.FIRST_300 -> -1;
            case 300 -> 1144;
            case 301 -> 1160;
            case RubyLayout.FIRST_302 -> 1208;
            case 302 -> 1216;
            case RubyLayout.FIRST_303 -> 1368;
            case RubyLayout.SECOND_303 -> 1376;
            case 303, 304 -> 1384;
            default -> 1336;
        };
    }

    private static Data data(int version) {
        boolean ractors = version >= 300;
        boolean newer = version >= 302;
        String streams = "pathv tied_io_for_writing writeconv_asciicompat writeconv_pre_ecopts encs.ecopts write_lock";
        ValueFields io = switch (version) {
            case 207 -> of(streams, 24, 80, 160, 176, 112, 184);
            case 300, 301 -> of("self " + streams, 0, 32, 88, 168, 184, 120, 192);
            default -> of("self " + streams + " timeout", 0, 32, 88, 168, 184, 120, 192, 200);
        };
        return new Data(
                io,
                newer ? of("recv klass iclass owner me", 0, 8, 16, 24, 32) : of("recv klass iclass me", 0, 8, 16, 24),
                version >= 400
                        ? ValueFields.at(32, 16, 48, 64, 24)
                        : newer ? ValueFields.at(24, 16, 40, 56) : ValueFields.at(16, 24, 32, 40),
                newer ? of("feature mutex", 0, 8) : of("feature", 0),
                version >= 303 ? 24 : 0,
                version >= 303,
                version >= 303 ? 0 : ractors ? 8 : 16,
                version >= 303 ? 8 : ractors ? 16 : 24,
                version <= 300 || version >= 304 ? 24 : 32,
                ractors
                        ? ValueFields.at(96, 120, 128, 136, 144, 152, 160, 168)
                        : ValueFields.at(88, 112, 120, 128, 136, 144, 152, 160));
    }

    private static ValueFields of(String names, int... offsets) {
        return ValueFields.of(names, offsets);
    }
}
