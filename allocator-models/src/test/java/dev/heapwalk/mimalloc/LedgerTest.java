// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.mimalloc;

import static org.assertj.core.api.Assertions.assertThat;

import dev.heapwalk.heap.BlockLookup;
import dev.heapwalk.heap.BlockState;
import dev.heapwalk.memory.Reader;
import dev.heapwalk.memory.Target;
import dev.heapwalk.mimalloc.layout.MimallocLayout;
import dev.heapwalk.testkit.Cores;
import dev.heapwalk.testkit.Ledger;
import dev.heapwalk.testkit.Ledger.LedgerThread;
import dev.heapwalk.testkit.LedgerProcess;
import dev.heapwalk.testkit.Release;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** The heap of a program that keeps a ledger, on mimalloc of every release that has it, held against its ledger. */
class LedgerTest {
    /** What mimalloc shows of an arena: where its structure is, how many slices it has, and the slices. */
    private static final Pattern ARENA =
            Pattern.compile("arena \\d+ at (?:0x)?([0-9a-fA-F]+): (\\d+) slices(.*?)total pages", Pattern.DOTALL);

    private static final Pattern COLOR = Pattern.compile("\u001b\\[[0-9;]*m");
    /** The number of a chunk of slices, and the characters of some of them. */
    private static final Pattern NUMBER = Pattern.compile("^ *(\\d+) ");

    private static final Pattern FIELD = Pattern.compile(" ([^ ]{64})(?= |$)");
    private static final Set<PageTable.Kind> NO_PAGE =
            EnumSet.of(PageTable.Kind.METADATA, PageTable.Kind.SLICES, PageTable.Kind.ARENA);
    private static final int FIELD_SLICES = 64;
    private static final int CHUNK = 512;

    @TempDir
    private Path folder;

    /** What the program does, with which settings of mimalloc. */
    record Case(Library library, String scenario, Map<String, Long> options, Map<String, String> settings) {
        LedgerProcess start() throws Exception {
            LedgerProcess.Launch launch = library.of(scenario);
            options.forEach(launch::option);
            settings.forEach(launch::env);
            return launch.start();
        }

        @Override
        public String toString() {
            return library + " " + scenario + options + (settings.isEmpty() ? "" : " " + settings);
        }
    }

