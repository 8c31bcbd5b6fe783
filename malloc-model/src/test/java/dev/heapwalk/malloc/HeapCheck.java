// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.malloc;

import static org.assertj.core.api.Assertions.assertThat;

import dev.heapwalk.heap.Evidence;
import dev.heapwalk.heap.Heaps;
import dev.heapwalk.heap.usage.Category;
import dev.heapwalk.heap.usage.UsageCursor;
import dev.heapwalk.libc.LibcCategories;
import dev.heapwalk.memory.Target;
import dev.heapwalk.testkit.Ledger;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;

/** Holds what a walk of a heap says against what the program says that was walked. */
final class HeapCheck {
    private static final long LOW_32_BITS = 0xffff_ffffL;

    private final Ledger ledger;
    private final String where;
    private final MallocHeap heap;

    private final TreeMap<Long, Seen> seen = new TreeMap<>();
    private final Map<Integer, Map<ChunkState, Long>> bytes = new HashMap<>();

    private record Seen(ChunkState state, long size, long usable, int arena, boolean mmapped) {}

    HeapCheck(Target target, MallocHeap.Symbols symbols, Ledger ledger) {
        this(MallocHeap.locate(target, symbols), "symbols " + symbols, ledger);
    }

    HeapCheck(MallocHeap heap, String how, Ledger ledger) {
        this.ledger = ledger;
        this.heap = heap;
        this.where = heap.target().description() + ", " + how + "\n"
                + heap.evidence().stream().map(Evidence::toString).collect(Collectors.joining("\n")) + "\n"
                + heap.arenas() + "\n";
        walk();
    }

    MallocHeap heap() {
        return heap;
    }

    private void walk() {
        ChunkCursor chunk = heap.chunks();
        long last = 0;
        while (chunk.next()) {
            assertThat(chunk.address()).as("addresses ascend, %s", where).isGreaterThan(last);
            last = chunk.address();
            seen.put(
                    chunk.userAddress(),
                    new Seen(chunk.state(), chunk.size(), chunk.usableSize(), chunk.arena(), chunk.mmapped()));
            bytes.computeIfAbsent(chunk.arena(), arena -> new HashMap<>())
                    .merge(chunk.state(), chunk.size(), Long::sum);
        }
        assertThat(chunk.walkedBytes()).isEqualTo(chunk.totalBytes());
        assertThat(chunk.leftOutBytes()).isZero();
        assertThat(chunk.damage()).as("damage that the walk met, %s", where).isEmpty();
        assertThat(heap.damage()).as("damage that the discovery met, %s", where).isEmpty();
    }

    /** Everything a healthy heap must show. */
    void all() {
        everyLiveBlockIsUsed();
        everythingElseIsExplained();
        noFreedBlockIsUsed();
        arenasAddUp();
        mallinfoAgrees();
    }

    void everyLiveBlockIsUsed() {
        List<String> wrong = new ArrayList<>();
        for (Ledger.Block block : ledger.live()) {
            Seen chunk = seen.get(block.address());
            if (chunk == null || chunk.state() != ChunkState.USED || chunk.usable() != block.usable()) {
                wrong.add("0x%x of %d bytes, usable %d, is %s"
                        .formatted(block.address(), block.requested(), block.usable(), chunk));
            }
        }
        assertThat(wrong)
                .as("blocks of the ledger that are not USED with their usable size, %s", where)
                .isEmpty();
    }

    /**
     * What is used and not the program's is libc's own. The list of these is closed: caches of threads, vectors of
     * thread-local storage (one for every thread that was started and whose stack libc still keeps).
     */
    void everythingElseIsExplained() {
        Map<Long, Seen> rest = new TreeMap<>();
        seen.forEach((address, chunk) -> {
            if (chunk.state() == ChunkState.USED) {
                rest.put(address, chunk);
            }
        });
        ledger.live().forEach(block -> rest.remove(block.address()));
        heap.threadCaches().forEach(cache -> rest.remove(cache.address()));
        ledger.threads().forEach(thread -> rest.remove(thread.dtv() - 16));
        Map<String, Seen> unexplained = new TreeMap<>();
        rest.forEach((address, chunk) -> unexplained.put("0x%x".formatted(address), chunk));
        assertThat(unexplained)
                .as("used chunks that are in no ledger, %s", where)
                .isEmpty();
    }

