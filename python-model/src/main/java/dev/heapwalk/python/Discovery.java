// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.python;

import dev.heapwalk.heap.Evidence;
import dev.heapwalk.heap.Source;
import dev.heapwalk.memory.AddressSpace;
import dev.heapwalk.memory.Machine;
import dev.heapwalk.memory.Mapping;
import dev.heapwalk.memory.Range;
import dev.heapwalk.memory.Reader;
import dev.heapwalk.memory.Target;
import dev.heapwalk.memory.UnsupportedTargetException;
import dev.heapwalk.memory.elf.ElfModule;
import dev.heapwalk.python.layout.ObjectLayout;
import dev.heapwalk.python.layout.PymallocLayout;
import dev.heapwalk.python.layout.PythonLayout;
import dev.heapwalk.python.layout.TypeLayout;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** Finds the runtime, its interpreters and its allocator in a target. Used once. */
final class Discovery {
    private static final String SUPPORTED = "supported are 2.7 and 3.6 to 3.15, the latter three also without the lock";
    /** How far the fields of objects may be behind where these begin. */
    private static final int[] SHIFTS = {0, ObjectLayout.FREE_THREADED_SHIFT};

    private static final long BUDGET = 8L << 20;
    private static final int LONGEST_NAME = 64;
    private static final int LEAST_TYPE = 400;
    private static final int MOST_TYPE = 2000;
    /** What is searched without a module to begin with, as in a core without headers, in bytes for each mapping. */
    private static final long LARGEST_VARIABLES = 64L << 20;

    private final Target target;
    private final AddressSpace memory;
    private final boolean symbols;
    private final List<Evidence> evidence = new ArrayList<>();

    // What can't change as long as the process lives.
    private long typeType;
    /** How far the fields of its objects are behind where these begin: it tells whether the build has the lock. */
    private int shift;

    private List<Range> variables = List.of();
    private Optional<ElfModule> module = Optional.empty();
    private InterpreterFinder interpreters;

    Discovery(Target target, boolean symbols) {
        this.target = target;
        this.memory = target.memory();
        this.symbols = symbols;
    }

    PythonRuntime locate() {
        if (target.machine() != Machine.X86_64 && target.machine() != Machine.AARCH64) {
            throw new UnsupportedTargetException("%s is a program for %s, on which Python is not supported"
                    .formatted(target.description(), target.machine().label()));
        }
        try (Reader reader = memory.reader(BUDGET)) {
            findType(reader);
            findOthers(reader);
            long size = reader.readLong(typeType + shift + TypeLayout.BASICSIZE);
            List<PythonLayout> layouts = PythonLayout.withTypesOf(size, shift > 0);
            if (layouts.isEmpty()) {
                throw new UnsupportedTargetException(
                        "%s runs a Python whose types have %d bytes, as those of no version that is known: %s"
                                .formatted(target.description(), size, SUPPORTED));
            }
            String versions = layouts.stream()
                            .map(layout -> "%d.%d".formatted(layout.version() / 100, layout.version() % 100))
                            .collect(Collectors.joining(" or "))
                    + (shift > 0 ? " without the global interpreter lock" : "");
            say(
                    "layout",
                    versions,
                    "types have %d bytes".formatted(size)
                            + (shift > 0
                                    ? ", and the type of an object lies %d bytes behind where it begins"
                                            .formatted(shift + ObjectLayout.TYPE)
                                    : ""),
                    Source.STRUCTURE);
            for (PythonLayout layout : layouts) {
                InterpreterFinder finder = new InterpreterFinder(target, reader, layout, variables, symbolOf());
                if (finder.find()) {
                    interpreters = finder;
                    return look(reader);
                }
            }
            throw new UnsupportedTargetException(
                    ("%s runs Python %s, but no interpreter was found: it may still be starting, or ending,"
                                    + " or its structures are not those of that version")
                            .formatted(target.description(), versions));
        }
    }

    /** Finds what may have changed since: interpreters, threads and arenas. */
    PythonRuntime refresh() {
        memory.refresh();
        Discovery again = new Discovery(target, symbols);
        try (Reader reader = memory.reader(BUDGET)) {
            again.typeType = typeType;
            again.shift = shift;
            again.variables = variables;
            again.module = module;
            evidence.stream()
                    .filter(said ->
                            said.subject().equals("type") || said.subject().equals("layout"))
                    .forEach(again.evidence::add);
            again.interpreters =
                    new InterpreterFinder(target, reader, interpreters.layout(), variables, again.symbolOf());
            if (again.interpreters.find()) {
                return again.look(reader);
            }
        }
        return new Discovery(target, symbols).locate();
    }

