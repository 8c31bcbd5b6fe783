// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.dump;

import dev.heapwalk.memory.Reader;
import dev.heapwalk.memory.UnmappedAddressException;
import dev.heapwalk.ruby.ObjectReader;
import dev.heapwalk.ruby.RValue;
import dev.heapwalk.ruby.object.ImemoType;
import dev.heapwalk.ruby.object.MethodCursor;
import dev.heapwalk.ruby.vm.Argument;
import dev.heapwalk.ruby.vm.Binding;
import dev.heapwalk.ruby.vm.Block;
import dev.heapwalk.ruby.vm.Env;
import dev.heapwalk.ruby.vm.Fiber;
import dev.heapwalk.ruby.vm.Frames;
import dev.heapwalk.ruby.vm.Interpreter;
import dev.heapwalk.ruby.vm.Iseq;
import dev.heapwalk.ruby.vm.Local;
import dev.heapwalk.ruby.vm.MethodEntry;
import dev.heapwalk.ruby.vm.MethodObject;
import dev.heapwalk.ruby.vm.Mutex;
import dev.heapwalk.ruby.vm.Proc;
import dev.heapwalk.ruby.vm.RubyThread;
import dev.heapwalk.ruby.vm.RubyThreads;
import dev.heapwalk.ruby.vm.field.Field;
import dev.heapwalk.ruby.vm.field.Fields;
import dev.heapwalk.text.JsonLines;
import java.nio.charset.StandardCharsets;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;

/** Writes what the interpreter keeps of a running program: code, methods, local variables, threads and fibers. */
final class CodeKeys {
    private static final Map<ImemoType, byte[]> IMEMO_TYPES = new EnumMap<>(ImemoType.class);
    private static final Map<MethodCursor.Kind, String> KINDS = new EnumMap<>(MethodCursor.Kind.class);
    private static final Map<MethodCursor.Visibility, String> VISIBILITIES =
            new EnumMap<>(MethodCursor.Visibility.class);

    static {
        for (ImemoType type : ImemoType.values()) {
            IMEMO_TYPES.put(
                    type, JsonLines.ascii(",\"imemo_type\":\"" + type.name().toLowerCase(Locale.ROOT) + "\""));
        }
        for (MethodCursor.Kind kind : MethodCursor.Kind.values()) {
            KINDS.put(kind, kind.name().toLowerCase(Locale.ROOT));
        }
        for (MethodCursor.Visibility visibility : MethodCursor.Visibility.values()) {
            VISIBILITIES.put(visibility, visibility.name().toLowerCase(Locale.ROOT));
        }
    }

    private static final byte[] NAME = DumpLine.key("name");
    private static final byte[] FILENAME = DumpLine.key("filename");
    private static final byte[] LINE = DumpLine.key("line");
    private static final byte[] TYPE = DumpLine.key("type");
    private static final byte[] LOCAL_TABLE = DumpLine.key("local_table");
    private static final byte[] PARENT = DumpLine.key("parent_iseq");
    private static final byte[] ISEQ = DumpLine.key("iseq");
    private static final byte[] PROC = DumpLine.key("proc");
    private static final byte[] OWNER = DumpLine.key("owner");
    private static final byte[] DEFINED_CLASS = DumpLine.key("defined_class");
    private static final byte[] VISIBILITY = DumpLine.key("visibility");
    private static final byte[] CREF = DumpLine.key("cref");
    private static final byte[] ORIGINAL = DumpLine.key("original");
    private static final byte[] ENV = DumpLine.key("env");
    private static final byte[] PREVIOUS_ENV = DumpLine.key("prev_envval");
    private static final byte[] STATUS = DumpLine.key("status");
    private static final byte[] TID = DumpLine.key("tid");
    private static final byte[] MAIN = DumpLine.key("main");
    private static final byte[] GROUP = DumpLine.key("thgroup");
    private static final byte[] VALUE = DumpLine.key("value");
    private static final byte[] PAIRS = DumpLine.key("pairs");
    private static final byte[] LOCKING = DumpLine.key("locking_mutex");
    private static final byte[] LOCAL_STORAGE = DumpLine.key("local_storage");
    private static final byte[] PREVIOUS = DumpLine.key("prev");
    private static final byte[] THREAD = DumpLine.key("thread");
    private static final byte[] BACKTRACE = DumpLine.key("backtrace");
    private static final byte[] SELF = DumpLine.key("self");
    private static final byte[] ARGUMENTS = DumpLine.key("args");
    private static final byte[] LOCALS = DumpLine.key("locals");
    private static final byte[] IS_LAMBDA = DumpLine.key("is_lambda");
    private static final byte[] FROM_METHOD = DumpLine.key("is_from_method");
    private static final byte[] IFUNC = DumpLine.key("ifunc");
    private static final byte[] ENVIRONMENT = DumpLine.key("envval");
    private static final byte[] SYMBOL = DumpLine.key("symbol");
    private static final byte[] BLOCK_PROC = DumpLine.key("blockprocval");
    private static final byte[] RECEIVER = DumpLine.key("recv");
    private static final byte[] RCLASS = DumpLine.key("rclass");
    private static final byte[] METHOD = DumpLine.key("method");
    private static final byte[] LOCKED = DumpLine.key("locked");
    private static final byte[] WAITING = DumpLine.key("waiting");
    private static final byte[] NOTE = DumpLine.key("note");
    private static final byte[] LABEL = JsonLines.ascii("\"label\":");

