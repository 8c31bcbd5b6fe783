// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.malloc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.heapwalk.heap.Block;
import dev.heapwalk.heap.BlockLookup;
import dev.heapwalk.heap.BlockState;
import dev.heapwalk.heap.Heaps;
import dev.heapwalk.heap.usage.CategorizerProvider;
import dev.heapwalk.heap.usage.Category;
import dev.heapwalk.heap.usage.Domain;
import dev.heapwalk.heap.usage.UsageLookup;
import dev.heapwalk.memory.Target;
import dev.heapwalk.testkit.CProgram;
import dev.heapwalk.testkit.Ledger;
import dev.heapwalk.testkit.LedgerProcess;
import dev.heapwalk.testkit.Release;
import java.io.BufferedReader;
import java.io.IOException;
import java.lang.foreign.ValueLayout;
import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Blocks found by addresses in them, held against the ledger. */
class LookupTest {

    static Stream<Arguments> cases() {
        return Release.debian().stream()
                .flatMap(release -> Stream.of("threads", "bigsizes", "brk-blocked", "fastbins")
                        .map(scenario -> Arguments.of(release, scenario)));
    }

    @ParameterizedTest
    @MethodSource("cases")
    void everyAddressOfABlockLeadsToIt(Release release, String scenario) throws Exception {
        try (LedgerProcess process = LedgerProcess.of(release, scenario).start()) {
            Ledger ledger = process.ledger();
            try (Target target = Target.attach(process.pid())) {
                MallocHeap heap = MallocHeap.locate(target);
                BlockLookup lookup = heap.lookup();
                List<Ledger.Block> live = new ArrayList<>(ledger.live());
                assertThat(live).isNotEmpty();
                Random random = new Random(1);
                // In address order, and in any.
                for (int round = 0; round < 2; round++) {
                    for (Ledger.Block block : live) {
                        long size = Math.max(1, block.usable());
                        for (long inside : new long[] {0, random.nextLong(size), size - 1}) {
                            String where = "%s %s 0x%x + %d".formatted(release, scenario, block.address(), inside);
                            assertThat(lookup.find(block.address() + inside))
                                    .as(where)
                                    .isTrue();
                            assertThat(lookup.address()).as(where).isEqualTo(block.address());
                            assertThat(lookup.state()).as(where).isEqualTo(BlockState.USED);
                            assertThat(lookup.usableSize()).as(where).isEqualTo(block.usable());
                        }
                    }
                    Collections.shuffle(live, random);
                }
                Ledger.Block one = live.getFirst();
                assertThat(heap.blockAt(one.address() + one.usable() / 2).map(Block::address))
                        .contains(one.address());
            }
        }
    }

    /** What a walk comes by is found from both of its ends, and what lies between heaps is not. */
    @Test
    void theWalkAgrees() throws Exception {
        try (LedgerProcess process = LedgerProcess.of(Release.HOST, "threads")
                        .option("threads", 3)
                        .start();
                Target target = Target.attach(process.pid())) {
            MallocHeap heap = MallocHeap.locate(target);
            BlockLookup lookup = heap.lookup();
            var block = heap.blocks();
            while (block.next()) {
                Block expected = Block.of(block);
                assertThat(lookup.find(expected.address())).isTrue();
                assertThat(Block.of(lookup)).isEqualTo(expected);
                long last = expected.ownMapping()
                        ? expected.address() + expected.usableSize() - 1
                        : expected.address() + expected.size() - 9;
                assertThat(lookup.find(last)).isTrue();
                assertThat(Block.of(lookup)).isEqualTo(expected);
            }
            target.modules()
                    .forEach(module -> module.mappings().stream()
                            .filter(mapping -> !mapping.writable())
                            .forEach(mapping ->
                                    assertThat(lookup.find(mapping.start())).isFalse()));
            assertThat(lookup.find(0)).isFalse();
            assertThat(lookup.find(-1)).isFalse();
        }
    }

