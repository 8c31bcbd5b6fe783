// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.malloc;

import static org.assertj.core.api.Assertions.assertThat;

import dev.heapwalk.heap.BlockState;
import dev.heapwalk.heap.Heaps;
import dev.heapwalk.heap.usage.Category;
import dev.heapwalk.heap.usage.Domain;
import dev.heapwalk.heap.usage.UsageCursor;
import dev.heapwalk.heap.usage.UsageTotals;
import dev.heapwalk.libc.LibcCategories;
import dev.heapwalk.memory.Target;
import dev.heapwalk.testkit.CProgram;
import dev.heapwalk.testkit.Ledger;
import dev.heapwalk.testkit.LedgerProcess;
import dev.heapwalk.testkit.Release;
import java.io.BufferedReader;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.util.Comparator;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

/** What chunks are taken for. */
class UsageTest {
    /**
     * Blocks of text with one byte of each value at each place, and for each whether the C library takes it for text in
     * UTF-8.
     */
    private static final String TEXTS = """
            #include <locale.h>
            #include <stdio.h>
            #include <stdlib.h>
            #include <string.h>
            #include <unistd.h>
            #include <wchar.h>
            static int text(const char *s) {
                wchar_t wide[64];
                if (mbstowcs(wide, s, 64) == (size_t) -1 || wcslen(wide) < 3) return 0;
                for (wchar_t *c = wide; *c != 0; c++)
                    if ((*c < 0x20 && strchr("\\t\\n\\r", (int) *c) == NULL) || *c == 0x7f) return 0;
                return 1;
            }
            int main(void) {
                if (setlocale(LC_ALL, "C.UTF-8") == NULL) return 1;
                for (int place = 0; place < 23; place++)
                    for (int value = 1; value < 256; value++) {
                        char *s = malloc(24);
                        strcpy(s, "a text of some length !");
                        s[place] = (char) value;
                        printf("%p %d\\n", (void *) s, text(s));
                    }
                const char *wide[] = {"äöü, wörter in ümläuten", "a 漢字 in eight or so b", "at the very end: aaaaa€", "12345678é12345é78123456"};
                for (int i = 0; i < 4; i++)
                    for (int cut = 20; cut < 24; cut++) {
                        char *s = malloc(24);
                        memset(s, 0, 24);
                        strncpy(s, wide[i], (size_t) cut);
                        s[23] = 0;
                        printf("%p %d\\n", (void *) s, text(s));
                    }
                puts("END");
                fflush(stdout);
                pause();
            }
            """;

    @Test
    void textIsWhatTheCLibraryTakesForText() throws Exception {
        Process process = new ProcessBuilder(CProgram.compile("texts", TEXTS).toString()).start();
        try (BufferedReader output = process.inputReader(StandardCharsets.UTF_8)) {
            Map<Long, Boolean> texts = new HashMap<>();
            for (String line = output.readLine(); !line.equals("END"); line = output.readLine()) {
                texts.put(Long.decode(line.split(" ")[0]), line.endsWith("1"));
            }
            assertThat(texts).hasSize(23 * 255 + 16);
            try (Target target = Target.observe(process.pid())) {
                Map<Long, Category> categories = categories(MallocHeap.locate(target));
                texts.forEach((address, text) -> assertThat(
                                categories.get(address).domain().equals(LibcCategories.C))
                        .as("0x%x", address)
                        .isEqualTo(text));
            }
        } finally {
            process.destroyForcibly().waitFor();
        }
    }

    private static Map<Long, Category> categories(MallocHeap heap) {
        Map<Long, Category> categories = new HashMap<>();
        UsageCursor cursor = UsageCursor.over(Heaps.of(heap));
        while (cursor.next()) {
            assertThat(cursor.category() != Category.NONE).isEqualTo(cursor.state() == BlockState.USED);
            if (cursor.category() != Category.NONE) {
                categories.put(cursor.address(), cursor.category());
            }
        }
        return categories;
    }