    void noFreedBlockIsUsed() {
        List<Long> own = heap.threadCaches().stream().map(ThreadCache::address).toList();
        List<Long> vectors =
                ledger.threads().stream().map(thread -> thread.dtv() - 16).toList();
        List<String> wrong = new ArrayList<>();
        for (long freed : ledger.freed()) {
            Seen chunk = seen.get(freed);
            if (chunk != null && chunk.state() == ChunkState.USED && !own.contains(freed) && !vectors.contains(freed)) {
                wrong.add("0x%x is %s".formatted(freed, chunk));
            }
        }
        assertThat(wrong).as("freed blocks that are USED, %s", where).isEmpty();
    }

    void arenasAddUp() {
        for (MallocArena arena : heap.arenas()) {
            long chunks = bytes.getOrDefault(arena.index(), Map.of()).values().stream()
                    .mapToLong(Long::longValue)
                    .sum();
            long headers = arena.regions().stream()
                    .mapToLong(region -> region.heapInfo() == 0 ? 0 : region.start() - region.heapInfo())
                    .sum();
            long between = arena.systemBytes() - headers - chunks;
            int ends = arena.regions().size() - 1;
            // Every run but the last ends in fenceposts: two chunks of 16 bytes, in a heap up to 31 more. And the main
            // heap may begin where somebody else moved the break to, such as the dynamic linker for a copy of the
            // tunables.
            long misaligned = arena.kind() == MallocArena.Kind.MAIN ? 15 : 0;
            assertThat(between)
                    .as("bytes of arena %d that are no chunk, %s", arena.index(), where)
                    .isBetween(32L * ends, 63L * ends + misaligned);
        }
    }

    private long sum(ChunkState... states) {
        long sum = 0;
        for (MallocArena arena : heap.arenas()) {
            for (ChunkState state : states) {
                sum += bytes.getOrDefault(arena.index(), Map.of()).getOrDefault(state, 0L);
            }
        }
        return sum;
    }

    void mallinfoAgrees() {
        Map<String, Long> info = ledger.mallinfo();
        Map<String, Long> ours = new TreeMap<>();
        ours.put(
                "arena",
                heap.arenas().stream().mapToLong(MallocArena::systemBytes).sum());
        ours.put("fsmblks", sum(ChunkState.FASTBIN));
        // What is in thread caches counts as used there.
        ours.put("fordblks", sum(ChunkState.FREE, ChunkState.FASTBIN, ChunkState.TOP));
        ours.put("uordblks", ours.get("arena") - ours.get("fordblks"));
        ours.put("hblks", heap.mmapped().count());
        ours.put("keepcost", bytes.getOrDefault(0, Map.of()).getOrDefault(ChunkState.TOP, 0L));
        boolean narrow = ledger.glibc().compareTo("2.33") < 0;
        Map<String, Long> theirs = new TreeMap<>();
        ours.replaceAll((name, value) -> narrow ? value & LOW_32_BITS : value);
        ours.keySet().forEach(name -> theirs.put(name, info.get(name)));
        assertThat(ours).as("mallinfo, %s", where).isEqualTo(theirs);
        long drift = info.get("hblkhd")
                - (narrow
                        ? heap.mmapped().bytes() & LOW_32_BITS
                        : heap.mmapped().bytes());
        if (ledger.glibc().equals("2.43")) {
            // Each mremap of such a chunk adds 16 bytes too many to malloc's own count.
            assertThat(drift).as("hblkhd, %s", where).isBetween(0L, 1L << 20);
            assertThat(drift % 16).isZero();
        } else {
            assertThat(drift).as("hblkhd, %s", where).isZero();
        }
        assertThat(heap.mmapped().confidence()).as(where).isEqualTo(MmappedChunks.Confidence.EXACT);
    }

    /** The category of every used chunk, by what malloc returned for it. */
    Map<Long, Category> categories() {
        Map<Long, Category> categories = new HashMap<>();
        UsageCursor cursor = UsageCursor.over(Heaps.of(heap));
        while (cursor.next()) {
            if (cursor.category() != Category.NONE) {
                categories.put(cursor.address(), cursor.category());
            }
        }
        return categories;
    }

    /** That libc's own blocks are named as such, and the program's are not. */
    void ownBlocksAreNamed() {
        Map<Long, Category> categories = categories();
        heap.threadCaches()
                .forEach(cache ->
                        assertThat(categories.get(cache.address()).domain()).isEqualTo(LibcCategories.LIBC));
        ledger.live()
                .forEach(block -> assertThat(categories.get(block.address()).domain())
                        .as(where)
                        .isNotEqualTo(LibcCategories.LIBC));
    }
}
