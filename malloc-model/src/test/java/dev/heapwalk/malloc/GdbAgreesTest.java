// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.malloc;

import static org.assertj.core.api.Assertions.assertThat;

import dev.heapwalk.malloc.layout.MallocLayout;
import dev.heapwalk.memory.Target;
import dev.heapwalk.testkit.Gdb;
import dev.heapwalk.testkit.LedgerProcess;
import dev.heapwalk.testkit.Release;
import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What gdb says with the debug symbols of each release is what was found, also without using them. */
class GdbAgreesTest {
    static List<Release> releases() {
        return Release.debian();
    }

    @ParameterizedTest
    @MethodSource("releases")
    void gdbAgreesOnArenasParametersAndEveryThreadsCache(Release release) throws IOException {
        try (LedgerProcess process = LedgerProcess.of(release, "threads")
                .debugSymbols(true)
                .option("threads", 5)
                .start()) {
            Gdb gdb = Gdb.process(process);
            long[] addresses = gdb.addresses("&main_arena", "&mp_");
            List<String> counts = gdb.values("mp_.n_mmaps", "mp_.mmapped_mem", "main_arena.system_mem");
            Map<Long, Long> caches = new TreeMap<>();
            gdb.everyThread("tcache").forEach((tid, address) -> caches.put((long) tid, address));
            Map<Long, Long> arenas = new TreeMap<>();
            gdb.everyThread("thread_arena").forEach((tid, address) -> arenas.put((long) tid, address));
            assertThat(caches).hasSize(6);

            for (MallocHeap.Symbols symbols : MallocHeap.Symbols.values()) {
                try (Target target = Target.attach(process.pid())) {
                    MallocHeap heap = MallocHeap.locate(target, symbols);
                    String how = release + " " + symbols + " " + heap.evidence();
                    assertThat(heap.arenas().getFirst().address()).as(how).isEqualTo(addresses[0]);
                    assertThat(heap.parameters().orElse(0)).as(how).isEqualTo(addresses[1]);
                    assertThat(heap.mmapped().expectedCount()).isEqualTo(Long.parseLong(counts.get(0)));
                    assertThat(heap.mmapped().expectedBytes()).isEqualTo(Long.parseLong(counts.get(1)));
                    assertThat(heap.arenas().getFirst().systemBytes()).isEqualTo(Long.parseLong(counts.get(2)));
                    Map<Long, Long> found = new TreeMap<>();
                    heap.threadCaches().forEach(cache -> cache.tid().ifPresent(tid -> found.put(tid, cache.address())));
                    assertThat(found).as(how).isEqualTo(caches);
                    Map<Long, Long> attached = new TreeMap<>();
                    heap.arenas()
                            .forEach(arena -> arena.threadIds().forEach(tid -> attached.put(tid, arena.address())));
                    assertThat(attached).as(how).isEqualTo(arenas);
                }
            }
        }
    }