    @Test
    void aLookUpMakesNoObject() throws Exception {
        try (LedgerProcess process = LedgerProcess.of(Release.HOST, "many")
                        .option("count", 200_000)
                        .start();
                Target target = Target.attach(process.pid())) {
            MallocHeap heap = MallocHeap.locate(target);
            List<Long> known = new ArrayList<>();
            ChunkCursor chunk = heap.chunks();
            while (chunk.next()) {
                known.add(chunk.userAddress() + chunk.size() / 2);
            }
            Collections.shuffle(known, new Random(1));
            long[] addresses = known.stream().mapToLong(Long::longValue).toArray();
            BlockLookup lookup = heap.lookup();
            var threads = (com.sun.management.ThreadMXBean) ManagementFactory.getThreadMXBean();
            long least = Long.MAX_VALUE;
            for (int round = 0; round < 10; round++) {
                long before = threads.getCurrentThreadAllocatedBytes();
                for (long address : addresses) {
                    if (!lookup.find(address)) {
                        throw new AssertionError("0x%x".formatted(address));
                    }
                }
                least = Math.min(least, threads.getCurrentThreadAllocatedBytes() - before);
            }
            assertThat(least).isLessThan(10_000);
        }
    }

    /** Frees a block that others enclose, and changes another's content, when it is told to. */
    private static final String CHANGING = """
            #include <stdio.h>
            #include <stdlib.h>
            int main(void) {
                setvbuf(stdin, NULL, _IONBF, 0);
                char *first = malloc(100), *freed = malloc(5000), *kept = malloc(100);
                first[0] = freed[0] = kept[0] = 'a';
                printf("%p %p\\n", (void *) freed, (void *) kept);
                fflush(stdout);
                getchar();
                kept[0] = 'b';
                free(freed);
                puts("done");
                fflush(stdout);
                getchar();
                return 0;
            }
            """;

    private static final List<CategorizerProvider> LETTERS = List.of(heaps -> (block, window) -> {
        long offset = window.require(block.address(), 1);
        char letter = (char) window.segment().get(ValueLayout.JAVA_BYTE, offset);
        return new Category(new Domain("letters"), String.valueOf(letter), "");
    });

    /** A process that runs on is looked at again each time. */
    @Test
    void whatIsFoundIsAsItIsNow() throws Exception {
        Process process =
                new ProcessBuilder(CProgram.compile("changing", CHANGING).toString()).start();
        try (BufferedReader output = process.inputReader();
                Target target = Target.observe(process.pid())) {
            String[] words = output.readLine().split(" ");
            long freed = Long.decode(words[0]);
            long kept = Long.decode(words[1]);
            MallocHeap heap = MallocHeap.locate(target);
            try (BlockLookup lookup = heap.lookup();
                    UsageLookup usage = UsageLookup.over(Heaps.of(heap), LETTERS)) {
                assertThat(heap.blockAt(freed).map(Block::state)).contains(BlockState.USED);
                assertThat(lookup.find(freed)).isTrue();
                assertThat(lookup.state()).isEqualTo(BlockState.USED);
                assertThat(usage.find(kept)).isTrue();
                assertThat(usage.category().kind()).isEqualTo("a");
                process.getOutputStream().write('\n');
                process.getOutputStream().flush();
                assertThat(output.readLine()).isEqualTo("done");
                assertThat(heap.blockAt(freed).map(Block::state)).contains(BlockState.FREE);
                assertThat(lookup.find(freed)).isTrue();
                assertThat(lookup.state()).isEqualTo(BlockState.FREE);
                assertThat(usage.find(kept)).isTrue();
                assertThat(usage.category().kind()).isEqualTo("b");
            }
        } finally {
            process.destroyForcibly();
        }
    }

    /**
     * Begins without a heap. Each time it is told to, it allocates from the main heap, from an arena of a thread and by
     * mappings of their own, and says where and how much of it the program may use.
     */
    private static final String LATE = """
            #include <malloc.h>
            #include <pthread.h>
            #include <stdio.h>
            #include <stdlib.h>
            #include <unistd.h>
            static void allocate(void) {
                for (int i = 0; i < 100; i++) {
                    char *block = malloc(i % 10 ? 3000 + 16 * i : 500000);
                    block[0] = 'a';
                    dprintf(1, "%p %zu\\n", (void *) block, malloc_usable_size(block));
                }
            }
            static void *other(void *unused) {
                allocate();
                dprintf(1, "done\\n");
                while (1) pause();
                return unused;
            }
            int main(void) {
                char told;
                while (read(0, &told, 1) == 1) {
                    pthread_t thread;
                    allocate();
                    pthread_create(&thread, NULL, other, NULL);
                }
                return 0;
            }
            """;

