// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.python.gc;

import dev.heapwalk.heap.Heaps;
import dev.heapwalk.heap.RootCategory;
import dev.heapwalk.heap.RootSink;
import dev.heapwalk.heap.RootSource;
import dev.heapwalk.heap.dump.Disclosure;
import dev.heapwalk.memory.Range;
import dev.heapwalk.memory.Reader;
import dev.heapwalk.python.ObjectCursor;
import dev.heapwalk.python.ObjectPlace;
import dev.heapwalk.python.ObjectReader;
import dev.heapwalk.python.PythonInterpreter;
import dev.heapwalk.python.PythonRuntime;
import dev.heapwalk.python.PythonThread;
import dev.heapwalk.python.VariableScan;
import dev.heapwalk.python.frame.Frames;
import dev.heapwalk.python.layout.ObjectLayout;
import dev.heapwalk.python.layout.PythonLayout;
import dev.heapwalk.python.layout.TraversalLayout;
import dev.heapwalk.python.layout.TypeLayout;
import dev.heapwalk.python.object.PyBytes;
import dev.heapwalk.python.object.PyDict;
import dev.heapwalk.python.object.PyUnicode;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;

/**
 * What keeps objects alive without being an object in a block: fields of interpreters and threads, frames that run,
 * types and other variables of C code. Since objects count their references, there are no such lists in Python itself:
 * where it is not known what a word is, any that leads to an object in use is taken for a reference, and the category
 * says so. For one thread. Whoever made it closes it; the reader stays as it is.
 */
public final class Roots implements RootSource {
    /** Fields of an interpreter that are known by name. */
    public static final RootCategory INTERPRETER = new RootCategory("interpreter", true);
    /** Modules that were imported, by name. */
    public static final RootCategory MODULE = new RootCategory("module", true);
    /** Frames that run, their variables, and what they have on their stacks. */
    public static final RootCategory FRAME = new RootCategory("frame", true);
    /**
     * What frames that run may have on their stacks, where it is not known how far these go: also what lay there before.
     */
    public static final RootCategory STACK = new RootCategory("stack", false);
    /** The table of interned strings. */
    public static final RootCategory INTERNED = new RootCategory("interned", true);
    /** Types that are variables of C code, and what they hold. */
    public static final RootCategory STATIC_TYPE = new RootCategory("static_type", true);
    /** Other words of threads. */
    public static final RootCategory THREAD = new RootCategory("thread", false);
    /** Other words of interpreters: tables of codecs, caches, hooks. */
    public static final RootCategory INTERPRETER_STATE = new RootCategory("interpreter_state", false);
    /** Other variables of C code. */
    public static final RootCategory VARIABLE = new RootCategory("variable", false);

    /**
     * Objects that live for ever, though nothing may refer to them: code and its constants, in a build without the
     * global interpreter lock.
     */
    public static final RootCategory IMMORTAL = new RootCategory("immortal", true);

    private static final List<RootCategory> FREE_THREADED = List.of(IMMORTAL);

    private static final List<RootCategory> CATEGORIES =
            List.of(INTERPRETER, MODULE, FRAME, STACK, INTERNED, STATIC_TYPE, THREAD, INTERPRETER_STATE, VARIABLE);

    private static final int MOST_MODULES = 1 << 20;
    private static final int MOST_FRAMES = 1 << 20;
    /** A table of so few strings is not the one of all interned strings. */
    private static final int LEAST_INTERNED = 256;
    /** So many strings of a table are looked at. */
    private static final int LOOKED_AT = 16;

    private final PythonRuntime runtime;
    private final ObjectReader reader;
    private final Reader memory;
    private final PythonLayout layout;
    private final TraversalLayout traversal;
    private final int shift;
    private final References references;
    private final Frames frames;
    private final RunningStack stack;
    private final EdgeLabel label;
    private final PyDict dict;
    private final PyUnicode unicode;
    private final PyBytes bytes;
    private final List<Range> variables;
    private final Set<String> missing = new LinkedHashSet<>();

    /**
     * Makes a source.
     *
     * @param runtime the runtime whose roots are told
     * @param reader what follows the pointers
     */
    public Roots(PythonRuntime runtime, ObjectReader reader) {
        this.runtime = runtime;
        this.reader = reader;
        this.memory = reader.memory();
        this.layout = PythonLayout.of(reader.series(), reader.freeThreaded());
        this.traversal = layout.traversal();
        this.shift = layout.object().shift();
        this.references = new References(runtime, reader);
        this.frames = new Frames(runtime, reader);
        this.stack = new RunningStack(reader);
        this.label = new EdgeLabel(runtime, Disclosure.WHOLE);
        this.dict = new PyDict(reader);
        this.unicode = new PyUnicode(reader);
        this.bytes = new PyBytes(reader);
        this.variables = runtime.variables();
    }

