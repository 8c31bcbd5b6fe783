// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.testkit.fuzz;

import dev.heapwalk.testkit.Cores;
import dev.heapwalk.testkit.Gdb;
import dev.heapwalk.testkit.Ledger;
import dev.heapwalk.testkit.LedgerProcess;
import dev.heapwalk.testkit.Python;
import dev.heapwalk.testkit.PythonProcess;
import dev.heapwalk.testkit.Release;
import dev.heapwalk.testkit.Ruby;
import dev.heapwalk.testkit.RubyProcess;
import dev.heapwalk.testkit.ToldProcess;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * Makes what is harmed later: cores of processes on each release, the files of these processes, and where in memory
 * what lies, as the processes themselves and gdb say. They are kept in the cache folder, so that an input's number
 * means the same input as long as the cache stays.
 */
public final class Seeds {
    /** Names a folder with cores from elsewhere, {@code *.core} or {@code *.core.xz}, which are harmed too. */
    public static final String CORES = "HEAPWALK_CORES";

    /** Part of the name of the kept ones: to be raised where they are made in another way. */
    private static final String MAKING = "7";

    private static final String DONE = "done";
    private static final int MOST_POINTERS = 20_000;
    private static final Pattern ADDRESS = Pattern.compile("\\{\"address\":\"(0x[0-9a-f]+)\"");
    private static final long HEAP_OF_ARENA = 1 << 26;
    private static final int LONGEST = 4000;
    /** Where a T_DATA object with a type has its pointer, in bytes. */
    private static final int DATA_OF_TYPED = 32;

    private interface Maker {
        void make(Path folder) throws IOException;
    }

    private Seeds() {}

    /**
     * Makes those that are not kept yet.
     *
     * @return the folder of each, in an order that stays
     * @throws IOException if one can't be made
     */
    public static List<Path> prepared() throws IOException {
        List<Path> seeds = new ArrayList<>();
        for (Release release : Release.debian()) {
            seeds.add(kept("malloc-" + release.label(), folder -> ledger(release, folder)));
        }
        seeds.add(kept("malloc-aarch64", folder -> aarch64(folder)));
        for (Ruby ruby : Ruby.debian()) {
            seeds.add(kept("ruby-" + ruby.version(), folder -> ruby(ruby, folder)));
        }
        for (Python python : Python.debian()) {
            seeds.add(kept(
                    "python-" + python.release().label() + "-" + python.version(), folder -> python(python, folder)));
        }
        for (Release release : Release.debian()) {
            seeds.add(allocator(release, "jemalloc", "libjemalloc.so.2"));
            seeds.add(allocator(release, "tcmalloc", "libtcmalloc_minimal.so.4"));
            if (release == Release.BOOKWORM || release == Release.SID) {
                seeds.add(allocator(
                        release, "mimalloc", release == Release.SID ? "libmimalloc.so.3" : "libmimalloc.so.2"));
            }
            seeds.add(allocator(release, "musl", ""));
        }
        for (String library : List.of("glib", "sqlite", "openssl")) {
            seeds.add(kept("native-" + library, folder -> told(library, folder)));
        }
        seeds.add(kept("native-cpp", Seeds::cpp));
        String elsewhere = System.getenv(CORES);
        if (elsewhere != null && !elsewhere.isEmpty()) {
            for (Path core : list(Path.of(elsewhere))) {
                String name = core.getFileName().toString();
                if (name.endsWith(".core") || name.endsWith(".core.xz")) {
                    String kept = "elsewhere-" + name.substring(0, name.indexOf(".core"));
                    seeds.add(kept(kept, folder -> elsewhere(core, folder)));
                }
            }
        }
        return seeds;
    }

