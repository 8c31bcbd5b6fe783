// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.malloc;

import dev.heapwalk.heap.Source;
import dev.heapwalk.malloc.layout.MallocLayout;
import dev.heapwalk.memory.Mapping;
import dev.heapwalk.memory.Range;
import dev.heapwalk.memory.Target;
import dev.heapwalk.memory.elf.ElfModule;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * Where the C library lies in a target, as far as modules tell, and what other allocators there are.
 *
 * @param module the C library; empty if no module is it
 * @param ranges where its variables may lie: its writable segments, or every writable mapping where it is not known
 * @param hint what names its version, or empty
 * @param others names of other allocators that are loaded
 * @param foreign what kind of program it is if that has no glibc malloc to look for, or empty
 */
record LibcModule(
        Optional<ElfModule> module,
        List<Range> ranges,
        Optional<Hint> hint,
        List<String> others,
        Optional<String> foreign) {

    /**
     * What names a version, which patches may have left behind.
     *
     * @param version such as {@code 2.36}
     * @param what what names it, for people
     * @param source the same for code
     */
    record Hint(String version, String what, Source source) {}

    private static final Pattern BANNER = Pattern.compile("GNU C Library[^\n\0]{0,80}? version (2\\.[0-9]{1,3})");
    private static final Map<String, String> ALLOCATORS = new TreeMap<>(
            Map.of("mallctl", "jemalloc", "je_mallctl", "jemalloc", "tc_malloc", "tcmalloc", "mi_malloc", "mimalloc"));

    private static final Pattern LIBC_FILE = Pattern.compile("libc(\\.so\\.6|-2\\.[0-9]+\\.so)( \\(deleted\\))?");
    /** Before 2.34 files of glibc have its version in their names. */
    private static final Pattern VERSIONED = Pattern.compile(
            "(?:libc|ld|libm|libpthread|libdl|librt|libutil|libresolv)-(2\\.[0-9]{1,3})\\.so(?: \\(deleted\\))?");

    private static final String MUSL = "musl libc (";
    private static final String GO = "\u00ff Go buildinf:";
    private static final int MARK_SEARCH = 1 << 20;
    private static final int BANNER_STEP = 1 << 20;
    private static final long BANNER_SEARCH = 8L << 20;

    static LibcModule of(Target target, boolean symbols) {
        List<ElfModule> modules = target.modules();
        Optional<ElfModule> libc = modules.stream().filter(LibcModule::isLibc).findFirst();
        List<String> others = others(target, modules, libc.isPresent());
        Optional<String> foreign = libc.isPresent() ? Optional.empty() : foreign(target, modules);
        Optional<ElfModule> holder = libc;
        if (libc.isEmpty() && foreign.isEmpty()) {
            // A static program has its own copy; so may any module of a target whose modules have no names.
            holder = modules.stream()
                    .filter(module -> symbols && module.symbol("main_arena").isPresent())
                    .findFirst();
        }
        List<Range> ranges = holder.map(ElfModule::writableSegments)
                .filter(list -> !list.isEmpty())
                .orElseGet(() -> everything(target, modules));
        return new LibcModule(
                holder,
                ranges,
                holder.flatMap(module -> banner(target, module))
                        .map(version -> new Hint(version, "the banner", Source.BANNER))
                        .or(() -> fileName(target, libc)),
                others,
                foreign);
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
            if (isLibc(module) || name.startsWith("ld-") || name.startsWith("ld.") || name.startsWith("[")) {
                continue;
            }
            // Linked into the program it need not be exported.
            boolean program = module == modules.getFirst();
            String allocator = null;
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
                allocator = "an allocator of its own";
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
                while (found >= 0) {
                    Matcher matcher = BANNER.matcher(
                            new String(bytes, found, Math.min(got - found, 200), StandardCharsets.ISO_8859_1));
                    if (matcher.find()) {
                        return Optional.of(matcher.group(1));
                    }
                    found = -1;
                }
            }
        }
        return Optional.empty();
    }

    private static int indexOf(byte[] bytes, int length, String text) {
        byte[] wanted = text.getBytes(StandardCharsets.ISO_8859_1);
        for (int i = 0; i <= length - wanted.length; i++) {
            if (bytes[i] == wanted[0] && Arrays.equals(bytes, i, i + wanted.length, wanted, 0, wanted.length)) {
                return i;
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