    @Test
    void stringsAreToldFromOtherContent() throws IOException {
        try (LedgerProcess process = LedgerProcess.of(Release.HOST, "strings")
                        .option("count", 3000)
                        .start();
                Target target = Target.attach(process.pid())) {
            Map<Long, Category> categories = categories(MallocHeap.locate(target));
            Category string = new Category(LibcCategories.C, "string data", "");
            assertThat(categories.values().stream().filter(string::equals).count())
                    .isGreaterThan(2000);
        }
    }

    @Test
    void randomContentIsUncategorizedBySize() throws IOException {
        try (LedgerProcess process =
                LedgerProcess.of(Release.HOST, "threads").option("threads", 3).start()) {
            Ledger ledger = process.ledger();
            try (Target target = Target.attach(process.pid())) {
                MallocHeap heap = MallocHeap.locate(target);
                Map<Long, Category> categories = categories(heap);
                long strings = 0;
                for (Ledger.Block block : ledger.live()) {
                    Category category = categories.get(block.address());
                    strings += category.domain().equals(LibcCategories.C) ? 1 : 0;
                    assertThat(category.domain()).isNotEqualTo(LibcCategories.LIBC);
                    if (category.domain() == Domain.UNCATEGORIZED) {
                        assertThat(category.kind()).isEmpty();
                        assertThat(category.detail()).matches("\\d+ bytes");
                    }
                }
                // A block of a few random bytes may look like text by chance.
                assertThat(strings).isLessThan(ledger.live().size() / 20);
                Set<Long> caches =
                        heap.threadCaches().stream().map(ThreadCache::address).collect(Collectors.toSet());
                Set<Long> vectors = ledger.threads().stream()
                        .filter(thread -> thread.lives() && !thread.name().equals("main"))
                        .map(thread -> thread.dtv() - 16)
                        .collect(Collectors.toSet());
                categories.forEach((address, category) -> {
                    if (category.domain().equals(LibcCategories.LIBC)) {
                        assertThat(category.kind().equals("tcache") ? caches : vectors)
                                .contains(address);
                    }
                });
                vectors.forEach(
                        vector -> assertThat(categories.get(vector).kind()).isEqualTo("dtv"));
            }
        }
    }

    @Test
    void totalsAreWhatMallocCountsAsUsed() throws IOException {
        try (LedgerProcess process =
                LedgerProcess.of(Release.HOST, "strings").option("count", 3000).start()) {
            long used = process.ledger().mallinfo().get("uordblks");
            try (Target target = Target.attach(process.pid())) {
                MallocHeap heap = MallocHeap.locate(target);
                // Malloc counts what is in thread caches as used.
                long cached = 0;
                for (ChunkCursor chunk = heap.chunks(); chunk.next(); ) {
                    cached += chunk.state() == ChunkState.TCACHE ? chunk.size() : 0;
                }
                UsageTotals totals = UsageTotals.of(UsageCursor.over(Heaps.of(heap)));
                assertThat(totals.list().stream()
                                        .mapToLong(UsageTotals.Total::bytes)
                                        .sum()
                                + cached)
                        .isEqualTo(used);
                assertThat(totals.list())
                        .isSortedAccordingTo(Comparator.comparingLong(UsageTotals.Total::bytes)
                                .reversed());
                Category strings = new Category(LibcCategories.C, "string data", "");
                assertThat(totals.total(strings).count()).isGreaterThan(2000);
                assertThat(totals.grownSince(totals)).isEmpty();
                assertThat(totals.grownSince(new UsageTotals())).isEqualTo(totals.list());
            }
        }
    }

    @Test
    void aWalkMakesNoObjectForAChunk() throws IOException {
        try (LedgerProcess process = LedgerProcess.of(Release.HOST, "many")
                        .option("count", 200_000)
                        .start();
                Target target = Target.attach(process.pid())) {
            MallocHeap heap = MallocHeap.locate(target);
            var threads = (com.sun.management.ThreadMXBean) ManagementFactory.getThreadMXBean();
            long least = Long.MAX_VALUE;
            for (int i = 0; i < 20; i++) {
                UsageCursor cursor = UsageCursor.over(Heaps.of(heap));
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
