// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.tcmalloc;

import static org.assertj.core.api.Assertions.assertThat;

import dev.heapwalk.allocator.LedgerBlocks;
import dev.heapwalk.allocator.NamedLibrary;
import dev.heapwalk.memory.Target;
import dev.heapwalk.testkit.Cores;
import dev.heapwalk.testkit.Ledger;
import dev.heapwalk.testkit.LedgerProcess;
import dev.heapwalk.testkit.Release;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** The program that keeps a ledger, on tcmalloc of every release, held against its ledger and tcmalloc. */
class LedgerTest {
    static final String LIBRARY = "libtcmalloc_minimal.so.4";
    /** The one that can sample what is allocated. */
    static final String FULL = "libtcmalloc.so.4";
    /** What Debian's four releases have. */
    private static final Map<Release, String> VERSIONS =
            Map.of(Release.BULLSEYE, "2.8.1", Release.BOOKWORM, "2.10", Release.TRIXIE, "2.16", Release.SID, "2.18.1");

    private static final Pattern STATISTIC =
            Pattern.compile("MALLOC: *[-+=]? *([0-9]+) (?:\\([^)]*\\))? *([A-Za-z][^\n]*)");
    /** What tcmalloc takes from the kernel for itself at a time. */
    private static final long CHUNK = 8L << 20;

    @TempDir
    private Path folder;

    /** Paths of other libraries, separated by colons, whose file names begin with their versions, such as 2.15. */
    private static final String VARIABLE = "HEAPWALK_TCMALLOCS";

    /** What the program does, with which library and settings. */
    record Case(
            Release release,
            String scenario,
            Map<String, Long> options,
            String library,
            String version,
            String settings) {
        /** With what a release packages. */
        Case(Release release, String scenario, Map<String, Long> options, String library, String settings) {
            this(release, scenario, options, library, VERSIONS.get(release), settings);
        }

        LedgerProcess start() throws Exception {
            LedgerProcess.Launch launch = LedgerProcess.of(release, scenario).preload(library);
            options.forEach(launch::option);
            if (!settings.isEmpty()) {
                launch.env(settings.substring(0, settings.indexOf('=')), settings.substring(settings.indexOf('=') + 1));
            }
            return launch.start();
        }

        @Override
        public String toString() {
            return release.label() + " " + scenario + options + " " + library + (settings.isEmpty() ? "" : " ")
                    + settings;
        }
    }