    /** The variables of all modules, those of the runtime first. */
    List<Range> allVariables() {
        return Stream.concat(
                        variables.stream(), target.modules().stream().flatMap(some -> some.writableSegments().stream()))
                .distinct()
                .toList();
    }

    private InterpreterFinder.Symbols symbolOf() {
        return name -> symbols && module.isPresent() ? module.get().symbol(name) : OptionalLong.empty();
    }

    private PythonRuntime look(Reader reader) {
        PythonLayout layout = interpreters.layout();
        evidence.addAll(interpreters.evidence());
        List<Pymalloc> found = List.of();
        if (layout.freeThreaded()) {
            say(
                    "allocator",
                    "mimalloc, a copy of its own",
                    "a build without the lock has no other: its blocks are those of a heap of their own",
                    Source.STRUCTURE);
        } else {
            AllocatorFinder allocators = new AllocatorFinder(target, reader, layout, variables, symbolOf());
            found = allocators.find(interpreters.interpreters());
            evidence.addAll(allocators.evidence());
        }
        boolean heads = hasDebugHead(reader, layout);
        if (heads) {
            say("debug heads", "each block has one", "the one before the dictionary of sys", Source.STRUCTURE);
        }
        return new PythonRuntime(
                this,
                target,
                new PythonRuntime.Found(
                        interpreters.version(),
                        interpreters.banner(),
                        layout,
                        interpreters.runtime(),
                        typeType,
                        interpreters.wideUnit(),
                        interpreters.interpreters(),
                        found,
                        heads),
                evidence);
    }

    /** Whether the block of an object that every interpreter has begins with a head for debugging. */
    private boolean hasDebugHead(Reader reader, PythonLayout layout) {
        long block = interpreters.interpreters().getFirst().sysdict()
                - layout.object().gcHead();
        return PymallocLayout.isDebugHead(
                reader.readLong(block - PymallocLayout.DEBUG_HEAD, -1),
                reader.readLong(block - PymallocLayout.DEBUG_HEAD + PymallocLayout.DEBUG_LETTER, 0));
    }

    private void findType(Reader reader) {
        if (symbols) {
            for (ElfModule some : target.modules()) {
                OptionalLong address = some.exported("PyType_Type");
                if (address.isPresent()) {
                    for (int distance : SHIFTS) {
                        if (isTypeType(reader, address.getAsLong(), distance)) {
                            take(
                                    address.getAsLong(),
                                    distance,
                                    Optional.of(some),
                                    "the symbol PyType_Type",
                                    Source.SYMBOL);
                            return;
                        }
                    }
                }
            }
        }
        // Modules that are named after it first: other libraries may have much more to search.
        List<ElfModule> modules = Stream.concat(
                        target.modules().stream().filter(Discovery::isNamed),
                        target.modules().stream().filter(some -> !isNamed(some)))
                .toList();
        for (ElfModule some : modules) {
            long found = scan(reader, some.writableSegments());
            if (found != 0) {
                take(found, scanned, Optional.of(some), "an object that is its own type, in " + some.path());
                return;
            }
        }
        if (target.mode() == Target.Mode.CORE) {
            for (Mapping mapping : memory.mappings()) {
                Range range = new Range(mapping.start(), mapping.end());
                if (!mapping.writable() || range.length() > LARGEST_VARIABLES) {
                    continue;
                }
                long found = scan(reader, List.of(range));
                if (found != 0) {
                    take(found, scanned, Optional.empty(), "an object that is its own type, in writable memory");
                    return;
                }
            }
        }
        Optional<ElfModule> likely = likely(target);
        if (likely.isPresent()) {
            throw new UnsupportedTargetException(
                    "%s has Python in %s, but the types of no version that is known were found: it may still be starting"
                            .formatted(target.description(), likely.get().path()));
        }
        throw new UnsupportedTargetException("%s is no Python process: no module of it has the types of CPython%s"
                .formatted(target.description(), program()));
    }

    /** How far the fields of what {@link #scan} found are behind where it begins. */
    private int scanned;