    /** {@inheritDoc} Those that the build has. */
    @Override
    public List<RootCategory> categories() {
        return runtime.freeThreaded()
                ? Stream.concat(CATEGORIES.stream(), FREE_THREADED.stream()).toList()
                : CATEGORIES;
    }

    @Override
    public void roots(RootCategory category, RootSink sink) {
        if (category.equals(INTERPRETER)) {
            interpreters(sink);
        } else if (category.equals(MODULE)) {
            modules(sink);
        } else if (category.equals(FRAME)) {
            frames(sink);
        } else if (category.equals(STACK)) {
            stacks(sink);
        } else if (category.equals(INTERNED)) {
            interned(sink);
        } else if (category.equals(STATIC_TYPE)) {
            types(sink);
        } else if (category.equals(THREAD)) {
            for (PythonInterpreter interpreter : runtime.interpreters()) {
                for (PythonThread thread : interpreter.threads()) {
                    words(thread.address(), traversal.threadBytes(), "PyThreadState", THREAD, sink);
                }
            }
        } else if (category.equals(INTERPRETER_STATE)) {
            for (PythonInterpreter interpreter : runtime.interpreters()) {
                int size = traversal.interpreterBytes();
                words(interpreter.address(), size, "PyInterpreterState", INTERPRETER_STATE, sink);
            }
        } else if (category.equals(VARIABLE)) {
            variables(sink);
        } else if (category.equals(IMMORTAL)) {
            immortals(sink);
        } else {
            throw new IllegalArgumentException("no category of Python's roots: " + category.label());
        }
    }

    private void interpreters(RootSink sink) {
        for (PythonInterpreter interpreter : runtime.interpreters()) {
            named("sys.modules", interpreter, interpreter.modules(), sink);
            named("sys.__dict__", interpreter, interpreter.sysdict(), sink);
            named("builtins.__dict__", interpreter, interpreter.builtins(), sink);
        }
    }

    private void named(String name, PythonInterpreter interpreter, long address, RootSink sink) {
        if (leadsToObject(address)) {
            label.text(interpreter.main() ? name : name + " of interpreter " + interpreter.id());
            sink.root(address, INTERPRETER, label);
        } else {
            missing.add(name + " can't be read");
        }
    }

    private void modules(RootSink sink) {
        for (PythonInterpreter interpreter : runtime.interpreters()) {
            if (!reader.find(interpreter.modules(), dict)) {
                continue;
            }
            for (int i = 0; i < MOST_MODULES && dict.next(); i++) {
                if (leadsToObject(dict.value())) {
                    label.set(EdgeLabel.Form.NAME, dict.key());
                    sink.root(dict.value(), MODULE, label);
                }
            }
            if (dict.damaged()) {
                missing.add("modules: sys.modules contradicts itself");
            }
        }
    }

    private void frames(RootSink sink) {
        for (PythonInterpreter interpreter : runtime.interpreters()) {
            for (PythonThread thread : interpreter.threads()) {
                frames.overThread(thread);
                for (int i = 0; i < MOST_FRAMES && frames.next(); i++) {
                    long frame = frames.object();
                    if (frame != 0 && leadsToObject(frame)) {
                        label.set(EdgeLabel.Form.OF_CODE, "frame");
                        label.number(frames.code());
                        sink.root(frame, FRAME, label);
                    }
                    if (!references.activation(
                            frames.address(), (address, kind, name) -> sink.root(address, FRAME, name))) {
                        missing.add("frames: a frame at 0x%x can't be read".formatted(frames.address()));
                    }
                }
                if (!frames.note().isEmpty()) {
                    missing.add("frames: " + frames.note());
                }
            }
        }
    }

    private void stacks(RootSink sink) {
        for (PythonInterpreter interpreter : runtime.interpreters()) {
            for (PythonThread thread : interpreter.threads()) {
                frames.overThread(thread);
                for (int i = 0; i < MOST_FRAMES && frames.next(); i++) {
                    if (stack.over(frames.address())) {
                        stack(sink);
                    }
                }
            }
        }
    }

    private void stack(RootSink sink) {
        label.locals(stack.code());
        for (int i = 0; i < stack.room(); i++) {
            if (isReference(stack.value(i))) {
                label.number(stack.place(i));
                sink.root(stack.value(i), STACK, label);
            }
        }
    }