    @ParameterizedTest
    @MethodSource("releases")
    void theLayoutIsThatOfTheDebugSymbols(Release release) throws IOException {
        try (LedgerProcess process =
                        LedgerProcess.of(release, "threads").debugSymbols(true).start();
                Target target = Target.observe(process.pid())) {
            MallocLayout layout =
                    MallocHeap.locate(target, MallocHeap.Symbols.IGNORE).layout();
            Gdb gdb = Gdb.process(process);
            Map<String, Long> ours = new LinkedHashMap<>();
            MallocLayout.State state = layout.state();
            ours.put("sizeof(struct malloc_state)", state.size());
            if (state.fastbins() >= 0) {
                ours.put(offset("malloc_state", "fastbinsY"), state.fastbins());
            }
            ours.put(offset("malloc_state", "top"), state.top());
            ours.put(offset("malloc_state", "bins"), state.bins());
            ours.put(offset("malloc_state", "next"), state.next());
            ours.put(offset("malloc_state", "next_free"), state.nextFree());
            ours.put(offset("malloc_state", "attached_threads"), state.attachedThreads());
            ours.put(offset("malloc_state", "system_mem"), state.systemMem());
            ours.put(offset("malloc_state", "max_system_mem"), state.maxSystemMem());
            MallocLayout.Par par = layout.par();
            ours.put("sizeof(struct malloc_par)", par.size());
            ours.put(offset("malloc_par", "n_mmaps"), par.nMmaps());
            ours.put(offset("malloc_par", "mmapped_mem"), par.mmappedMem());
            ours.put(offset("malloc_par", "max_mmapped_mem"), par.maxMmappedMem());
            ours.put(offset("malloc_par", "sbrk_base"), par.sbrkBase());
            boolean slots = layout.tcache().countsDown();
            ours.put(offset("malloc_par", slots ? "tcache_small_bins" : "tcache_bins"), par.tcacheBins());
            ours.put(offset("malloc_par", "tcache_max_bytes"), par.tcacheMaxBytes());
            ours.put(offset("malloc_par", "tcache_count"), par.tcacheCount());
            if (par.hugePageSize() >= 0) {
                ours.put(offset("malloc_par", "hp_pagesize"), par.hugePageSize());
            }
            ours.put("sizeof(tcache_perthread_struct)", layout.tcache().size());
            ours.put(
                    "(long)&((tcache_perthread_struct*)0)->entries",
                    layout.tcache().entries());
            ours.put("sizeof(((tcache_perthread_struct*)0)->entries) / 8", (long)
                    layout.tcache().bins());
            ours.put("sizeof(((tcache_perthread_struct*)0)->%s[0])".formatted(slots ? "num_slots" : "counts"), (long)
                    layout.tcache().countWidth());
            ours.put("sizeof(heap_info)", layout.heapInfoSize());
            List<String> said = gdb.values(ours.keySet().toArray(String[]::new));
            Map<String, Long> theirs = new LinkedHashMap<>();
            int i = 0;
            for (String expression : ours.keySet()) {
                theirs.put(expression, Long.parseLong(said.get(i++)));
            }
            assertThat(ours).as("%s %s", release, layout.versions()).isEqualTo(theirs);
            assertThat(layout.covers(release.glibc())).isTrue();
            assertThat(layout.tested()).isTrue();
        }
    }

    private static String offset(String struct, String field) {
        return "(long)&((struct %s*)0)->%s".formatted(struct, field);
    }

    @ParameterizedTest
    @MethodSource("releases")
    void gdbAgreesOnWhatTheBinsHold(Release release) throws IOException {
        try (LedgerProcess process =
                LedgerProcess.of(release, "basic").debugSymbols(true).start()) {
            List<String> expressions = new ArrayList<>();
            for (int i = 1; i <= 126; i++) {
                // The head of a bin seen as a chunk: two words before its links.
                expressions.add("(char*)main_arena.bins[%d] == (char*)&main_arena.bins[%d] - 16"
                        .formatted(2 * i - 2, 2 * i - 2));
            }
            List<String> empty = Gdb.process(process).values(expressions.toArray(String[]::new));
            List<Integer> theirs = new ArrayList<>();
            for (int i = 1; i <= 126; i++) {
                if (empty.get(i - 1).equals("0")) {
                    theirs.add(i);
                }
            }
            try (Target target = Target.attach(process.pid())) {
                MallocHeap heap = MallocHeap.locate(target);
                List<Bin> bins = heap.bins(heap.arenas().getFirst());
                assertThat(bins.stream()
                                .filter(bin -> bin.kind() != Bin.Kind.FAST)
                                .map(Bin::index)
                                .toList())
                        .isEqualTo(theirs);
                long free = 0;
                ChunkCursor chunk = heap.chunks(heap.arenas().getFirst());
                while (chunk.next()) {
                    free += chunk.state() == ChunkState.FREE ? chunk.size() : 0;
                }
                assertThat(bins.stream()
                                .filter(bin -> bin.kind() != Bin.Kind.FAST)
                                .mapToLong(Bin::bytes)
                                .sum())
                        .as("what the lists hold is what the walk finds free")
                        .isEqualTo(free);
                assertThat(heap.damage()).isEmpty();
            }
        }
    }
}