    private static Path kept(String name, Maker maker) throws IOException {
        Path all = Files.createDirectories(Release.cache().resolve("fuzz").resolve(MAKING));
        Path folder = all.resolve(name);
        if (!Files.exists(folder.resolve(DONE))) {
            // What another run makes at the same time is as good.
            Path made = Files.createTempDirectory(all, name + ".");
            try {
                maker.make(made);
                Files.createFile(made.resolve(DONE));
                if (!Files.exists(folder)) {
                    Files.move(made, folder);
                }
            } finally {
                Folders.delete(made);
            }
        }
        return folder;
    }

    private static List<Path> list(Path folder) throws IOException {
        try (Stream<Path> files = Files.list(folder)) {
            return files.sorted().toList();
        }
    }

    /**
     * Where a process's files lie.
     *
     * @param own the root that it runs in
     * @param debug the same release's with debug symbols of its libc
     */
    private record Roots(Path own, Path debug) {
        static Roots of(Release release) {
            return new Roots(
                    release.root(false).orElseThrow(), release.root(true).orElseThrow());
        }

        static Roots of(Python python) {
            return new Roots(python.root(), of(python.release()).debug);
        }

        static Roots ofThisMachine() {
            return new Roots(Path.of("/"), Path.of("/"));
        }

        static Roots of(Ruby ruby) {
            return new Roots(ruby.root(), of(ruby.release().orElseThrow()).debug);
        }
    }

    private static void ledger(Release release, Path folder) throws IOException {
        try (LedgerProcess process = LedgerProcess.of(release, "arenas")
                .option("threads", 3)
                .option("rounds", 300)
                .start()) {
            Gdb gdb = Gdb.process(process);
            long[] symbols = gdb.addresses("&main_arena", "&mp_", "&_r_debug");
            long stateSize = Long.parseLong(gdb.values("sizeof(main_arena)").getFirst());
            Map<Integer, Long> tcaches = gdb.everyThread("tcache");
            Path core = Cores.gcore(process, folder);
            Places places = new Places();
            try (CoreFile file = new CoreFile(core)) {
                ledger(process.ledger(), places);
                for (long cache : new TreeSet<>(tcaches.values())) {
                    if (cache != 0) {
                        places.add(Place.TCACHE, cache, 0x280);
                    }
                }
                places.add(Place.HEAP, symbols[1], 0x90);
                // The field next is the third but last word, or the fourth, as the release has it: both are tried.
                TreeSet<Long> states = new TreeSet<>(List.of(symbols[0]));
                states(file, symbols[0], stateSize, states);
                for (long state : states) {
                    places.add(Place.STATE, state, stateSize);
                    if (state != symbols[0]) {
                        places.add(Place.HEAP, state & -HEAP_OF_ARENA, 48);
                    }
                }
                modules(file, symbols[2], places);
            }
            finish(core, Roots.of(release), places, folder);
        }
    }

    private static void states(CoreFile file, long state, long size, TreeSet<Long> found) {
        for (long at = state + size - 56; at < state + size - 8; at += 8) {
            long next = file.wordAt(at);
            // Arenas of threads lie behind the head of a heap.
            if ((next & HEAP_OF_ARENA - 1) < 0x80 && file.wordAt(next) != 0 && found.add(next)) {
                states(file, next, size, found);
            }
        }
    }

    private static void aarch64(Path folder) throws IOException {
        try (LedgerProcess process = LedgerProcess.of(Release.TRIXIE, "threads")
                .option("threads", 2)
                .option("rounds", 200)
                .aarch64()
                .start()) {
            Places places = new Places();
            ledger(process.ledger(), places);
            finish(Cores.abort(process, folder), Roots.of(Release.TRIXIE), places, folder);
        }
    }

    private static void ledger(Ledger ledger, Places places) {
        for (Ledger.Block block : ledger.live()) {
            places.add(Place.CHUNK, block.address() - 16, 16);
        }
        for (long freed : ledger.freed()) {
            places.add(Place.CHUNK, freed - 16, 16);
            places.add(Place.LINK, freed, 32);
        }
    }