    private static final int MOST_FRAMES = 10_000;

    private final ObjectReader reader;
    private final Reader memory;
    private final JsonLines json;
    private final DumpLine line;
    private final CoreKeys core;
    private final Interpreter interpreter;
    private final RubyThreads threads;
    private final Frames frames;
    private final Fields fields;
    private final Map<String, byte[]> keys = new HashMap<>();
    private long gone;

    CodeKeys(RubyThreads threads, JsonLines json, DumpLine line, CoreKeys core) {
        this.interpreter = threads.interpreter();
        this.reader = interpreter.reader();
        this.memory = reader.memory();
        this.json = json;
        this.line = line;
        this.core = core;
        this.threads = threads;
        this.frames = interpreter.frames();
        this.fields = new Fields(interpreter);
    }

    void imemo(RValue slot) {
        ImemoType type = reader.imemoType(slot.flags());
        line.name(IMEMO_TYPES.get(type));
        switch (type) {
            case ISEQ -> interpreter.iseq(slot.address()).ifPresent(this::code);
            case MENT -> interpreter.method(slot.address()).ifPresent(this::method);
            case ENV -> interpreter.env(slot.address()).ifPresent(this::environment);
            default -> fields(slot.address());
        }
    }

    /** The fields that have names in C, but for what is neither an object nor a number. */
    private void fields(long address) {
        for (Field field : fields.of(address)) {
            // An enumerator has a field of the name that the key for the bytes has.
            byte[] key =
                    keys.computeIfAbsent(field.name(), name -> DumpLine.key(name.equals("size") ? "enum_size" : name));
            switch (field.kind()) {
                case VALUE -> {
                    if (field.value() == 0) {
                        line.reference(key, 0);
                    } else {
                        line.value(key, field.value());
                    }
                }
                case NUMBER -> line.number(key, field.value());
                case ID ->
                    optional(
                            key,
                            field.value() == 0
                                    ? Optional.empty()
                                    : reader.symbols().of(field.value()));
                case ADDRESS -> {}
            }
        }
    }

    private void code(Iseq iseq) {
        place(iseq);
        line.text(TYPE, iseq.type().label());
        line.name(LOCAL_TABLE);
        line.openArray();
        for (int i = 0; i < iseq.localCount(); i++) {
            Optional<String> name = iseq.localName(i);
            line.comma();
            line.element(name.isPresent() ? name.get() : "#" + i);
        }
        line.close();
        if (iseq.parent() != 0) {
            line.reference(PARENT, iseq.parent());
        }
        core.coverage(iseq);
    }

    /** What code is called and where it stands. */
    private void place(Iseq iseq) {
        optional(NAME, iseq.label());
        optional(FILENAME, iseq.path());
        line.number(LINE, iseq.firstLine());
    }

