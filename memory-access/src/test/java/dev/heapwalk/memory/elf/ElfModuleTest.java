// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory.elf;

import static org.assertj.core.api.Assertions.assertThat;

import dev.heapwalk.memory.Range;
import dev.heapwalk.memory.Target;
import dev.heapwalk.testkit.CProgram;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Random;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ElfModuleTest {
    @TempDir
    private Path folder;

    static ElfModule module(Target target, String end) {
        List<ElfModule> found =
                target.modules().stream().filter(it -> it.path().endsWith(end)).toList();
        assertThat(found)
                .as("modules of " + target.modules() + " that end in " + end)
                .hasSize(1);
        return found.getFirst();
    }

    /** Every defined symbol of a table, against what readelf says of the file. */
    static void checkSymbols(ElfModule module, List<Oracle.Symbol> symbols, int every) {
        Map<String, List<Oracle.Symbol>> byName = symbols.stream()
                .filter(symbol ->
                        !symbol.type().equals("SECTION") && !symbol.type().equals("FILE"))
                .collect(Collectors.groupingBy(Oracle.Symbol::name));
        int at = 0;
        int checked = 0;
        for (Map.Entry<String, List<Oracle.Symbol>> entry : byName.entrySet()) {
            if (at++ % every != 0) {
                continue;
            }
            List<Oracle.Symbol> candidates = entry.getValue();
            List<Oracle.Symbol> best =
                    candidates.stream().filter(Oracle.Symbol::byDefault).toList();
            List<OptionalLong> addresses = new ArrayList<>();
            for (Oracle.Symbol symbol : best.isEmpty() ? candidates : best) {
                boolean inPlace =
                        symbol.type().equals("TLS") || symbol.section().equals("ABS");
                addresses.add(OptionalLong.of(inPlace ? symbol.value() : module.bias() + symbol.value()));
            }
            boolean threadLocal = candidates.getFirst().type().equals("TLS");
            assertThat(threadLocal ? module.tlsSymbol(entry.getKey()) : module.symbol(entry.getKey()))
                    .as(entry.getKey() + " of " + module.path())
                    .isIn(addresses);
            assertThat(threadLocal ? module.symbol(entry.getKey()) : module.tlsSymbol(entry.getKey()))
                    .as(entry.getKey() + " as of the other kind")
                    .isEmpty();
            checked++;
        }
        assertThat(checked).isPositive();
    }

    @Test
    void everyDynamicSymbolIsWhereReadelfSaysItIs() throws IOException {
        try (Subject subject = Subject.start("-rdynamic");
                Target target = subject.observe()) {
            for (String end : List.of("/libc.so.6", "/ld-linux-x86-64.so.2", "/subject")) {
                ElfModule module = module(target, end);
                List<Oracle.Symbol> symbols = Oracle.symbols(Path.of(module.path()), "--dyn-syms");
                checkSymbols(module, symbols, 1);
                assertThat(module.symbol("no_such_symbol_anywhere")).isEmpty();
                assertThat(module.symbol("")).isEmpty();
            }
            ElfModule program = module(target, "/subject");
            for (String name : List.of("exported_variable", "zeroed_variable", "exported_function")) {
                assertThat(program.symbol(name)).as(name).hasValue(subject.told(name));
            }
            assertThat(module(target, "/libc.so.6").symbol("malloc")).hasValue(subject.told("malloc"));
        }
    }

    @Test
    void aTableWithTheOlderHashIsSearchedToo() throws IOException {
        try (Subject subject = Subject.start("-rdynamic", "-Wl,--hash-style=sysv", "-Wl,-s");
                Target target = subject.observe()) {
            ElfModule program = module(target, "/subject");
            assertThat(program.hasFullSymbols()).isFalse();
            checkSymbols(program, Oracle.symbols(subject.program(), "--dyn-syms"), 1);
            assertThat(program.symbol("no_such_symbol_anywhere")).isEmpty();
        }
    }

    @Test
    void localSymbolsComeFromTheFile() throws IOException {
        try (Subject subject = Subject.start();
                Target target = subject.observe()) {
            ElfModule program = module(target, "/subject");
            assertThat(program.hasFullSymbols()).isTrue();
            for (String name : List.of("exported_variable", "local_variable", "zeroed_variable", "exported_function")) {
                assertThat(program.symbol(name)).as(name).hasValue(subject.told(name));
            }
            // On x86-64 the program's block ends at the thread pointer, rounded up to its alignment.
            ProgramHeader tls = ((LoadedModule) program).tlsSegment().orElseThrow();
            long block = subject.told("main_thread") - (tls.memorySize() + tls.alignment() - 1 & -tls.alignment());
            for (String name : List.of("exported_tls", "local_tls")) {
                assertThat(block + program.tlsSymbol(name).orElseThrow())
                        .as(name)
                        .isEqualTo(subject.told(name));
            }
            checkSymbols(program, Oracle.symbols(subject.program(), "--syms"), 1);
        }
    }

    @Test
    void debugFilesAreFoundByBuildId() throws IOException {
        try (Subject subject = Subject.start();
                Target target = subject.observe()) {
            ElfModule libc = module(target, "/libc.so.6");
            String id = Oracle.buildId(Path.of(libc.path()));
            Path debug = Path.of("/usr/lib/debug/.build-id", id.substring(0, 2), id.substring(2) + ".debug");
            assertThat(debug).as("libc6-dbg of this machine").exists();
            assertThat(libc.hasFullSymbols()).isTrue();
            checkSymbols(libc, Oracle.symbols(debug, "--syms"), 97);
            String said = String.join(
                    "\n",
                    Oracle.lines(
                            "gdb", "-batch", "-nx", "-p", Long.toString(subject.pid()), "-ex", "print &main_arena"));
            assertThat(said).contains("0x%x".formatted(libc.symbol("main_arena").orElseThrow()));
        }
    }

    private static String line(String name, long address, long size, String type, String binding) {
        return "%s 0x%x %d %s %s".formatted(name, address, size, type, binding);
    }

    /** What readelf tells of tables, each name at each address once. */
    private static Collection<String> lines(ElfModule module, List<Oracle.Symbol> symbols) {
        Map<String, String> lines = new LinkedHashMap<>();
        for (Oracle.Symbol symbol : symbols) {
            // The last are in sections that are not loaded.
            if (symbol.type().equals("SECTION")
                    || symbol.type().equals("FILE")
                    || symbol.name().startsWith("__evoke_link_warning_")) {
                continue;
            }
            boolean number = symbol.section().equals("ABS");
            boolean inPlace = number || symbol.type().equals("TLS");
            long address = inPlace ? symbol.value() : module.bias() + symbol.value();
            String kind = number
                    ? "NUMBER"
                    : switch (symbol.type()) {
                        case "FUNC" -> "FUNCTION";
                        case "IFUNC" -> "CHOOSING_FUNCTION";
                        case "OBJECT" -> "VARIABLE";
                        case "TLS" -> "THREAD_LOCAL";
                        default -> "OTHER";
                    };
            lines.putIfAbsent(
                    symbol.name() + " " + address + " " + symbol.size(),
                    line(
                            symbol.name(),
                            address,
                            symbol.size(),
                            kind,
                            symbol.binding().replace("UNIQUE", "GLOBAL")));
        }
        return lines.values();
    }

    private static List<String> lines(ElfModule module) {
        return module.symbols()
                .map(symbol -> line(
                        symbol.name(),
                        symbol.address(),
                        symbol.size(),
                        symbol.kind().toString(),
                        symbol.binding().toString()))
                .toList();
    }

    private static Path debugFile(ElfModule module) throws IOException {
        String id = Oracle.buildId(Path.of(module.path()));
        return Path.of("/usr/lib/debug/.build-id", id.substring(0, 2), id.substring(2) + ".debug");
    }

    @Test
    void everySymbolThatReadelfTellsIsListedOnce() throws IOException {
        for (String[] options : new String[][] {{"-rdynamic"}, {"-Wl,--hash-style=sysv"}, {"-Wl,-s", "-rdynamic"}}) {
            try (Subject subject = Subject.start(options);
                    Target target = subject.observe()) {
                ElfModule program = module(target, "/subject");
                List<Oracle.Symbol> all = new ArrayList<>(Oracle.symbols(subject.program(), "--dyn-syms"));
                if (!options[0].equals("-Wl,-s")) {
                    all.addAll(Oracle.symbols(subject.program(), "--syms"));
                }
                assertThat(lines(program)).containsExactlyInAnyOrderElementsOf(lines(program, all));
                assertThat(program.symbols().filter(ElfSymbol::threadLocal).map(ElfSymbol::name))
                        .contains("exported_tls");
                for (String end : List.of("/libc.so.6", "/ld-linux-x86-64.so.2")) {
                    ElfModule library = module(target, end);
                    List<Oracle.Symbol> both = new ArrayList<>(Oracle.symbols(Path.of(library.path()), "--dyn-syms"));
                    both.addAll(Oracle.symbols(debugFile(library), "--syms"));
                    assertThat(lines(library)).containsExactlyInAnyOrderElementsOf(lines(library, both));
                }
            }
        }
    }

    private static final Pattern FOUND = Pattern.compile("(\\S+)(?: \\+ (\\d+))? in section \\S+(?: of .*)?");

    /** What gdb names at each address: a name and how far behind it, or nothing. */
    private static List<String> namesOf(long pid, List<Long> addresses) throws IOException {
        List<String> line = new ArrayList<>(List.of("gdb", "-batch", "-nx", "-p", Long.toString(pid)));
        for (long address : addresses) {
            line.addAll(List.of("-ex", "echo \\n~", "-ex", "info symbol 0x" + Long.toHexString(address)));
        }
        return Oracle.lines(line.toArray(String[]::new)).stream()
                .filter(each -> each.startsWith("~"))
                .map(each -> each.substring(1))
                .toList();
    }

    @Test
    void whatLiesAtAnAddressIsWhatGdbNamesThere() throws IOException {
        Random random = new Random(11);
        try (Subject subject = Subject.start();
                Target target = subject.observe()) {
            for (String end : List.of("/subject", "/libc.so.6", "/ld-linux-x86-64.so.2")) {
                ElfModule module = module(target, end);
                List<ElfSymbol> symbols = module.symbols()
                        .filter(symbol -> !symbol.threadLocal() && symbol.kind() != ElfSymbol.Kind.NUMBER)
                        .toList();
                List<Long> addresses = new ArrayList<>();
                for (int i = 0; i < 300; i++) {
                    ElfSymbol symbol = symbols.get(random.nextInt(symbols.size()));
                    // At its beginning, in it, at its end, and beyond.
                    long behind = List.of(0L, symbol.size() / 2, symbol.size(), (long) random.nextInt(100))
                            .get(i % 4);
                    addresses.add(symbol.address() + behind);
                }
                List<String> named = namesOf(subject.pid(), addresses);
                assertThat(named).hasSameSizeAs(addresses);
                int compared = 0;
                for (int i = 0; i < addresses.size(); i++) {
                    long address = addresses.get(i);
                    Matcher found = FOUND.matcher(named.get(i));
                    Optional<ElfSymbol> ours = module.symbolAt(address);
                    String what = "0x%x of %s, of which gdb says: %s".formatted(address, end, named.get(i));
                    if (!found.matches()) {
                        assertThat(named.get(i)).startsWith("No symbol matches");
                        assertThat(ours).as(what).isEmpty();
                    } else if (!found.group(1).matches(".*@(plt|got\\[plt\\])")) {
                        // But for the names that gdb makes up for stubs.
                        long offset = found.group(2) == null ? 0 : Long.parseLong(found.group(2));
                        assertThat(ours).as(what).isPresent();
                        assertThat(ours.get().address()).as(what).isEqualTo(address - offset);
                        assertThat(symbols.contains(ours.get())).as(what).isTrue();
                        assertThat(ours.get().covers(address))
                                .as(what)
                                .isEqualTo(ours.get().size() > 0);
                        assertThat(target.moduleAt(address)).as(what).containsSame(module);
                        compared++;
                    }
                }
                assertThat(compared).isGreaterThan(100);
                assertThat(module.symbolAt(0)).isEmpty();
                assertThat(module.symbolAt(-1)).isEmpty();
            }
            assertThat(target.moduleAt(0)).isEmpty();
            assertThat(target.moduleAt(subject.told("text"))).isEmpty();
        }
    }

    @Test
    void whatReadelfSaysOfTheFileIsSaidOfTheModule() throws IOException {
        // Packed relocations need a newer libc than the oldest release has; the linker's own are of the older kind.
        try (Subject subject = Subject.start("-Wl,-z,pack-relative-relocs");
                Target target = subject.observe()) {
            for (ElfModule module : target.modules()) {
                if (module.path().startsWith("[")) {
                    continue;
                }
                Path file = Path.of(module.path());
                assertThat(module.buildId()).hasValue(Oracle.buildId(file));
                assertThat(module.relativeRelocations())
                        .as("relative relocations of " + file)
                        .containsExactly(Oracle.relocations(file, "R_X86_64_RELATIVE").stream()
                                .mapToLong(address -> module.bias() + address)
                                .sorted()
                                .toArray());
                List<long[]> tls = Oracle.segments(file, "TLS");
                assertThat(module.tlsSize()).isEqualTo(tls.isEmpty() ? 0 : tls.getFirst()[3]);
                List<long[]> loaded = Oracle.segments(file, "LOAD");
                long[] data = loaded.getLast();
                assertThat(module.writableSegments())
                        .containsExactly(new Range(module.bias() + data[1], module.bias() + data[1] + data[3]));
                assertThat(module.mappings().getFirst().start()).isEqualTo(module.bias() + loaded.getFirst()[1]);
                assertThat(module.mappings())
                        .allMatch(it ->
                                it.path().equals(module.path()) || it.path().isEmpty());
            }
            assertThat(Oracle.relocations(subject.program(), "R_X86_64_RELATIVE"))
                    .isNotEmpty();
            assertThat(String.join(
                            "\n",
                            Oracle.lines("readelf", "-Wr", subject.program().toString())))
                    .contains(".relr.dyn");
            assertThat(module(target, "/libc.so.6").soname()).hasValue("libc.so.6");
            assertThat(target.modules().stream().map(ElfModule::path)).contains("[vdso]");
        }
    }

    @Test
    void slotsOfThreadLocalVariablesHoldTheirOffset() throws IOException {
        String library = """
                __thread long first = 5;
                static __thread long second[4] = {1, 2, 3, 4};
                __thread long third;
                __attribute__((visibility("default"))) long *of(int which)
                {
                    return which == 0 ? &first : which == 1 ? &second[2] : &third;
                }
                """;
        Path so = CProgram.compile(
                "libslots.so", library, "-shared", "-fPIC", "-ftls-model=initial-exec", "-Wl,-soname,libslots.so");
        String source = """
                #include <pthread.h>
                #include <stdio.h>
                #include <unistd.h>
                long *of(int which);
                int main(void)
                {
                    printf("first=%lx\\n", (unsigned long)of(0));
                    printf("second=%lx\\n", (unsigned long)of(1));
                    printf("third=%lx\\n", (unsigned long)of(2));
                    printf("main_thread=%lx\\n", (unsigned long)pthread_self());
                    puts("ready");
                    fflush(stdout);
                    for (;;)
                        pause();
                }
                """;
        Path program = CProgram.compile("slots", source, so.toString(), "-Wl,-rpath," + so.getParent());
        try (Subject subject = Subject.run(program);
                Target target = subject.observe()) {
            LoadedModule module = (LoadedModule) module(target, "/libslots.so");
            assertThat(Arrays.stream(module.tlsOffsetWords()).boxed())
                    .containsExactlyInAnyOrderElementsOf(Oracle.relocations(so, "R_X86_64_TPOFF64").stream()
                            .map(address -> module.bias() + address)
                            .toList());
            long pointer = subject.told("main_thread");
            List<Long> expected =
                    new ArrayList<>(List.of(subject.told("first") - pointer, subject.told("third") - pointer));
            // The compiler takes the offset of the array's beginning.
            expected.add(subject.told("second") - 16 - pointer);
            assertThat(module.tlsSlots().stream().map(slot -> target.memory().readLong(slot.gotAddress())))
                    .containsExactlyInAnyOrderElementsOf(expected);
            // All slots are apart from the variable's offset by the same distance: where the module's block lies.
            long block = subject.told("first") - module.tlsSymbol("first").orElseThrow();
            assertThat(module.tlsSlots())
                    .allMatch(
                            slot -> target.memory().readLong(slot.gotAddress()) == block + slot.tlsOffset() - pointer);
            assertThat(module.tlsOffset()).hasValue(block - pointer);
        }
    }

    @Test
    void aDeletedProgramIsReadFromMemory() throws IOException {
        Path program = CProgram.compile("vanishing", Subject.SOURCE, "-rdynamic");
        List<Oracle.Symbol> symbols = Oracle.symbols(program, "--dyn-syms");
        String id = Oracle.buildId(program);
        try (Subject subject = Subject.startCopy(program)) {
            Files.delete(subject.program());
            try (Target target = subject.observe()) {
                ElfModule module = module(target, "/vanishing");
                assertThat(module.buildId()).hasValue(id);
                assertThat(module.hasFullSymbols()).isFalse();
                checkSymbols(module, symbols, 1);
                assertThat(module.symbol("exported_variable")).hasValue(subject.told("exported_variable"));
                assertThat(module.symbol("local_variable")).isEmpty();
            }
        }
    }

    @Test
    void aReplacedLibraryIsReadFromMemory() throws IOException {
        checkReplaced("-Wl,--build-id=sha1");
    }

    @Test
    void aReplacedLibraryIsReadFromMemoryAlsoWithoutBuildId() throws IOException {
        checkReplaced("-Wl,--build-id=none");
    }

    private void checkReplaced(String id) throws IOException {
        String old =
                "long thing = 1; static volatile long local_thing = 2; long *of(void) { return local_thing ? &thing : 0; }\n";
        String young = "long other[999] = {1}; " + old.replace("local_thing = 2", "local_thing = 3");
        Path so = CProgram.compile("libold.so", old, "-shared", "-fPIC", id, "-Wl,-soname,libold.so");
        Path replacement = CProgram.compile("libold.so", young, "-shared", "-fPIC", id, "-Wl,-soname,libold.so");
        String source = """
                #include <stdio.h>
                #include <unistd.h>
                long *of(void);
                int main(void)
                {
                    printf("thing=%lx\\n", (unsigned long)of());
                    puts("ready");
                    fflush(stdout);
                    for (;;)
                        pause();
                }
                """;
        Path program = CProgram.compile("user", source, so.toString(), "-Wl,-rpath,$ORIGIN");
        Path copy = Files.copy(so, folder.resolve("libold.so"), StandardCopyOption.COPY_ATTRIBUTES);
        Path user = Files.copy(program, folder.resolve("user"), StandardCopyOption.COPY_ATTRIBUTES);
        try (Subject subject = Subject.run(user)) {
            try (Target target = subject.observe()) {
                assertThat(module(target, "/libold.so").hasFullSymbols()).isTrue();
                assertThat(module(target, "/libold.so").symbol("local_thing")).isPresent();
            }
            Path other = Files.copy(replacement, folder.resolve("replacement"), StandardCopyOption.COPY_ATTRIBUTES);
            Files.move(other, copy, StandardCopyOption.REPLACE_EXISTING);
            try (Target target = subject.observe()) {
                ElfModule module = module(target, "/libold.so");
                assertThat(module.symbol("thing")).hasValue(subject.told("thing"));
                assertThat(module.symbol("other")).isEmpty();
                assertThat(module.symbol("local_thing")).isEmpty();
                assertThat(module.hasFullSymbols()).isFalse();
            }
        }
    }

    @Test
    void aFileThatIsOnlyReadIsNoModule() throws IOException {
        String source = """
                #include <fcntl.h>
                #include <stdio.h>
                #include <sys/mman.h>
                #include <unistd.h>
                int main(int count, char **arguments)
                {
                    void *all = mmap(0, 1 << 16, PROT_READ, MAP_PRIVATE, open(arguments[count - 1], O_RDONLY), 0);
                    printf("mapped=%lx\\n", (unsigned long)all);
                    puts("ready");
                    fflush(stdout);
                    for (;;)
                        pause();
                }
                """;
        Path program = CProgram.compile("reader", source);
        try (Subject subject = Subject.run(program, program.toString(), "/usr/bin/readelf");
                Target target = subject.observe()) {
            assertThat(target.memory().mappings().at(subject.told("mapped"))).isPresent();
            assertThat(target.modules().stream().map(ElfModule::path)).noneMatch(path -> path.contains("readelf"));
        }
    }

    @Test
    void aStaticProgramHasTheSymbolsOfItsFile() throws IOException {
        for (String kind : List.of("-static", "-static-pie", "-no-pie")) {
            try (Subject subject = Subject.start(kind);
                    Target target = subject.observe()) {
                ElfModule program = module(target, "/subject");
                for (String name : List.of("exported_variable", "local_variable", "zeroed_variable")) {
                    assertThat(program.symbol(name)).as(kind + " " + name).hasValue(subject.told(name));
                }
            }
        }
    }

    @Test
    void aProgramThatMovedItsFirstPageIsFoundByTheAuxiliaryVector() throws IOException {
        String source = """
                #define _GNU_SOURCE
                #include <link.h>
                #include <stdio.h>
                #include <string.h>
                #include <sys/mman.h>
                #include <unistd.h>
                long exported_variable = 7;
                extern const char __ehdr_start;
                int main(void)
                {
                    char *page = (char *)&__ehdr_start;
                    void *copy = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
                    memcpy(copy, page, 4096);
                    mremap(copy, 4096, 4096, MREMAP_MAYMOVE | MREMAP_FIXED, page);
                    printf("page=%lx\\n", (unsigned long)page);
                    printf("exported_variable=%lx\\n", (unsigned long)&exported_variable);
                    puts("ready");
                    fflush(stdout);
                    for (;;)
                        pause();
                }
                """;
        try (Subject subject = Subject.run(CProgram.compile("moved", source, "-rdynamic"));
                Target target = subject.observe()) {
            assertThat(target.memory()
                            .mappings()
                            .at(subject.told("page"))
                            .orElseThrow()
                            .path())
                    .isEmpty();
            ElfModule module = module(target, "/moved");
            assertThat(module.bias()).isEqualTo(subject.told("page"));
            assertThat(module.symbol("exported_variable")).hasValue(subject.told("exported_variable"));
            assertThat(module.buildId()).hasValue(Oracle.buildId(subject.program()));
        }
    }
}