    private static void modules(CoreFile file, long debug, Places places) {
        places.add(Place.MODULE_LIST, debug, 40);
        long map = file.wordAt(debug + 8);
        for (int i = 0; i < 100 && map != 0; i++, map = file.wordAt(map + 24)) {
            places.add(Place.MODULE_LIST, map, 48);
            places.add(Place.MODULE_LIST, file.wordAt(map + 8), 16);
        }
    }

    private static void ruby(Ruby ruby, Path folder) throws IOException {
        try (RubyProcess process =
                RubyProcess.of(ruby, "little").option("--disable=gems").start()) {
            Roots roots = Roots.of(ruby);
            List<Long> slots = new ArrayList<>();
            List<Long> machines = new ArrayList<>();
            try (Stream<String> lines = Files.lines(process.dumpAll())) {
                lines.forEach(line -> {
                    Matcher address = ADDRESS.matcher(line);
                    if (address.find()) {
                        slots.add(Long.decode(address.group(1)));
                        if (line.contains("\"struct\":\"VM\"")) {
                            machines.add(slots.getLast());
                        }
                    }
                });
            }
            Path core = Cores.gcore(process, folder);
            Places places = new Places();
            try (CoreFile file = new CoreFile(core)) {
                slots(file, slots, ruby.isAtLeast(3, 2) ? 1 << 16 : 1 << 14, places);
                long vm = file.wordAt(machines.getFirst() + DATA_OF_TYPED);
                places.add(Place.VM, vm, 1200);
                for (long at = vm; at < vm + 1200; at += 8) {
                    places.block(file, Place.VM, file.wordAt(at), 400);
                }
                variables(file, roots, "/libruby", Place.STATIC, places);
                modules(file, symbol(file, roots, "/ld-", "_r_debug"), places);
            }
            finish(core, roots, places, folder);
        }
    }

    private static void python(Python python, Path folder) throws IOException {
        try (PythonProcess process = PythonProcess.of(python).start()) {
            for (String command : List.of("kinds", "owners", "databases", "stacks")) {
                process.ask(command);
            }
            List<Long> objects = new ArrayList<>();
            for (String command : List.of("objects", "types", "values", "dicts")) {
                process.ask(command).forEach(line -> objects.add(Long.decode(line.split(" ")[0])));
            }
            Path core = Cores.gcore(process, folder);
            Places places = new Places();
            try (CoreFile file = new CoreFile(core)) {
                for (long object : objects) {
                    places.add(Place.OBJECT, object, 48);
                    for (long size : new long[] {1 << 12, 1 << 14}) {
                        if (file.wordAt(object & -size) != 0) {
                            // A large object lies in a block of malloc's, which need not begin here.
                            places.add(Place.ALLOCATOR, object & -size, 48);
                        }
                    }
                }
                Roots roots = Roots.of(python);
                variables(file, roots, "/python3", Place.STATIC, places);
                places.add(Place.VM, symbol(file, roots, "/python3", "_PyRuntime"), 1 << 12);
                modules(file, symbol(file, roots, "/ld-", "_r_debug"), places);
                places.pointers(file, MOST_POINTERS);
            }
            finish(core, Roots.of(python), places, folder);
        }
    }

    private static Path allocator(Release release, String name, String library) throws IOException {
        return kept("allocator-" + name + "-" + release.label(), folder -> {
            LedgerProcess.Launch launch =
                    LedgerProcess.of(release, "threads").option("threads", 2).option("rounds", 200);
            try (LedgerProcess process = (library.isEmpty() ? launch.musl(false) : launch.preload(library)).start()) {
                Ledger ledger = process.ledger();
                Path core = Cores.gcore(process, folder);
                Places places = new Places();
                try (CoreFile file = new CoreFile(core)) {
                    for (Ledger.Block block : ledger.live()) {
                        heads(file, block.address(), places);
                    }
                    for (long freed : ledger.freed()) {
                        heads(file, freed, places);
                        places.add(Place.LINK, freed, 16);
                    }
                    variables(
                            file,
                            Roots.of(release),
                            library.isEmpty() ? "-musl/libc.so" : "/lib" + name,
                            Place.ALLOCATOR,
                            places);
                    places.follow(file, Place.ALLOCATOR, 256, 1000);
                    places.follow(file, Place.ALLOCATOR, 128, 4000);
                    places.pointers(file, MOST_POINTERS);
                }
                finish(core, Roots.of(release), places, folder);
            }
        });
    }