    private void optional(byte[] key, Optional<String> text) {
        if (text.isPresent()) {
            line.label(key, text.get());
        }
    }

    private void member(Optional<String> name, int number) {
        line.member(name.map(text -> text.getBytes(StandardCharsets.UTF_8)), number);
    }

    private void optional(byte[] key, long reference) {
        if (reference != 0) {
            line.reference(key, reference);
        }
    }

    private void method(MethodEntry method) {
        optional(NAME, method.name());
        line.text(TYPE, KINDS.get(method.kind()));
        line.text(VISIBILITY, VISIBILITIES.get(method.visibility()));
        optional(OWNER, method.owner());
        optional(DEFINED_CLASS, method.definedClass());
        optional(ISEQ, method.iseq());
        optional(CREF, method.cref());
        optional(PROC, method.proc());
        optional(ORIGINAL, method.original());
    }

    private void environment(Env env) {
        optional(ISEQ, env.iseq());
        Optional<Iseq> iseq = interpreter.iseq(env.iseq());
        int count = iseq.isEmpty() ? 0 : iseq.get().localCount();
        if (count > 0 && !memory.mapped(env.values(), 8L * count)) {
            throw new UnmappedAddressException(env.values(), env.values(), 8L * count);
        }
        line.name(ENV);
        line.openObject();
        for (int i = 0; i < count; i++) {
            long value = memory.readLong(env.values() + 8L * i);
            member(iseq.get().localName(i), i);
            line.value(value);
        }
        line.close();
        optional(PREVIOUS_ENV, env.outer());
    }

    /** The keys of data, by the name of its type. */
    void data(String type, long address, long data) {
        switch (type) {
            case "VM/thread" -> thread(threads.thread(data));
            case "fiber" -> threads.fiber(data).ifPresent(this::fiber);
            case "proc" -> interpreter.proc(address).ifPresent(this::proc);
            case "binding" -> interpreter.binding(address).ifPresent(this::binding);
            case "method" -> interpreter.methodObject(address).ifPresent(this::method);
            case "mutex" -> interpreter.mutex(address).ifPresent(this::mutex);
            case "weakmap", "weakkeymap" -> fields.weakPairs(address).ifPresent(this::pairs);
            case "encoding" -> optional(NAME, fields.encoding(address));
            default -> {
                if (!core.data(type, address, data)) {
                    fields(address);
                }
            }
        }
    }

    private void proc(Proc proc) {
        line.flag(IS_LAMBDA, proc.lambda());
        if (proc.fromMethod()) {
            line.flag(FROM_METHOD, true);
        }
        block(proc.block());
        if (proc.block().kind() == Block.Kind.ISEQ) {
            interpreter.iseq(proc.block().code()).ifPresent(this::place);
        }
    }

    private void block(Block block) {
        switch (block.kind()) {
            case ISEQ, IFUNC -> {
                optional(block.kind() == Block.Kind.ISEQ ? ISEQ : IFUNC, block.code());
                line.value(SELF, block.self());
                optional(
                        ENVIRONMENT,
                        block.ep() == 0 ? 0 : interpreter.environments().object(block.ep()));
            }
            case SYMBOL -> line.value(SYMBOL, block.code());
            case PROC -> line.value(BLOCK_PROC, block.code());
        }
    }

    private void binding(Binding binding) {
        optional(FILENAME, binding.path());
        line.number(LINE, binding.line());
        block(binding.block());
    }

    private void method(MethodObject method) {
        if (method.receiver() != reader.constants().undef()) {
            line.value(RECEIVER, method.receiver());
        }
        optional(RCLASS, method.klass());
        optional(OWNER, method.owner());
        method.method().ifPresent(entry -> {
            optional(NAME, entry.name());
            line.text(TYPE, KINDS.get(entry.kind()));
            optional(METHOD, entry.address());
        });
    }

    private void mutex(Mutex mutex) {
        line.flag(LOCKED, mutex.locked());
        optional(THREAD, objectOf(mutex.thread()));
        if (!mutex.waiting().isEmpty()) {
            line.name(WAITING);
            line.openArray();
            for (long waiting : mutex.waiting()) {
                long thread = objectOf(waiting);
                line.comma();
                line.value(thread == 0 ? reader.constants().nil() : thread);
            }
            line.close();
        }
    }