    static Stream<Case> cases() {
        List<Case> cases = new ArrayList<>();
        for (Release release : Release.debian()) {
            for (String scenario : List.of("basic", "bigsizes", "exits", "memalign")) {
                cases.add(new Case(release, scenario, Map.of(), LIBRARY, ""));
            }
            cases.add(new Case(release, "threads", Map.of("threads", 8L, "rounds", 20_000L), LIBRARY, ""));
            cases.add(new Case(release, "threads", Map.of("threads", 200L, "rounds", 150L), LIBRARY, ""));
            cases.add(new Case(release, "many", Map.of("threads", 4L, "count", 100_000L), LIBRARY, ""));
            cases.add(new Case(release, "threads", Map.of("threads", 4L), FULL, ""));
            for (String settings : List.of(
                    "TCMALLOC_RELEASE_RATE=10",
                    "TCMALLOC_AGGRESSIVE_DECOMMIT=t",
                    "TCMALLOC_MAX_TOTAL_THREAD_CACHE_BYTES=100000",
                    "TCMALLOC_TRANSFER_NUM_OBJ=512",
                    "TCMALLOC_SKIP_SBRK=t")) {
                cases.add(new Case(release, "threads", Map.of("threads", 4L), LIBRARY, settings));
            }
            cases.add(new Case(release, "threads", Map.of("threads", 4L), FULL, "TCMALLOC_SAMPLE_PARAMETER=10000"));
        }
        NamedLibrary.of(VARIABLE).forEach(named -> {
            for (String scenario : List.of("basic", "bigsizes", "exits", "memalign", "threads")) {
                cases.add(
                        new Case(Release.HOST, scenario, Map.of(), named.file().toString(), named.version(), ""));
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
                TcmallocHeap heap = TcmallocHeap.locate(target);
                assertThat(heap.name()).isEqualTo("tcmalloc " + one.version);
                Walk walk = Walk.of(heap);
                walk.check(ledger);
                assertThat(walk.sampled > 0).isEqualTo(one.settings.startsWith("TCMALLOC_SAMPLE"));
                checkThreads(heap, ledger);
                LedgerBlocks.checkLookup(heap, ledger, LedgerBlocks.ofThreads(ledger));
            }
            process.check();
            if (one.settings.isEmpty()) {
                checkChild(process.child(), ledger);
            }
            Path core = Cores.gcore(process, folder);
            try (Target target = Target.core(core, one.release.root(false).orElse(Path.of("/")))) {
                Walk.of(TcmallocHeap.locate(target)).check(ledger);
            }
            // What it allocates for this at the first time is there at the second.
            process.tcmallocStatistics();
            String statistics = process.tcmallocStatistics();
            try (Target target = Target.attach(process.pid())) {
                checkStatistics(Walk.of(TcmallocHeap.locate(target)), statistics);
            }
        }
    }

    /** It has the memory of all threads, with their caches, but one thread. */
    private static void checkChild(long child, Ledger ledger) {
        try (Target target = Target.attach(child)) {
            TcmallocHeap heap = TcmallocHeap.locate(target);
            Walk.of(heap).check(ledger);
            assertThat(heap.threadCaches().stream()
                            .flatMap(cache -> cache.tid().stream().boxed()))
                    .containsExactly(child);
        }
    }

    /** What tcmalloc counts. Of the central cache it counts also what is behind the last object of a span. */
    private static void checkStatistics(Walk walk, String text) {
        Map<String, Long> counted = new HashMap<>();
        Matcher matcher = STATISTIC.matcher(text);
        while (matcher.find()) {
            counted.put(matcher.group(2).strip(), Long.parseLong(matcher.group(1)));
        }
        assertThat(walk.bytes(TcmallocState.TCACHE)).isEqualTo(counted.get("Bytes in thread cache freelists"));
        assertThat(walk.heap.threadCaches().stream()
                        .mapToLong(ThreadCache::bytes)
                        .sum())
                .isEqualTo(counted.get("Bytes in thread cache freelists"));
        assertThat(walk.bytes(TcmallocState.TRANSFER)).isEqualTo(counted.get("Bytes in transfer cache freelist"));
        assertThat(walk.bytes(TcmallocState.NORMAL)).isEqualTo(counted.get("Bytes in page heap freelist"));
        assertThat(walk.bytes(TcmallocState.RETURNED)).isEqualTo(counted.get("Bytes released to OS (aka unmapped)"));
        assertThat(walk.bytes(TcmallocState.USED)).isEqualTo(counted.get("Bytes in use by application"));
        assertThat(walk.heap.threadCaches())
                .hasSize(counted.get("Thread heaps in use").intValue());
        assertThat(walk.heap.systemBytes() + counted.get("Bytes in malloc metadata"))
                .isEqualTo(counted.get("Virtual address space used"));
        assertThat(walk.bytes(TcmallocState.METADATA))
                .isBetween(
                        counted.get("Bytes in malloc metadata") - CHUNK,
                        counted.get("Bytes in malloc metadata") + CHUNK);
    }

    private static void checkThreads(TcmallocHeap heap, Ledger ledger) {
        List<Long> owners = heap.threadCaches().stream()
                .flatMap(cache -> cache.tid().stream().boxed())
                .sorted()
                .toList();
        // Before 2.16 there is one from before the first thread had a number.
        List<ThreadCache> others = heap.threadCaches().stream()
                .filter(cache -> cache.tid().isEmpty())
                .toList();
        assertThat(others).hasSizeLessThanOrEqualTo(1).allMatch(cache -> cache.count() == 0);
        assertThat(owners).isEqualTo(LedgerBlocks.threads(ledger));
    }
}
