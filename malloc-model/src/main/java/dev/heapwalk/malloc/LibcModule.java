// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.malloc;

import dev.heapwalk.heap.Source;
import dev.heapwalk.malloc.layout.MallocLayout;
import dev.heapwalk.memory.Mapping;
import dev.heapwalk.memory.Range;
import dev.heapwalk.memory.Reader;
import dev.heapwalk.memory.Target;
import dev.heapwalk.memory.elf.ElfModule;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * Where a C library lies in a target, as far as modules tell, and what other allocators there are.
 *
 * @param module the C library, or what has a copy of its malloc; empty if no module is it
 * @param ranges where its variables may lie: its writable segments, or every writable mapping where it is not known
 * @param hint what names its version, or empty
 * @param others names of other allocators that are loaded
 * @param foreign what kind of program it is if that has no glibc malloc to look for, or empty
 * @param debug whether it is {@code libc_malloc_debug.so}, whose copy of malloc has no thread caches and checks blocks
 * @param label what its heap is called where there are several
 */
record LibcModule(
        Optional<ElfModule> module,
        List<Range> ranges,
        Optional<Hint> hint,
        List<String> others,
        Optional<String> foreign,
        boolean debug,
        String label) {

    /**
     * What names a version, which patches may have left behind.
     *
     * @param version such as {@code 2.36}
     * @param what what names it, for people
     * @param source the same for code
     */
    record Hint(String version, String what, Source source) {}

    private static final Pattern BANNER = Pattern.compile("GNU C Library[^\n\0]{0,80}? version (2\\.[0-9]{1,3})");
    private static final Map<String, String> ALLOCATORS = new TreeMap<>(Map.ofEntries(
            Map.entry("mallctl", "jemalloc"),
            Map.entry("je_mallctl", "jemalloc"),
            Map.entry("tc_malloc", "tcmalloc"),
            Map.entry("TCMallocInternalMalloc", "Google's tcmalloc"),
            Map.entry("mi_malloc", "mimalloc"),
            Map.entry("moz_arena_malloc", "mozjemalloc"),
            Map.entry("__asan_init", "AddressSanitizer"),
            Map.entry("__hwasan_init", "HWAddressSanitizer"),
            Map.entry("__lsan_init", "LeakSanitizer"),
            Map.entry("__msan_init", "MemorySanitizer"),
            Map.entry("__tsan_init", "ThreadSanitizer"),
            Map.entry("EF_ALIGNMENT", "Electric Fence"),
            Map.entry("DUMA_ALIGNMENT", "DUMA"),
            Map.entry("dmalloc_shutdown", "dmalloc")));
    /** Valgrind's tools that take the place of malloc load a library of this name; those that do not load another. */
    private static final Pattern VALGRIND = Pattern.compile("vgpreload_(?!core-)([a-z-]+?)-[a-z0-9_]+-[a-z]+\\.so");

    private static final Pattern LIBC_FILE = Pattern.compile("libc(\\.so\\.6|-2\\.[0-9]+\\.so)( \\(deleted\\))?");
    /** Before 2.34 files of glibc have its version in their names. */
    private static final Pattern VERSIONED = Pattern.compile(
            "(?:libc|ld|libm|libpthread|libdl|librt|libutil|libresolv)-(2\\.[0-9]{1,3})\\.so(?: \\(deleted\\))?");

    private static final String DEBUG = "libc_malloc_debug.so";
    /** {@code PT_INTERP}. */
    private static final int INTERPRETER = 3;

    private static final String MUSL = "musl libc (";
    private static final String GO = "\u00ff Go buildinf:";
    /**
     * Texts in what exports a {@code malloc} of its own: a property that Google's tcmalloc can be asked for, and
     * gperftools' can't; the name that Chromium's allocator has in the names of its source files.
     */
    private static final Map<String, String> TEXTS = new TreeMap<>(Map.of(
            "tcmalloc.per_cpu_caches_active", "Google's tcmalloc",
            "partition_alloc/", "PartitionAlloc"));

    private static final long TEXT_SEARCH = 64L << 20;
    private static final int MARK_SEARCH = 1 << 20;
    private static final int BANNER_STEP = 1 << 20;
    private static final long BANNER_SEARCH = 8L << 20;

    /** Every C library of a target, the program's own first; one that is empty if no module is one. */
    static List<LibcModule> all(Target target, Reader reader, boolean symbols) {
        List<ElfModule> modules = target.modules();
        List<ElfModule> libraries = modules.stream().filter(LibcModule::isLibc).toList();
        List<String> others = others(target, modules, !libraries.isEmpty());
        if (libraries.isEmpty()) {
            Optional<String> foreign = foreign(target, modules);
            // A static program has its own copy; so may any module of a target whose modules have no names.
            Optional<ElfModule> holder = foreign.isPresent()
                    ? Optional.empty()
                    : modules.stream()
                            .filter(module ->
                                    symbols && module.symbol("main_arena").isPresent())
                            .findFirst();
            return List.of(of(target, holder, others, foreign, false, ""));
        }
        List<LibcModule> all = new ArrayList<>();
        if (libraries.size() == 1 && modules.stream().noneMatch(LibcModule::isDebug)) {
            staticProgram(modules, reader)
                    .ifPresent(program ->
                            all.add(of(target, Optional.of(program), others, Optional.empty(), false, file(program))));
            all.add(of(target, Optional.of(libraries.getFirst()), others, Optional.empty(), false, "libc.so.6"));
            return List.copyOf(all);
        }
        Namespaces namespaces = Namespaces.of(modules, reader);
        staticProgram(modules, reader)
                .ifPresent(program ->
                        all.add(of(target, Optional.of(program), others, Optional.empty(), false, file(program))));
        modules.stream()
                .filter(LibcModule::hasMalloc)
                .sorted(Comparator.<ElfModule>comparingInt(module -> namespaces.of(module) < 0 ? 1 : 0)
                        .thenComparingInt(namespaces::of)
                        .thenComparing(LibcModule::isDebug))
                .forEach(module -> all.add(of(
                        target,
                        Optional.of(module),
                        others,
                        Optional.empty(),
                        isDebug(module),
                        label(module, namespaces.of(module)))));
        return List.copyOf(all);
    }

    private static String label(ElfModule module, int namespace) {
        String name = isDebug(module) ? "libc_malloc_debug.so" : "libc.so.6";
        return namespace == 0
                ? name
                : name
                        + (namespace > 0
                                ? ", namespace " + namespace
                                : " at 0x%x"
                                        .formatted(module.mappings().getFirst().start()));
    }

    private static LibcModule of(
            Target target,
            Optional<ElfModule> module,
            List<String> others,
            Optional<String> foreign,
            boolean debug,
            String label) {
        List<Range> ranges = module.map(ElfModule::writableSegments)
                .filter(list -> !list.isEmpty())
                .orElseGet(() -> everything(target, target.modules()));
        return new LibcModule(
                module,
                ranges,
                module.flatMap(one -> banner(target, one))
                        .map(version -> new Hint(version, "the banner", Source.BANNER))
                        .or(() -> fileName(target, module)),
                others,
                foreign,
                debug,
                label);
    }

    /** Whether some modules have the same C libraries as others, so that these need not be looked for again. */
    static boolean sameLibraries(List<ElfModule> some, List<ElfModule> others) {
        return some == others
                || some.stream()
                        .filter(LibcModule::hasMalloc)
                        .toList()
                        .equals(others.stream().filter(LibcModule::hasMalloc).toList());
    }

    private static boolean hasMalloc(ElfModule module) {
        return isLibc(module) || isDebug(module);
    }

    /** The program if it is linked with a C library of its own, although it loaded another one. */
    private static Optional<ElfModule> staticProgram(List<ElfModule> modules, Reader reader) {
        return modules.stream()
                .filter(ElfModule::program)
                .filter(program -> !program.mappings().isEmpty())
                .filter(program -> needsNoLinker(program.mappings().getFirst().start(), reader))
                .findFirst();
    }

    /** Whether an ELF header in memory is that of a program without a dynamic linker. */
    private static boolean needsNoLinker(long header, Reader reader) {
        long table = header + reader.readLong(header + 32, 0);
        int size = reader.readInt(header + 52, 0) >>> 16;
        int count = reader.readInt(header + 56, 0) & 0xffff;
        for (int i = 0; i < count; i++) {
            if (reader.readInt(table + (long) size * i, INTERPRETER) == INTERPRETER) {
                return false;
            }
        }
        return count > 0;
    }

    /** The version that the names of files tell: of the C library, or of what comes with it. */
    private static Optional<Hint> fileName(Target target, Optional<ElfModule> libc) {
        Stream<String> paths = Stream.concat(
                libc.stream().map(ElfModule::path),
                target.memory().mappings().list().stream().map(Mapping::path));
        return paths.map(path -> path.substring(path.lastIndexOf('/') + 1))
                .map(VERSIONED::matcher)
                .filter(Matcher::matches)
                .findFirst()
                .map(matcher -> new Hint(matcher.group(1), "the name of the file " + matcher.group(), Source.MODULE));
    }

    static String file(ElfModule module) {
        return module.path().substring(module.path().lastIndexOf('/') + 1);
    }

    /** Whether a module is the library that checks blocks if {@code glibc.malloc.check} says so, since 2.34. */
    private static boolean isDebug(ElfModule module) {
        return file(module).startsWith(DEBUG);
    }

    static boolean isLibc(ElfModule module) {
        return module.soname().filter("libc.so.6"::equals).isPresent()
                || LIBC_FILE.matcher(file(module)).matches();
    }

    /** Other allocators. In a static program without a C library of its own {@code malloc} may well be glibc's. */
    private static List<String> others(Target target, List<ElfModule> modules, boolean libc) {
        List<String> found = new ArrayList<>();
        if (libc) {
            modules.stream()
                    .limit(1)
                    .filter(program -> isGo(target, program))
                    .forEach(program -> found.add("Go's own allocator in " + file(program)));
        }
        for (ElfModule module : modules) {
            String name = file(module);
            if (hasMalloc(module) || name.startsWith("ld-") || name.startsWith("ld.") || name.startsWith("[")) {
                continue;
            }
            // Linked into the program it need not be exported.
            boolean program = module == modules.getFirst();
            Matcher valgrind = VALGRIND.matcher(name);
            String allocator = valgrind.matches() ? "valgrind's " + valgrind.group(1) : null;
            for (Map.Entry<String, String> entry : ALLOCATORS.entrySet()) {
                if (allocator == null
                        && (program ? module.symbol(entry.getKey()) : module.exported(entry.getKey())).isPresent()) {
                    allocator = entry.getValue();
                }
            }
            if (allocator == null
                    && libc
                    && module.exported("malloc").isPresent()
                    && module.exported("free").isPresent()) {
                allocator = TEXTS.entrySet().stream()
                        .filter(entry -> mentions(target, module, entry.getKey()))
                        .findFirst()
                        .map(Map.Entry::getValue)
                        .orElse("an allocator of its own");
            }
            if (allocator != null) {
                found.add(allocator + " in " + name);
            }
        }
        return List.copyOf(found);
    }

    private static Optional<String> foreign(Target target, List<ElfModule> modules) {
        for (ElfModule module : modules) {
            String name = file(module);
            if (name.startsWith("ld-musl") || name.startsWith("libc.musl") || isMusl(target, module)) {
                return Optional.of("a program on musl (" + name + ")");
            }
            if (name.equals("libc.so") && module.path().contains("bionic")) {
                return Optional.of("a program on Android's libc");
            }
            if (name.equals("libuClibc.so.0") || name.startsWith("libuClibc-")) {
                return Optional.of("a program on uClibc (" + name + ")");
            }
        }
        // A Go program that is linked with a static glibc has that one's malloc as well.
        return modules.stream()
                .limit(1)
                .filter(program ->
                        isGo(target, program) && program.symbol("main_arena").isEmpty())
                .findFirst()
                .map(program -> "a Go program (" + file(program) + ")");
    }

    /**
     * Whether a module is musl: its library, which may have any name, or a static program that has not lost its
     * symbols.
     */
    private static boolean isMusl(Target target, ElfModule module) {
        String name = file(module);
        return name.equals("libc.so")
                        && holds(target, module.mappings().stream().filter(mapping -> !mapping.writable()), MUSL, 1)
                || !name.startsWith("[")
                        && module.symbol("__libc_start_init").isPresent()
                        && module.symbol("__init_libc").isPresent();
    }

    /**
     * Whether a program is one that the Go linker made, which marks it in its data even if it leaves out every symbol.
     */
    private static boolean isGo(Target target, ElfModule program) {
        return holds(target, program.mappings().stream().filter(mapping -> !mapping.executable()), GO, 16)
                || program.symbol("runtime.mallocgc").isPresent();
    }

    /** Whether a module has a text among what it does not write to. */
    private static boolean mentions(Target target, ElfModule module, String text) {
        byte[] wanted = text.getBytes(StandardCharsets.ISO_8859_1);
        byte[] bytes = new byte[MARK_SEARCH];
        long searched = 0;
        for (Mapping mapping : module.mappings()) {
            for (long at = mapping.start();
                    mapping.readable() && !mapping.writable() && at < mapping.end() && searched < TEXT_SEARCH;
                    at += bytes.length - wanted.length) {
                int length = (int) Math.min(bytes.length, mapping.end() - at);
                int got = (int)
                        target.memory().read(at, MemorySegment.ofArray(bytes).asSlice(0, length));
                searched += length;
                for (int i = 0; i <= got - wanted.length; i++) {
                    if (bytes[i] == wanted[0] && Arrays.equals(bytes, i, i + wanted.length, wanted, 0, wanted.length)) {
                        return true;
                    }
                }
            }
        }
        return false;
    }

    private static boolean holds(Target target, Stream<Mapping> mappings, String text, int alignment) {
        byte[] wanted = text.getBytes(StandardCharsets.ISO_8859_1);
        byte[] bytes = new byte[MARK_SEARCH];
        return mappings.filter(Mapping::readable).anyMatch(mapping -> {
            int length = (int) Math.min(bytes.length, mapping.length());
            int got = (int) target.memory()
                    .read(mapping.start(), MemorySegment.ofArray(bytes).asSlice(0, length));
            for (int i = 0; i <= got - wanted.length; i += alignment) {
                if (bytes[i] == wanted[0] && Arrays.equals(bytes, i, i + wanted.length, wanted, 0, wanted.length)) {
                    return true;
                }
            }
            return false;
        });
    }

    /** The writable memory of a target in the order in which it is likely to hold {@code main_arena}. */
    private static List<Range> everything(Target target, List<ElfModule> modules) {
        List<Range> ranges = new ArrayList<>();
        for (ElfModule module : modules) {
            ranges.addAll(module.writableSegments());
        }
        List<Range> known = List.copyOf(ranges);
        target.memory().mappings().stream()
                .filter(mapping -> mapping.readable() && mapping.writable())
                .filter(mapping -> known.stream()
                        .noneMatch(range -> range.start() <= mapping.start() && mapping.end() <= range.end()))
                .sorted((a, b) -> Long.compare(a.length(), b.length()))
                .map(mapping -> new Range(mapping.start(), mapping.end()))
                .forEach(ranges::add);
        return List.copyOf(ranges);
    }

    private static Optional<String> banner(Target target, ElfModule module) {
        byte[] bytes = new byte[BANNER_STEP];
        long searched = 0;
        for (Mapping mapping : module.mappings()) {
            if (!mapping.readable() || mapping.writable() || mapping.executable()) {
                continue;
            }
            for (long at = mapping.start(); at < mapping.end() && searched < BANNER_SEARCH; at += BANNER_STEP - 256) {
                int length = (int) Math.min(BANNER_STEP, mapping.end() - at);
                int got = (int)
                        target.memory().read(at, MemorySegment.ofArray(bytes).asSlice(0, length));
                searched += length;
                int found = indexOf(bytes, got, "GNU C Library");
                if (found >= 0) {
                    Matcher matcher = BANNER.matcher(
                            new String(bytes, found, Math.min(got - found, 200), StandardCharsets.ISO_8859_1));
                    if (matcher.find()) {
                        return Optional.of(matcher.group(1));
                    }
                }
            }
        }
        return Optional.empty();
    }

    /** Where a text stands, or -1. By Horspool's way, since this runs before anything is compiled. */
    private static int indexOf(byte[] bytes, int length, String text) {
        byte[] wanted = text.getBytes(StandardCharsets.ISO_8859_1);
        int last = wanted.length - 1;
        int[] steps = new int[256];
        Arrays.fill(steps, wanted.length);
        for (int i = 0; i < last; i++) {
            steps[wanted[i] & 0xff] = last - i;
        }
        for (int end = last; end < length; end += steps[bytes[end] & 0xff]) {
            if (bytes[end] == wanted[last] && Arrays.equals(bytes, end - last, end + 1, wanted, 0, wanted.length)) {
                return end - last;
            }
        }
        return -1;
    }

    /** The layout that is hinted at, or else the newest. */
    MallocLayout hinted(List<MallocLayout> possible) {
        return version()
                .flatMap(named ->
                        possible.stream().filter(layout -> layout.covers(named)).findFirst())
                .orElse(possible.getLast());
    }

    /** The layouts that its malloc may have. */
    List<MallocLayout> layouts() {
        return debug ? MallocLayout.CHECKING : MallocLayout.ALL;
    }

    /** The version that is hinted at, or empty. */
    Optional<String> version() {
        return hint.map(Hint::version);
    }

    OptionalLong symbol(String name) {
        return module.map(found -> found.symbol(name)).orElse(OptionalLong.empty());
    }

    OptionalLong tlsSymbol(String name) {
        return module.map(found -> found.tlsSymbol(name)).orElse(OptionalLong.empty());
    }

    String name() {
        return module.map(LibcModule::file).orElse("the target");
    }

    /** Whether a word is one that the dynamic linker relocates, as {@code main_arena.next} is. */
    boolean relocated(long address) {
        return module.map(found -> Arrays.binarySearch(found.relativeRelocations(), address) >= 0)
                .orElse(false);
    }
}