    static Stream<Case> cases() {
        List<Case> cases = new ArrayList<>();
        Library.all().forEach(library -> {
            for (String scenario : List.of("basic", "bigsizes", "memalign", "exits")) {
                cases.add(new Case(library, scenario, Map.of(), Map.of()));
            }
            if (library.release() == Release.HOST) {
                // Another library than Debian's.
                cases.add(new Case(library, "threads", Map.of("threads", 4L), Map.of()));
                return;
            }
            cases.add(new Case(library, "threads", Map.of("threads", 8L, "rounds", 20_000L), Map.of()));
            cases.add(new Case(library, "threads", Map.of("threads", 200L, "rounds", 200L), Map.of()));
            cases.add(new Case(library, "many", Map.of("threads", 4L, "count", 100_000L), Map.of()));
            for (Map<String, String> settings : List.of(
                    Map.of("MIMALLOC_EAGER_COMMIT", "0"),
                    Map.of("MIMALLOC_PURGE_DELAY", "0", "MIMALLOC_RESET_DELAY", "0"),
                    Map.of("MIMALLOC_ARENA_EAGER_COMMIT", "0"),
                    Map.of("MIMALLOC_DISALLOW_ARENA_ALLOC", "1", "MIMALLOC_LIMIT_OS_ALLOC", "0"),
                    Map.of("MIMALLOC_ABANDONED_PAGE_RESET", "1"))) {
                cases.add(new Case(library, "threads", Map.of("threads", 4L), settings));
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
                MimallocHeap heap = MimallocHeap.locate(target);
                assertThat(heap.name()).isEqualTo(one.library.name());
                Walk.of(heap).check(ledger);
                checkPages(heap);
                checkThreads(heap, ledger);
                checkLookup(heap, ledger);
            }
            process.check();
            if (one.settings.isEmpty()) {
                checkChild(process.child(), ledger);
            }
            Path core = Cores.gcore(process, folder);
            try (Target target =
                    Target.core(core, one.library.release().root(false).orElse(Path.of("/")))) {
                Walk.of(MimallocHeap.locate(target)).check(ledger);
            }
            if (one.library.equals(Library.THREE)) {
                String told = process.mimallocArenas();
                try (Target target = Target.attach(process.pid())) {
                    assertThat(checkSlices(MimallocHeap.locate(target), told) == 0)
                            .isEqualTo(one.settings.containsKey("MIMALLOC_DISALLOW_ARENA_ALLOC"));
                }
            }
        }
    }

    /**
     * What mimalloc shows of each slice of its arenas: whether it begins a page or goes on with one, is mimalloc's own,
     * or is free. Returns how many arenas there are.
     */
    private static int checkSlices(MimallocHeap heap, String told) {
        PageTable table = heap.map().table();
        Matcher arena = ARENA.matcher(COLOR.matcher(told).replaceAll(""));
        int arenas = 0;
        while (arena.find()) {
            long structure = Long.parseUnsignedLong(arena.group(1), 16);
            int slices = Integer.parseInt(arena.group(2));
            String shown = shown(arena.group(3), slices);
            int index = 0;
            while (table.structures[index] != structure || table.kinds[index] == PageTable.Kind.PAGE) {
                index++;
            }
            long start = table.starts[index];
            for (int i = 0; i < slices; i++) {
                int at = table.at(start + i * MimallocLayout.SLICE);
                assertThat(at).isNotNegative();
                assertThat(table.kinds[at])
                        .as("slice %d, shown as %c", i, shown.charAt(i))
                        .isIn(
                                switch (shown.charAt(i)) {
                                    // It shows one slice too many of what it has for a heap, where a page may begin.
                                    case 'i' ->
                                        i > 0 && shown.charAt(i - 1) == 'i' && shown.charAt(i + 1) != 'i'
                                                ? NO_PAGE
                                                : Set.of(PageTable.Kind.METADATA);
                                    case '~' -> Set.of(PageTable.Kind.SLICES);
                                    case '.' -> Set.of(PageTable.Kind.ARENA);
                                    case '_' -> Set.of(PageTable.Kind.SLICES, PageTable.Kind.ARENA);
                                    default -> Set.of(PageTable.Kind.PAGE);
                                });
            }
            arenas++;
        }
        return arenas;
    }

    /** A character for each slice. Chunks whose slices are all free may be left out. */
    private static String shown(String lines, int slices) {
        char[] shown = new char[slices];
        Arrays.fill(shown, '_');
        int at = 0;
        for (String line : lines.lines().toList()) {
            Matcher chunk = NUMBER.matcher(line);
            if (chunk.find()) {
                at = Integer.parseInt(chunk.group(1)) * CHUNK;
            }
            Matcher field = FIELD.matcher(line);
            while (field.find()) {
                field.group(1).getChars(0, Math.min(FIELD_SLICES, slices - at), shown, at);
                at += FIELD_SLICES;
            }
        }
        return new String(shown);
    }

    /**
     * A page for mimalloc's own structures may be one that a thread has left, with blocks of the program in it. Seen in
     * some two of a hundred runs.
     */
    @Test
    void blocksBesideMimallocsOwnStructuresAreUsed() throws Exception {
        List<Library> libraries = Library.all()
                .filter(library -> library.release() == Release.SID)
                .toList();
        for (int i = 0; i < 10 * libraries.size(); i++) {
            try (LedgerProcess process = libraries.getFirst().of("exits").start()) {
                Ledger ledger = process.ledger();
                try (Target target = Target.attach(process.pid())) {
                    MimallocHeap heap = MimallocHeap.locate(target);
                    Walk.of(heap).check(ledger);
                    // Each thread but the main one has two: mi_tld_t and mi_theap_t.
                    Map<Long, Integer> own = new HashMap<>();
                    try (MimallocCursor block = heap.blocks()) {
                        while (block.next()) {
                            if (block.mimallocState() == MimallocState.METADATA) {
                                own.merge(block.size(), 1, Integer::sum);
                            }
                        }
                    }
                    int threads = target.threads().size() - 1;
                    assertThat(own.values())
                            .filteredOn(count -> count == threads)
                            .hasSizeGreaterThanOrEqualTo(2);
                }
            }
        }
    }

    /** It has the memory of all threads, with their pages, but one thread. */
    private static void checkChild(long child, Ledger ledger) {
        try (Target target = Target.attach(child)) {
            MimallocHeap heap = MimallocHeap.locate(target);
            Walk.of(heap).check(ledger);
            checkPages(heap);
            assertThat(IntStream.range(0, heap.regionCount())
                            .mapToObj(heap::thread)
                            .flatMap(tid -> tid.stream().boxed()))
                    .containsExactly(child);
        }
    }

    /** mimalloc's own count of each page: what it has handed out and what came back. */
    private static void checkPages(MimallocHeap heap) {
        MiPage view = new MiPage(heap);
        long pages = 0;
        try (Reader reader = heap.target().memory().reader(1 << 20);
                MimallocCursor block = heap.blocks()) {
            for (int i = 0; i < heap.pageCount(); i++) {
                Page page = heap.page(i);
                int[] of = new int[MimallocState.values().length];
                block.toPage(i);
                while (block.next()) {
                    assertThat(heap.pageAt(block.address())).isEqualTo(i);
                    of[block.mimallocState().ordinal()]++;
                }
                assertThat(view.find(reader, page.miPage())).isTrue();
                int free = of[MimallocState.FREE.ordinal()] + of[MimallocState.LOCAL_FREE.ordinal()];
                int away = of[MimallocState.THREAD_FREE.ordinal()] + of[MimallocState.DELAYED_FREE.ordinal()];
                assertThat(view.used()).isEqualTo(view.capacity() - free);
                assertThat(view.used())
                        .isEqualTo(of[MimallocState.USED.ordinal()]
                                + away
                                + own(page, of[MimallocState.METADATA.ordinal()]));
                pages++;
            }
        }
        assertThat(pages).isPositive();
    }

    /** What describes a page may lie before its blocks; what belongs to no heap is mimalloc's own. */
    private static int own(Page page, int metadata) {
        return page.region() >= 0 ? 0 : metadata - (page.start() > page.from() ? 1 : 0);
    }

    /** Each heap belongs to a thread that lives, and no two to the same. */
    private static void checkThreads(MimallocHeap heap, Ledger ledger) {
        Set<Long> living = ledger.threads().stream()
                .filter(LedgerThread::lives)
                .map(thread -> (long) thread.tid())
                .collect(Collectors.toSet());
        List<Long> owners = IntStream.range(0, heap.regionCount())
                .mapToObj(heap::thread)
                .flatMap(tid -> tid.stream().boxed())
                .toList();
        assertThat(living).containsAll(owners);
        assertThat(owners).doesNotHaveDuplicates().isNotEmpty();
        assertThat(heap.regionCount() - owners.size()).isLessThanOrEqualTo(1);
    }

    private static void checkLookup(MimallocHeap heap, Ledger ledger) {
        try (BlockLookup lookup = heap.lookup()) {
            Set<Long> held = new HashSet<>();
            for (Ledger.Block block : ledger.live()) {
                for (long inside : new long[] {0, block.requested() / 2, Math.max(0, block.requested() - 1)}) {
                    assertThat(lookup.find(block.address() + inside)).isTrue();
                    assertThat(lookup.address()).isLessThanOrEqualTo(block.address());
                    assertThat(lookup.address() + lookup.usableSize()).isEqualTo(block.address() + block.usable());
                    assertThat(lookup.state()).isEqualTo(BlockState.USED);
                }
                held.add(lookup.address());
            }
            // Where threads began since it was freed, libc may have its block.
            ledger.threads().forEach(thread -> held.add(thread.dtv() - 16));
            for (long freed : ledger.freed()) {
                // Where it was may be the inside of another block by now.
                if (lookup.find(freed) && lookup.address() == freed && !held.contains(freed)) {
                    assertThat(lookup.state()).isNotEqualTo(BlockState.USED);
                }
            }
        }
    }
}