    private void immortals(RootSink sink) {
        try (ObjectCursor object = runtime.objects(Heaps.of(runtime.target()))) {
            while (object.next()) {
                if (object.place() != ObjectPlace.MODULE && object.immortal()) {
                    label.text("immortal");
                    sink.root(object.address(), IMMORTAL, label);
                }
            }
        }
    }

    private void interned(RootSink sink) {
        List<Long> found = new ArrayList<>();
        RootSink take = (address, category, name) -> {
            if (!found.contains(address) && isInterned(address)) {
                found.add(address);
            }
        };
        roots(INTERPRETER_STATE, take);
        roots(VARIABLE, take);
        label.text("interned strings");
        found.forEach(address -> sink.root(address, INTERNED, label));
        if (found.isEmpty()) {
            missing.add("interned: the table of interned strings was not found");
        }
    }

    /** Whether it is a dictionary of many strings, with each as its own value. */
    private boolean isInterned(long address) {
        long type = reader.typeAt(address);
        if ((reader.flags(type) & TypeLayout.DICT_SUBCLASS) == 0
                || !reader.find(address, dict)
                || dict.used() < LEAST_INTERNED) {
            return false;
        }
        int same = 0;
        while (same < LOOKED_AT && dict.next()) {
            if (dict.key() != dict.value() || !reader.find(dict.key(), unicode) && !reader.find(dict.key(), bytes)) {
                return false;
            }
            same++;
        }
        return same == LOOKED_AT;
    }

    /** A type that is a variable lies in no block: what it holds is alive too. */
    private void types(RootSink sink) {
        VariableScan scan = new VariableScan(runtime.target().memory(), variables);
        while (scan.next()) {
            long address = scan.address() - ObjectLayout.TYPE - shift;
            if (!isType(address, scan.word())) {
                continue;
            }
            label.set(EdgeLabel.Form.TYPE, address);
            sink.root(address, STATIC_TYPE, label);
            references.references(address, scan.word(), (held, kind, name) -> {
                if (!isVariable(held)) {
                    sink.root(held, STATIC_TYPE, text -> {
                        name.appendTo(text);
                        label.appendTo(text.append(" of "));
                    });
                }
            });
        }
    }

    private boolean isType(long address, long metatype) {
        return (reader.flags(metatype) & TypeLayout.TYPE_SUBCLASS) != 0
                && reader.typeAt(address) == metatype
                && inUse(address)
                && (reader.flags(address) & (TypeLayout.READY | TypeLayout.HEAPTYPE)) == TypeLayout.READY;
    }

    /** All but what types, interpreters and threads have, which are told by themselves. */
    private void variables(RootSink sink) {
        VariableScan scan = new VariableScan(runtime.target().memory(), variables);
        long told = 0;
        while (scan.next()) {
            long address = scan.address();
            long word = scan.word();
            if (isType(address - ObjectLayout.TYPE - shift, word)) {
                told = address - ObjectLayout.TYPE + layout.type().staticSize();
            } else if (Long.compareUnsigned(address, told) >= 0 && isReference(word) && !isOfInterpreter(address)) {
                label.set(EdgeLabel.Form.VARIABLE, address);
                sink.root(word, VARIABLE, label);
            }
        }
    }

    private boolean isOfInterpreter(long address) {
        for (PythonInterpreter interpreter : runtime.interpreters()) {
            long at = address - interpreter.address();
            if (at >= 0 && at < traversal.interpreterBytes()) {
                return true;
            }
        }
        return false;
    }

    private void words(long from, int size, String of, RootCategory category, RootSink sink) {
        for (int at = 0; at + Long.BYTES <= size; at += Long.BYTES) {
            long word = memory.readLong(from + at, 0);
            if (isReference(word)) {
                label.set(EdgeLabel.Form.WORD, of);
                label.number(at);
                sink.root(word, category, label);
            }
        }
    }

    /** Whether a word leads to an object in use that is no variable itself. */
    private boolean isReference(long word) {
        return word != 0 && (word & 7) == 0 && leadsToObject(word) && inUse(word) && !isVariable(word);
    }

    private boolean leadsToObject(long address) {
        return references.leadsToObject(address);
    }

    private boolean inUse(long address) {
        return layout.object().isInUse(layout.object().references(memory, address));
    }

    private boolean isVariable(long address) {
        for (int i = 0; i < variables.size(); i++) {
            if (address >= variables.get(i).start()
                    && address < variables.get(i).end()) {
                return true;
            }
        }
        return false;
    }

    @Override
    public List<String> missing() {
        return List.copyOf(missing);
    }

    /** Frees what names were read with. The reader stays as it is. */
    @Override
    public void close() {
        label.close();
        references.close();
    }
}