    /** What an allocator may keep just before a block, and where the page, the span or the segment begins. */
    private static void heads(CoreFile file, long block, Places places) {
        places.add(Place.ALLOCATOR, block - 16, 16);
        for (int shift : new int[] {12, 13, 16, 22, 25}) {
            long head = block & -(1L << shift);
            if (file.elf().offset(head) >= 0) {
                places.add(Place.ALLOCATOR, head, 128);
            }
        }
    }

    private static void told(String library, Path folder) throws IOException {
        try (ToldProcess process = ToldProcess.start(Release.TRIXIE, library, Map.of("G_SLICE", "always-malloc"))) {
            Path core = Cores.gcore(Release.TRIXIE, process.pid(), folder);
            Places places = new Places();
            try (CoreFile file = new CoreFile(core)) {
                for (long structure : process.addresses()) {
                    places.block(file, Place.OBJECT, structure, 64);
                    for (int at = 0; at < 64; at += 8) {
                        places.block(file, Place.TABLE, file.wordAt(structure + at), 128);
                    }
                }
                places.pointers(file, MOST_POINTERS);
            }
            finish(core, Roots.of(Release.TRIXIE), places, folder);
        }
    }

    private static void cpp(Path folder) throws IOException {
        try (ToldProcess process = ToldProcess.startCpp("-O1")) {
            Path core = Cores.gcore(Release.HOST, process.pid(), folder);
            Places places = new Places();
            try (CoreFile file = new CoreFile(core)) {
                places.pointers(file, MOST_POINTERS);
            }
            finish(core, Roots.ofThisMachine(), places, folder);
        }
    }

    /** Adds the variables of a program or library, also those that its file has no bytes of. */
    private static void variables(CoreFile core, Roots roots, String name, Place place, Places places)
            throws IOException {
        Elf.MappedFile mapped = mapped(core, name);
        Elf elf = elf(roots, mapped);
        long bias = bias(mapped, elf);
        for (Elf.Segment variables : elf.segments()) {
            if (variables.type() == Elf.PT_LOAD && (variables.flags() & Elf.WRITABLE) != 0) {
                long start = bias + variables.address() & -8L;
                for (long at = start; at + 8 <= bias + variables.address() + variables.size(); at += 8) {
                    if (core.wordAt(at) != 0) {
                        places.add(place, at, 8);
                    }
                }
            }
        }
    }

    /** By how much the addresses in memory are above those in the file: 0 for a program that lies where it says. */
    private static long bias(Elf.MappedFile mapped, Elf elf) {
        return mapped.start()
                - elf.segments().stream()
                        .filter(segment -> segment.type() == Elf.PT_LOAD)
                        .mapToLong(segment -> segment.address() & -4096L)
                        .min()
                        .orElseThrow();
    }

    private static Elf.MappedFile mapped(CoreFile core, String name) throws IOException {
        return core.elf().mappedFiles().stream()
                .filter(mapped -> mapped.name().contains(name))
                .findFirst()
                .orElseThrow(() -> new IOException("no " + name + " is mapped"));
    }

    private static Elf elf(Roots roots, Elf.MappedFile mapped) throws IOException {
        Path file = roots.own.resolve(inside(roots, mapped).substring(1));
        return new Elf(new InMemory(Files.readAllBytes(file)));
    }

