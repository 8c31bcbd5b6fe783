// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.python;

import dev.heapwalk.heap.Evidence;
import dev.heapwalk.heap.Source;
import dev.heapwalk.memory.Range;
import dev.heapwalk.memory.Reader;
import dev.heapwalk.memory.Target;
import dev.heapwalk.python.layout.InterpreterLayout;
import dev.heapwalk.python.layout.OffsetTable;
import dev.heapwalk.python.layout.PythonLayout;
import dev.heapwalk.python.layout.RuntimeLayout;
import dev.heapwalk.python.layout.ThreadLayout;
import dev.heapwalk.python.object.PyBytes;
import dev.heapwalk.python.object.PyDict;
import dev.heapwalk.python.object.PyLong;
import dev.heapwalk.python.object.PyUnicode;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.SequencedSet;

/**
 * Finds the interpreters of a runtime of one layout, and the version that they tell. Since 3.13 the runtime begins with
 * a table of its own offsets; before, a variable that points to an interpreter is looked for: a structure with a thread
 * that belongs to it, and with the dictionaries of {@code sys} and {@code builtins}.
 */
final class InterpreterFinder {
    private static final int MOST = 1 << 16;
    private static final int LONGEST_BANNER = 1 << 10;
    private static final long NARROW = 0xFFFF;
    private static final String OF_SYS = "getrefcount";
    private static final String OF_BUILTINS = "len";
    /** What {@code sys} has in a build with {@code Py_DEBUG}. */
    private static final String OF_DEBUG = "gettotalrefcount";

    /** Tells where a symbol of Python's module lies. */
    interface Symbols {
        /** Empty if there is none, or symbols are not to be used. */
        OptionalLong of(String name);
    }

    private final Target target;
    private final Reader memory;
    private final PythonLayout layout;
    private final List<Range> variables;
    private final Symbols symbols;
    private final ObjectReader objects;
    private final PyDict dict;
    private final List<Evidence> evidence = new ArrayList<>();

    private InterpreterLayout fields;
    private ThreadLayout threadFields;
    /** How far {@code sysdict} and {@code builtins} are from where the layout has them. */
    private int moved;

    private long runtime;
    private String headBasis = "";
    private List<Source> headSources = List.of();
    private List<PythonInterpreter> interpreters = List.of();
    private String version = "";
    private String banner = "";
    private int wideUnit = 4;

    InterpreterFinder(Target target, Reader memory, PythonLayout layout, List<Range> variables, Symbols symbols) {
        this.target = target;
        this.memory = memory;
        this.layout = layout;
        this.variables = variables;
        this.symbols = symbols;
        this.objects = new ObjectReader(layout, memory, wideUnit);
        this.dict = new PyDict(objects);
        this.fields = layout.interpreter();
        this.threadFields = layout.thread();
    }

    /** Whether interpreters of this layout are there. */
    boolean find() {
        SequencedSet<Long> chain = layout.runtime().table().known() ? byTable() : byVariable();
        if (chain.isEmpty()) {
            return false;
        }
        // The one that was made last is the first.
        List<Long> addresses = new ArrayList<>(chain);
        Collections.reverse(addresses);
        List<PythonInterpreter> found = new ArrayList<>();
        for (long address : addresses) {
            found.add(interpreter(address, found.isEmpty()));
        }
        interpreters = List.copyOf(found);
        if (!readVersion()) {
            return false;
        }
        boolean debug = hasKey(interpreters.getFirst().sysdict(), OF_DEBUG);
        say(
                "build",
                (layout.freeThreaded() ? "without" : "with") + " the global interpreter lock"
                        + (debug ? ", for debugging (Py_DEBUG)" : ""),
                "sys has %s %s; sys.version is %s".formatted(debug ? "a" : "no", OF_DEBUG, banner.replace('\n', ' ')),
                List.of(Source.STRUCTURE, Source.BANNER));
        sayFound();
        return true;
    }

    private void sayFound() {
        if (runtime != 0) {
            say("runtime", "0x%x".formatted(runtime), headBasis, headSources);
        }
        PythonInterpreter main = interpreters.getFirst();
        say(
                "interpreters",
                interpreters.size() == 1
                        ? "0x%x".formatted(main.address())
                        : "%d, the main one at 0x%x".formatted(interpreters.size(), main.address()),
                (runtime == 0 ? headBasis + "; " : "")
                        + "its dictionaries of sys and builtins, "
                        + (moved == 0
                                ? "where that version is known to have them"
                                : "%d bytes from where that version is known to have them".formatted(moved)),
                runtime == 0 ? headSources : List.of(Source.STRUCTURE));
    }

    private SequencedSet<Long> byTable() {
        OffsetTable table = layout.runtime().table();
        OptionalLong symbol = symbols.of("_PyRuntime");
        if (symbol.isPresent() && takeTable(symbol.getAsLong(), table)) {
            headBasis = "the symbol _PyRuntime; it begins with its table of offsets";
            headSources = List.of(Source.SYMBOL, Source.STRUCTURE);
            return chainOf(runtime + headOffset(table));
        }
        VariableScan scan = new VariableScan(target.memory(), variables);
        while (scan.next()) {
            if (scan.word() == OffsetTable.COOKIE && takeTable(scan.address(), table)) {
                headBasis = "a variable that begins with a table of offsets";
                headSources = List.of(Source.STRUCTURE);
                return chainOf(runtime + headOffset(table));
            }
        }
        return Collections.emptyNavigableSet();
    }