    private static Process late() throws IOException {
        return new ProcessBuilder(CProgram.compile("late", LATE).toString()).start();
    }

    /** Has the program allocate; returns what it told: usable sizes by address. */
    private static Map<Long, Long> allocate(Process process, BufferedReader output) throws IOException {
        process.getOutputStream().write('\n');
        process.getOutputStream().flush();
        Map<Long, Long> sizes = new LinkedHashMap<>();
        for (String line = output.readLine(); !line.equals("done"); line = output.readLine()) {
            String[] words = line.split(" ");
            sizes.put(Long.decode(words[0]), Long.parseLong(words[1]));
        }
        assertThat(sizes).hasSize(200);
        return sizes;
    }

    private static void assertFound(MallocHeap heap, Map<Long, Long> sizes) {
        assertThat(heap.damage()).isEmpty();
        assertThat(heap.missing()).isEmpty();
        sizes.forEach((address, size) -> assertThat(heap.blockAt(address + size / 2))
                .as("0x%x", address)
                .hasValueSatisfying(block -> {
                    assertThat(block.address()).isEqualTo(address);
                    assertThat(block.state()).isEqualTo(BlockState.USED);
                    assertThat(block.usableSize()).isEqualTo(size);
                }));
    }

    /** What a process has mapped since the target was opened, or since it was last looked at, belongs to its heap. */
    @Test
    void whatWasMappedSinceTheTargetWasOpenedIsFound() throws Exception {
        Process process = late();
        try (BufferedReader output = process.inputReader();
                Target target = Target.observe(process.pid())) {
            Map<Long, Long> sizes = new LinkedHashMap<>();
            MallocHeap first = null;
            for (int round = 0; round < 3; round++) {
                sizes.putAll(allocate(process, output));
                MallocHeap heap = MallocHeap.locate(target);
                assertFound(heap, sizes);
                first = first == null ? heap : first;
                assertFound(first.refresh(), sizes);
            }
        } finally {
            process.destroyForcibly();
        }
    }

    /** The main heap of a process that runs on may grow between the look at its mappings and that at its arenas. */
    @Test
    void aHeapThatGrowsWhileItIsLocatedIsFound() throws Exception {
        Process process = late();
        try (BufferedReader output = process.inputReader();
                Target target = Target.observe(process.pid())) {
            Map<Long, Long> sizes = new LinkedHashMap<>(allocate(process, output));
            MallocHeap heap = MallocHeap.locate(Hooked.afterRefresh(target, () -> {
                if (sizes.size() < 400) {
                    sizes.putAll(allocate(process, output));
                }
            }));
            assertThat(sizes).hasSize(400);
            assertFound(heap, sizes);
        } finally {
            process.destroyForcibly();
        }
    }

    @Test
    void aClosedLookUpFindsNothing() throws Exception {
        try (LedgerProcess process = LedgerProcess.of(Release.HOST, "basic").start();
                Target target = Target.observe(process.pid())) {
            MallocHeap heap = MallocHeap.locate(target);
            long known = process.ledger().live().iterator().next().address();
            BlockLookup lookup = heap.lookup();
            UsageLookup usage = UsageLookup.over(Heaps.of(heap));
            for (BlockLookup one : List.of(lookup, usage)) {
                assertThat(one.find(known)).isTrue();
                one.close();
                one.close();
                assertThatThrownBy(() -> one.find(known)).isInstanceOf(IllegalStateException.class);
                assertThatThrownBy(() -> one.find(0)).isInstanceOf(IllegalStateException.class);
            }
            assertThat(lookup).hasToString("at no block");
        }
    }
}