    /** The path within the root: who mapped it is seen from outside, with the path of its root before its own. */
    private static String inside(Roots roots, Elf.MappedFile mapped) {
        String root = roots.own.toString();
        return mapped.name().startsWith(root + "/") ? mapped.name().substring(root.length()) : mapped.name();
    }

    /** The address of a variable that a library exports. */
    private static long symbol(CoreFile core, Roots roots, String library, String name) throws IOException {
        Elf.MappedFile mapped = mapped(core, library);
        Elf elf = elf(roots, mapped);
        return bias(mapped, elf) + elf.dynamicSymbol(name).orElseThrow();
    }

    private static void slots(CoreFile file, List<Long> slots, long pageSize, Places places) {
        TreeSet<Long> pages = new TreeSet<>();
        for (long slot : slots) {
            places.add(Place.SLOT, slot, 40);
            pages.add(slot & -pageSize);
        }
        for (long page : pages) {
            places.add(Place.PAGE, page, 16);
            places.block(file, Place.PAGE, file.wordAt(page), 160);
        }
        for (long slot : slots) {
            for (long at = slot + 8; at < slot + 40; at += 8) {
                long outside = file.wordAt(at);
                if (!pages.contains(outside & -pageSize)) {
                    places.block(file, Place.TABLE, outside, 128);
                }
            }
        }
    }

    private static void elsewhere(Path core, Path folder) throws IOException {
        Path file = folder.resolve(FuzzSeed.CORE);
        if (core.toString().endsWith(".xz")) {
            Process xz = new ProcessBuilder("xz", "-dc", core.toString())
                    .redirectError(ProcessBuilder.Redirect.INHERIT)
                    .start();
            try (InputStream unpacked = xz.getInputStream()) {
                Folders.copySparse(unpacked, file);
            }
        } else {
            Folders.copySparse(core, file);
        }
        Files.createDirectory(folder.resolve(FuzzSeed.FILES));
        Files.writeString(folder.resolve(FuzzSeed.PLACES), "");
    }

    /** Puts the core where it stays, and beside it the files that it names and what tells more of them. */
    private static void finish(Path core, Roots roots, Places places, Path folder) throws IOException {
        Path files = Files.createDirectory(folder.resolve(FuzzSeed.FILES));
        try (CoreFile file = new CoreFile(core)) {
            TreeSet<String> names = new TreeSet<>(List.of("/etc/os-release"));
            for (Elf.MappedFile mapped : file.elf().mappedFiles()) {
                names.add(inside(roots, mapped));
            }
            for (String name : names) {
                copy(roots.own, name, files);
                Path own = files.resolve(name.substring(1));
                if (Files.isRegularFile(own)) {
                    buildId(own)
                            .ifPresent(id -> copy(
                                    roots.debug,
                                    "/usr/lib/debug/.build-id/" + id.substring(0, 2) + "/" + id.substring(2) + ".debug",
                                    files));
                }
            }
        }
        Folders.copySparse(core, folder.resolve(FuzzSeed.CORE));
        Files.delete(core);
        places.write(folder.resolve(FuzzSeed.PLACES));
    }

    private static Optional<String> buildId(Path file) throws IOException {
        byte[] content = Files.readAllBytes(file);
        if (content.length < Elf.HEADER || content[0] != 0x7f) {
            return Optional.empty();
        }
        return new Elf(new InMemory(content)).buildId().map(id -> id.toLowerCase(Locale.ROOT));
    }

    private static void copy(Path root, String name, Path files) {
        try {
            Path from = root.resolve(name.substring(1)).toRealPath();
            Path to = files.resolve(name.substring(1));
            if (from.startsWith(root.toRealPath()) && Files.isRegularFile(from) && name.length() < LONGEST) {
                Files.createDirectories(to.getParent());
                Files.copy(from, to, StandardCopyOption.REPLACE_EXISTING);
            }
        } catch (IOException e) {
            // What is not there is a mapping without a file, or has no debug file.
            return;
        }
    }
}
