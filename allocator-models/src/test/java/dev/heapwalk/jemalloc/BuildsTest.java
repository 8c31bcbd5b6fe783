// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.jemalloc;

import static org.assertj.core.api.Assertions.assertThat;

import dev.heapwalk.allocator.LedgerBlocks;
import dev.heapwalk.allocator.NamedLibrary;
import dev.heapwalk.memory.Target;
import dev.heapwalk.testkit.Cores;
import dev.heapwalk.testkit.Ledger;
import dev.heapwalk.testkit.LedgerProcess;
import dev.heapwalk.testkit.Release;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Other builds than Debian's: without statistics, with another quantum, another size of pages, more address bits, or a
 * prefix to all names. {@code HEAPWALK_JEMALLOCS} names such libraries of this machine, separated by colons; with one
 * whose name ends in {@code .a} the program is linked statically, and stripped. Debian's own is looked at where its thread caches have fewer bins than there are small size classes, as those of builds with
 * large pages.
 */
class BuildsTest {
    private static final String VARIABLE = "HEAPWALK_JEMALLOCS";
    /** What the program calls of it. */
    private static final List<String> CALLS = List.of(
            "malloc",
            "calloc",
            "realloc",
            "free",
            "memalign",
            "aligned_alloc",
            "posix_memalign",
            "valloc",
            "malloc_usable_size");

    @TempDir
    private Path folder;

    /** What the program does, with which library and settings. */
    record Case(Release release, String library, String scenario, String settings) {
        LedgerProcess start() throws Exception {
            LedgerProcess.Launch launch = LedgerProcess.of(release, scenario).option("threads", 6);
            if (!library.endsWith(".a")) {
                launch.preload(library);
            }
            if (release == Release.HOST) {
                launch.linked(options());
            }
            return (settings.isEmpty() ? launch : launch.env("MALLOC_CONF", settings)).start();
        }

        /** The malloc of a program is the C library's where jemalloc's has another name: it has to ask for that. */
        private String[] options() throws IOException {
            List<String> options = new ArrayList<>();
            String prefix = prefix();
            if (!prefix.isEmpty()) {
                CALLS.forEach(name -> options.add("-D" + name + "=" + prefix + name));
            }
            if (library.endsWith(".a")) {
                options.addAll(List.of("-s", "-static", "-Wl,-z,muldefs", library, "-lm"));
            } else if (!prefix.isEmpty()) {
                options.add(library);
            }
            return options.toArray(String[]::new);
        }

        /** What stands before each name that the library exports. */
        private String prefix() throws IOException {
            Process nm =
                    new ProcessBuilder("nm", library.endsWith(".a") ? "-g" : "-D", "--defined-only", library).start();
            try (Stream<String> lines = nm.inputReader().lines()) {
                String name = "malloc_usable_size";
                return lines.map(line -> line.substring(line.lastIndexOf(' ') + 1))
                        .filter(line -> line.endsWith(name))
                        .map(line -> line.substring(0, line.length() - name.length()))
                        .findFirst()
                        .orElseThrow();
            }
        }

        @Override
        public String toString() {
            return release.label() + " " + library + " " + scenario + " " + settings;
        }
    }

    static Stream<Case> cases() {
        List<Case> cases = new ArrayList<>();
        for (Release release : Release.debian()) {
            // Before 5.3 all small ones are cached in any case.
            if (release != Release.BULLSEYE) {
                cases.add(new Case(release, LedgerTest.LIBRARY, "threads", "tcache_max:1024"));
            }
        }
        NamedLibrary.of(VARIABLE).map(named -> named.file().toString()).forEach(library -> {
            for (String scenario : List.of("basic", "bigsizes", "exits", "threads")) {
                cases.add(new Case(Release.HOST, library, scenario, ""));
            }
            for (String settings : List.of("tcache:false", "narenas:1", "tcache_max:1024,lg_tcache_max:10")) {
                cases.add(new Case(Release.HOST, library, "threads", settings));
            }
        });
        return cases.stream();
    }

    @ParameterizedTest
    @MethodSource("cases")
    void everyBlockIsThatOfTheLedger(Case one) throws Exception {
        try (LedgerProcess process = one.start()) {
            Ledger ledger = process.ledger();
            try (Target target = Target.attach(process.pid())) {
                JemallocHeap heap = JemallocHeap.locate(target);
                Walk.of(heap).check(ledger);
                LedgerBlocks.checkLookup(heap, ledger, Set.of());
                if (!one.settings.contains("tcache:false")) {
                    assertThat(heap.threadCaches().stream()
                                    .map(cache -> cache.tid().orElseThrow())
                                    .sorted())
                            .isEqualTo(LedgerBlocks.threads(ledger));
                }
            }
            process.check();
            try (Target target = Target.attach(process.child())) {
                Walk.of(JemallocHeap.locate(target)).check(ledger);
            }
            Path core = Cores.gcore(process, folder);
            try (Target target = Target.core(core, process.files())) {
                Walk.of(JemallocHeap.locate(target)).check(ledger);
            }
        }
    }
}