    private long headOffset(OffsetTable table) {
        return memory.readLong(runtime + table.head());
    }

    /** Takes the offsets that a table tells, if it is one of this version. */
    private boolean takeTable(long address, OffsetTable table) {
        if (memory.readLong(address, 0) != OffsetTable.COOKIE || memory.find(address, table.bytes()) < 0) {
            return false;
        }
        long hex = memory.readLong(address + OffsetTable.VERSION);
        if (series(hex) != layout.version()) {
            return false;
        }
        boolean free = memory.readLong(address + OffsetTable.FREE_THREADED) != 0;
        if (free != layout.freeThreaded() || told(address, table.head()) < 0) {
            return false;
        }
        InterpreterLayout toldFields = new InterpreterLayout(
                told(address, table.next()),
                told(address, table.threadsHead()),
                told(address, table.id()),
                told(address, table.modules()),
                told(address, table.sysdict()),
                told(address, table.builtins()));
        ThreadLayout toldThread = new ThreadLayout(
                told(address, table.threadNext()),
                told(address, table.threadInterp()),
                told(address, table.threadId()),
                told(address, table.nativeThreadId()),
                layout.thread().frame(),
                layout.thread().cframe());
        if (toldFields.next() < 0
                || toldFields.threadsHead() < 0
                || toldFields.id() < 0
                || toldFields.modules() < 0
                || toldFields.sysdict() < 0
                || toldFields.builtins() < 0
                || toldThread.next() < 0
                || toldThread.interp() < 0
                || toldThread.threadId() < 0
                || toldThread.nativeThreadId() < 0) {
            return false;
        }
        fields = toldFields;
        threadFields = toldThread;
        runtime = address;
        return true;
    }

    /** An offset of the table; -1 if it is none. */
    private int told(long address, int at) {
        long offset = memory.readLong(address + at);
        return offset < 0 || offset > OffsetTable.LARGEST_OFFSET ? -1 : (int) offset;
    }

    private SequencedSet<Long> byVariable() {
        RuntimeLayout place = layout.runtime();
        OptionalLong symbol = place.head() < 0 ? symbols.of("interp_head") : symbols.of("_PyRuntime");
        if (symbol.isPresent()) {
            long head = symbol.getAsLong() + Math.max(0, place.head());
            SequencedSet<Long> chain = chainOf(head);
            if (!chain.isEmpty()) {
                runtime = place.head() < 0 ? 0 : symbol.getAsLong();
                headBasis = "the symbol " + (place.head() < 0 ? "interp_head" : "_PyRuntime");
                headSources = List.of(Source.SYMBOL, Source.STRUCTURE);
                return chain;
            }
        }
        SequencedSet<Long> longest = Collections.emptyNavigableSet();
        VariableScan scan = new VariableScan(target.memory(), variables);
        while (scan.next()) {
            if (!isInterpreter(scan.word())) {
                continue;
            }
            SequencedSet<Long> chain = chainOf(scan.address());
            // The variable that points to the one that was made last; beside it, since 3.7, the one to the main one.
            boolean beside = place.head() >= 0
                    && !chain.isEmpty()
                    && memory.readLong(scan.address() + place.main() - place.head(), 0) == chain.getLast();
            if (chain.size() > longest.size() || chain.size() == longest.size() && beside && runtime == 0) {
                longest = chain;
                runtime = beside ? scan.address() - place.head() : 0;
            }
        }
        headBasis = "a variable that points to an interpreter";
        headSources = List.of(Source.STRUCTURE);
        return longest;
    }

    /** The interpreters of a list, by the address of its head; empty if the first is none. */
    private SequencedSet<Long> chainOf(long head) {
        SequencedSet<Long> chain = new LinkedHashSet<>();
        long address = memory.readLong(head, 0);
        if (!isInterpreter(address)) {
            return chain;
        }
        while (address != 0 && chain.size() < MOST && hasOneDict(address) && chain.add(address)) {
            address = memory.readLong(address + fields.next(), 0);
        }
        return chain;
    }

    /** Whether an interpreter lies at an address; if the first one that was asked for has moved fields, all have. */
    private boolean isInterpreter(long address) {
        if (!leadsToVariables(address)) {
            return false;
        }
        long thread = memory.readLong(address + fields.threadsHead(), 0);
        // One that was made, and has run nothing, has no thread; then all depends on its dictionaries.
        if (thread != 0
                && (!leadsToVariables(thread) || memory.readLong(thread + threadFields.interp(), 0) != address)) {
            return false;
        }
        if (hasDicts(address, moved)) {
            return true;
        }
        if (thread == 0) {
            return false;
        }
        // One of them may be damaged, where the other one and the thread tell enough.
        if (layout.runtime().table().known() && hasOneDict(address)) {
            return true;
        }
        for (int distance = Long.BYTES; distance <= InterpreterLayout.FARTHEST; distance += Long.BYTES) {
            for (int some : new int[] {-distance, distance}) {
                if (hasDicts(address, some)) {
                    moved = some;
                    return true;
                }
            }
        }
        return hasOneDict(address);
    }