    /** Keys and values in turn; of those that are gone nothing is told. */
    private void pairs(List<Long> keysAndValues) {
        line.name(PAIRS);
        line.openArray();
        for (int i = 0; i + 1 < keysAndValues.size(); i += 2) {
            if (isThere(keysAndValues.get(i)) && isThere(keysAndValues.get(i + 1))) {
                line.comma();
                line.openArray();
                for (int j = i; j <= i + 1; j++) {
                    line.comma();
                    line.value(keysAndValues.get(j));
                }
                line.close();
            }
        }
        line.close();
    }

    private boolean isThere(long value) {
        return !reader.constants().isReference(value) || reader.isSlot(value);
    }

    /** The Thread of an {@code rb_thread_t}; 0 if there is none. */
    private long objectOf(long thread) {
        return thread == 0 ? 0 : threads.thread(thread).self();
    }

    private void thread(RubyThread thread) {
        if (thread.name().isPresent()) {
            line.own(NAME, thread.name().get());
        }
        line.text(STATUS, thread.status().label());
        if (thread.tid() != 0) {
            line.number(TID, thread.tid());
        }
        if (thread.main()) {
            line.flag(MAIN, true);
        }
        optional(PROC, thread.procedure());
        optional(GROUP, thread.group());
        optional(LOCKING, thread.lockingMutex());
        if (thread.status() == RubyThread.Status.DEAD) {
            line.value(VALUE, thread.value());
            return;
        }
        locals(LOCAL_STORAGE, threads.fiberLocals(thread.context()));
        backtrace(thread.context());
    }

    private void fiber(Fiber fiber) {
        line.text(STATUS, fiber.status().label());
        optional(THREAD, objectOf(fiber.thread()));
        optional(PROC, fiber.procedure());
        optional(PREVIOUS, fiber.previous());
        if (fiber.status() == Fiber.Status.SUSPENDED) {
            backtrace(fiber.context());
        }
    }

    /** The frames that Ruby itself would show, the innermost first. */
    private void backtrace(long context) {
        frames.at(context);
        line.name(BACKTRACE);
        line.openArray();
        for (int i = 0; i < MOST_FRAMES && frames.nextShown(); i++) {
            Optional<String> label = frames.label();
            line.comma();
            line.openObject();
            line.comma();
            line.label(LABEL, label.orElse("?"));
            optional(FILENAME, frames.shownPath());
            OptionalInt at = frames.knownLine();
            if (at.isPresent()) {
                line.number(LINE, at.getAsInt());
            }
            line.value(SELF, frames.self());
            variables();
            line.close();
        }
        line.close();
        if (!frames.note().isEmpty()) {
            line.text(NOTE, frames.note());
        }
        gone += frames.gone(context);
    }

    /**
     * How many frames of threads that run on came or went since this was asked last.
     *
     * @return a count
     */
    long gone() {
        long since = gone;
        gone = 0;
        return since;
    }

    private void variables() {
        List<Argument> arguments;
        List<Local> locals;
        try {
            arguments = frames.arguments();
            locals = frames.locals();
        } catch (UnmappedAddressException e) {
            line.text(NOTE, e.getMessage());
            return;
        }
        if (!arguments.isEmpty()) {
            line.name(ARGUMENTS);
            line.openObject();
            for (Argument argument : arguments) {
                member(argument.parameter().name(), argument.parameter().index());
                line.value(argument.value());
            }
            line.close();
        }
        Set<Optional<String>> shown = new HashSet<>();
        arguments.forEach(argument -> shown.add(argument.parameter().name()));
        locals(
                LOCALS,
                locals.stream().filter(local -> !shown.contains(local.name())).toList());
    }

    private void locals(byte[] key, List<Local> locals) {
        if (locals.isEmpty()) {
            return;
        }
        line.name(key);
        line.openObject();
        int number = 0;
        for (Local local : locals) {
            member(local.name(), number++);
            line.value(local.value());
        }
        line.close();
    }
}
