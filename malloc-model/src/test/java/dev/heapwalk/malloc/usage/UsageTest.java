// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.malloc.usage;

import static org.assertj.core.api.Assertions.assertThat;

import dev.heapwalk.malloc.ChunkCursor;
import dev.heapwalk.malloc.ChunkState;
import dev.heapwalk.malloc.MallocHeap;
import dev.heapwalk.malloc.ThreadCache;
import dev.heapwalk.memory.Target;
import dev.heapwalk.testkit.Ledger;
import dev.heapwalk.testkit.LedgerProcess;
import dev.heapwalk.testkit.Release;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.util.Comparator;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

/** What chunks are taken for. */
class UsageTest {
    private static Map<Long, Category> categories(MallocHeap heap) {
        Map<Long, Category> categories = new HashMap<>();
        UsageCursor cursor = UsageCursor.over(heap);
        while (cursor.next()) {
            assertThat(cursor.category() != null).isEqualTo(cursor.chunk().state() == ChunkState.USED);
            if (cursor.category() != null) {
                categories.put(cursor.chunk().userAddress(), cursor.category());
            }
        }
        return categories;
    }

    @Test
    void stringsAreToldFromOtherContent() throws IOException {
        try (LedgerProcess process = LedgerProcess.of(Release.HOST, "strings").option("count", 3000).start();
                Target target = Target.attach(process.pid())) {
            Map<Long, Category> categories = categories(MallocHeap.locate(target));
            Category string = new Category(Domain.C, "string data", "");
            assertThat(categories.values().stream().filter(string::equals).count()).isGreaterThan(2000);
        }
    }

    @Test
    void randomContentIsUncategorizedBySize() throws IOException {
        try (LedgerProcess process = LedgerProcess.of(Release.HOST, "threads").option("threads", 3).start()) {
            Ledger ledger = process.ledger();
            try (Target target = Target.attach(process.pid())) {
                MallocHeap heap = MallocHeap.locate(target);
                Map<Long, Category> categories = categories(heap);
                long strings = 0;
                for (Ledger.Block block : ledger.live()) {
                    Category category = categories.get(block.address());
                    strings += category.domain() == Domain.C ? 1 : 0;
                    assertThat(category.domain()).isNotEqualTo(Domain.LIBC);
                    if (category.domain() == Domain.UNCATEGORIZED) {
                        assertThat(category.kind()).isEmpty();
                        assertThat(category.detail()).matches("\\d+ bytes");
                    }
                }
                // A block of a few random bytes may look like text by chance.
                assertThat(strings).isLessThan(ledger.live().size() / 20);
                Set<Long> caches = heap.threadCaches().stream().map(ThreadCache::address).collect(Collectors.toSet());
                Set<Long> vectors = ledger.threads().stream()
                        .filter(thread -> thread.lives() && !thread.name().equals("main"))
                        .map(thread -> thread.dtv() - 16)
                        .collect(Collectors.toSet());
                categories.forEach((address, category) -> {
                    if (category.domain() == Domain.LIBC) {
                        assertThat(category.kind().equals("tcache") ? caches : vectors).contains(address);
                    }
                });
                vectors.forEach(vector -> assertThat(categories.get(vector).kind()).isEqualTo("dtv"));
            }
        }
    }

    @Test
    void totalsAreWhatMallocCountsAsUsed() throws IOException {
        try (LedgerProcess process = LedgerProcess.of(Release.HOST, "strings").option("count", 3000).start()) {
            long used = process.ledger().mallinfo().get("uordblks");
            try (Target target = Target.attach(process.pid())) {
                MallocHeap heap = MallocHeap.locate(target);
                // Malloc counts what is in thread caches as used.
                long cached = 0;
                for (ChunkCursor chunk = heap.chunks(); chunk.next(); ) {
                    cached += chunk.state() == ChunkState.TCACHE ? chunk.size() : 0;
                }
                UsageTotals totals = UsageTotals.of(UsageCursor.over(heap));
                assertThat(totals.list().stream().mapToLong(UsageTotals.Total::bytes).sum() + cached).isEqualTo(used);
                assertThat(totals.list()).isSortedAccordingTo(Comparator.comparingLong(UsageTotals.Total::bytes).reversed());
                Category strings = new Category(Domain.C, "string data", "");
                assertThat(totals.total(strings).count()).isGreaterThan(2000);
                assertThat(totals.grownSince(totals)).isEmpty();
                assertThat(totals.grownSince(new UsageTotals())).isEqualTo(totals.list());
            }
        }
    }

    @Test
    void aWalkMakesNoObjectForAChunk() throws IOException {
        try (LedgerProcess process = LedgerProcess.of(Release.HOST, "many").option("count", 200_000).start();
                Target target = Target.attach(process.pid())) {
            MallocHeap heap = MallocHeap.locate(target);
            var threads = (com.sun.management.ThreadMXBean) ManagementFactory.getThreadMXBean();
            long least = Long.MAX_VALUE;
            for (int i = 0; i < 20; i++) {
                UsageCursor cursor = UsageCursor.over(heap);
                long chunks = 0;
                cursor.next();
                long before = threads.getCurrentThreadAllocatedBytes();
                while (cursor.next()) {
                    chunks++;
                }
                assertThat(chunks).isGreaterThan(150_000);
                least = Math.min(least, threads.getCurrentThreadAllocatedBytes() - before);
            }
            // A name for each size that occurs, but nothing that grows with the number of chunks.
            assertThat(least).isLessThan(100_000);
        }
    }
}
