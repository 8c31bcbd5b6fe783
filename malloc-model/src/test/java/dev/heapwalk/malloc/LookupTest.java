// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.malloc;

import static org.assertj.core.api.Assertions.assertThat;

import dev.heapwalk.heap.Block;
import dev.heapwalk.heap.BlockLookup;
import dev.heapwalk.heap.BlockState;
import dev.heapwalk.memory.Target;
import dev.heapwalk.testkit.Ledger;
import dev.heapwalk.testkit.LedgerProcess;
import dev.heapwalk.testkit.Release;
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
}