    /** Finds the type that is its own type; 0 if there is none. */
    private long scan(Reader reader, List<Range> ranges) {
        VariableScan scan = new VariableScan(memory, ranges);
        while (scan.next()) {
            long distance = scan.address() - scan.word();
            for (int some : SHIFTS) {
                if (distance == some + ObjectLayout.TYPE && isTypeType(reader, scan.word(), some)) {
                    scanned = some;
                    return scan.word();
                }
            }
        }
        return 0;
    }

    private void take(long found, int distance, Optional<ElfModule> in, String basis, Source... sources) {
        typeType = found;
        shift = distance;
        module = in;
        variables = in.map(ElfModule::writableSegments).orElseGet(() -> around(found));
        say(
                "type",
                "0x%x".formatted(found),
                basis + "; its base is derived from nothing",
                Stream.concat(Stream.of(Source.STRUCTURE), Stream.of(sources)).toArray(Source[]::new));
    }

    /** A program may have a second Python in a library that sees nothing of the first; its objects are not told. */
    private void findOthers(Reader reader) {
        for (ElfModule some : target.modules()) {
            if (module.isPresent() && some.path().equals(module.get().path())) {
                continue;
            }
            OptionalLong address = symbols ? some.exported("PyType_Type") : OptionalLong.empty();
            long other = address.isPresent()
                            && Arrays.stream(SHIFTS)
                                    .anyMatch(distance -> isTypeType(reader, address.getAsLong(), distance))
                    ? address.getAsLong()
                    : isNamed(some) ? scan(reader, some.writableSegments()) : 0;
            if (other != 0 && other != typeType) {
                say(
                        "another Python",
                        some.path(),
                        "an object at 0x%x that is its own type; objects of that Python are not told".formatted(other),
                        Source.STRUCTURE);
            }
        }
    }

    /** The writable mappings that lie one behind the other around an address. */
    private List<Range> around(long address) {
        long start = address;
        long end = address;
        for (Mapping mapping : memory.mappings()) {
            if (!mapping.writable()) {
                continue;
            }
            if (mapping.contains(address)) {
                start = start == address ? mapping.start() : start;
                end = mapping.end();
            } else if (mapping.start() == end && end != address) {
                end = mapping.end();
            }
        }
        return List.of(new Range(start, Math.min(end, start + LARGEST_VARIABLES)));
    }

    /** Whether an object is {@code type}: its own type, derived from one that is derived from nothing. */
    private boolean isTypeType(Reader reader, long address, int distance) {
        int type = ObjectLayout.TYPE + distance;
        if ((address & 7) != 0 || reader.readLong(address + type, 0) != address) {
            return false;
        }
        long size = reader.readLong(address + TypeLayout.BASICSIZE + distance, 0);
        long base = reader.readLong(address + TypeLayout.BASE + distance, 0);
        return size >= LEAST_TYPE
                && size <= MOST_TYPE
                && reader.readLong(address + TypeLayout.ITEMSIZE + distance, 0) == TypeLayout.MEMBER_SIZE
                && (reader.readLong(address + TypeLayout.FLAGS + distance, 0) & TypeLayout.TYPE_SUBCLASS) != 0
                && (base & 7) == 0
                && reader.readLong(base + type, 0) == address
                && reader.readLong(base + TypeLayout.BASE + distance, -1) == 0
                && mayBeNamed(reader, address + TypeLayout.TP_NAME + distance, "type")
                && mayBeNamed(reader, base + TypeLayout.TP_NAME + distance, "object");
    }

    /** A core may lack the constants that names are. */
    private static boolean mayBeNamed(Reader reader, long pointer, String name) {
        return reader.readCString(reader.readLong(pointer, 0), LONGEST_NAME, name)
                .equals(name);
    }

    private static boolean isNamed(ElfModule module) {
        return module.path().substring(module.path().lastIndexOf('/') + 1).contains("python");
    }

    /** The module that a quick look takes for Python's. */
    static Optional<ElfModule> likely(Target target) {
        return target.modules().stream()
                .filter(module -> module.exported("PyType_Type").isPresent() || isNamed(module))
                .findFirst();
    }

    private String program() {
        List<ElfModule> modules = target.modules();
        return modules.isEmpty() || modules.getFirst().path().isEmpty()
                ? ""
                : " (its program is " + modules.getFirst().path() + ")";
    }

    private void say(String subject, String conclusion, String basis, Source... sources) {
        evidence.add(Evidence.of(subject, conclusion, basis, sources));
    }
}