    private boolean hasDicts(long interpreter, int distance) {
        return hasKey(memory.readLong(interpreter + fields.sysdict() + distance, 0), OF_SYS)
                && hasKey(memory.readLong(interpreter + fields.builtins() + distance, 0), OF_BUILTINS);
    }

    private boolean hasOneDict(long interpreter) {
        return hasKey(memory.readLong(interpreter + fields.sysdict() + moved, 0), OF_SYS)
                || hasKey(memory.readLong(interpreter + fields.builtins() + moved, 0), OF_BUILTINS);
    }

    private boolean hasKey(long address, String key) {
        return leadsToVariables(address) && objects.find(address, dict) && dict.get(key) != 0;
    }

    /** Whether a word may be a pointer to what changes. To ask first is cheaper by far than to try to read. */
    private boolean leadsToVariables(long word) {
        return (word & 7) == 0 && target.memory().mappings().writable(word, Long.BYTES);
    }

    private PythonInterpreter interpreter(long address, boolean main) {
        SequencedSet<Long> threads = new LinkedHashSet<>();
        long thread = memory.readLong(address + fields.threadsHead(), 0);
        while (thread != 0
                && threads.size() < MOST
                && memory.readLong(thread + threadFields.interp(), 0) == address
                && threads.add(thread)) {
            thread = memory.readLong(thread + threadFields.next(), 0);
        }
        return new PythonInterpreter(
                address,
                fields.id() < 0 ? -1 : memory.readLong(address + fields.id(), -1),
                main,
                memory.readLong(address + fields.modules() + moved, 0),
                memory.readLong(address + fields.sysdict() + moved, 0),
                memory.readLong(address + fields.builtins() + moved, 0),
                threads.stream().map(this::thread).toList());
    }

    private PythonThread thread(long address) {
        return new PythonThread(
                address,
                memory.readLong(address + threadFields.threadId(), 0),
                threadFields.nativeThreadId() < 0 ? -1 : memory.readLong(address + threadFields.nativeThreadId(), -1));
    }

    /** Reads what {@code sys} says of the version; whether that is one of the layout. */
    private boolean readVersion() {
        long sys = interpreters.getFirst().sysdict();
        Optional<Long> hex = number(sys, "hexversion");
        long value;
        if (hex.isPresent()) {
            value = hex.get();
            say("version", text(value), "sys.hexversion", List.of(Source.BANNER));
        } else if (layout.runtime().table().known()) {
            value = memory.readLong(runtime + OffsetTable.VERSION);
            say("version", text(value), "the runtime's table of offsets", List.of(Source.BANNER));
        } else {
            return false;
        }
        version = text(value);
        banner = string(sys, "version");
        if (number(sys, "maxunicode").orElse(0L) == NARROW) {
            wideUnit = 2;
        }
        return series(value) == layout.version();
    }

    private Optional<Long> number(long dictionary, String key) {
        PyLong number = new PyLong(objects);
        return objects.find(dictionary, dict) && objects.find(dict.get(key), number)
                ? number.value(2).map(BigInteger::longValue)
                : Optional.empty();
    }

    private String string(long dictionary, String key) {
        if (!objects.find(dictionary, dict)) {
            return "";
        }
        long value = dict.get(key);
        PyUnicode unicode = new PyUnicode(objects);
        PyBytes bytes = new PyBytes(objects);
        return objects.find(value, unicode)
                ? unicode.text(LONGEST_BANNER)
                : objects.find(value, bytes) ? bytes.text(LONGEST_BANNER) : "";
    }

    private static long series(long hex) {
        return (hex >>> 24) * 100 + (hex >>> 16 & 0xFF);
    }

    /** The version as Python writes it: {@code 3.13.0}, {@code 3.14.0rc1}. */
    private static String text(long hex) {
        String level = switch ((int) (hex >>> 4) & 0xF) {
            case 0xA -> "a";
            case 0xB -> "b";
            case 0xC -> "rc";
            default -> "";
        };
        return "%d.%d.%d%s"
                .formatted(hex >>> 24, hex >>> 16 & 0xFF, hex >>> 8 & 0xFF, level.isEmpty() ? "" : level + (hex & 0xF));
    }

    private void say(String subject, String conclusion, String basis, List<Source> sources) {
        evidence.add(Evidence.of(subject, conclusion, basis, sources.toArray(Source[]::new)));
    }

    List<Evidence> evidence() {
        return evidence;
    }

    PythonLayout layout() {
        return layout;
    }

    long runtime() {
        return runtime;
    }

    List<PythonInterpreter> interpreters() {
        return interpreters;
    }

    String version() {
        return version;
    }

    String banner() {
        return banner;
    }

    int wideUnit() {
        return wideUnit;
    }
}
