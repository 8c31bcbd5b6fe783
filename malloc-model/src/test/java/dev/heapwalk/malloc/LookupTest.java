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
import java.lang.foreign.ValueLayout;
import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
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
