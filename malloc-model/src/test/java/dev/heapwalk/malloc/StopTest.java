// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.malloc;

import static org.assertj.core.api.Assertions.assertThat;

import dev.heapwalk.memory.AddressSpace;
import dev.heapwalk.memory.Registers;
import dev.heapwalk.memory.Target;
import dev.heapwalk.memory.ThreadState;
import dev.heapwalk.memory.elf.ElfModule;
import dev.heapwalk.testkit.LedgerProcess;
import dev.heapwalk.testkit.Release;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * A heap that was located while its process ran, looked at again and again while the process is held in the middle of
 * its work; held against the ledger as it stands in the process's memory at that moment.
 */
class StopTest {
    /** {@code struct worker} and {@code struct block} of the program. */
    private static final int WORKER = 80;

    private static final int BLOCK = 40;
    private static final int EXCHANGE = 64;
    private static final int LOOKS = 10;

    static List<Release> releases() {
        return Release.debian();
    }

    @ParameterizedTest
    @MethodSource("releases")
    void whatIsHeldIsWholeAndIsWhatTheLedgerSays(Release release) throws Exception {
        try (LedgerProcess process =
                LedgerProcess.of(release, "churn").option("threads", 3).start()) {
            long went = 0;
            try (Target target = Target.observe(process.pid())) {
                ElfModule program = target.modules().stream()
                        .filter(module -> module.path().endsWith("-ledger")
                                || module.path().endsWith("/ledger"))
                        .findFirst()
                        .orElseThrow();
                MallocHeap heap = MallocHeap.locate(target);
                int looks = 0;
                Map<Long, Long> before = Map.of();
                for (int stops = 0; looks < LOOKS; stops++) {
                    assertThat(stops).as("stops outside of malloc are not rare").isLessThan(5000);
                    try (var _ = target.stop()) {
                        if (!outsideOfMalloc(target, program)) {
                            continue;
                        }
                        heap = heap.refresh();
                        Map<Long, Long> ledger = ledger(target.memory(), program);
                        check(heap, ledger);
                        assertThat(ledger(target.memory(), program)).isEqualTo(ledger);
                        went += ledger.equals(before) ? 0 : 1;
                        before = ledger;
                    }
                    looks++;
                    Thread.sleep(1);
                }
            }
            assertThat(went).as("looks at another ledger than before").isGreaterThan(LOOKS / 2);
            process.stop();
            assertThat(process.check()).isPositive();
        }
    }

    /**
     * Whether each thread is in the program's own code, or waits for work, so that nothing of malloc's is half done.
     */
    private static boolean outsideOfMalloc(Target target, ElfModule program) {
        for (ThreadState thread : target.threads()) {
            Registers registers = thread.registers().orElseThrow();
            boolean own = target.memory()
                    .mappings()
                    .at(registers.programCounter())
                    .filter(program.mappings()::contains)
                    .isPresent();
            if (!own && thread.tid() != target.pid().orElseThrow()) {
                return false;
            }
        }
        return true;
    }

    /** Usable sizes by address. */
    private static Map<Long, Long> ledger(AddressSpace memory, ElfModule program) {
        Map<Long, Long> live = new HashMap<>();
        long workers = memory.readLong(program.symbol("workers").orElseThrow());
        int count = memory.readInt(program.symbol("worker_count").orElseThrow());
        assertThat(count).isEqualTo(4);
        for (int i = 0; i < count; i++) {
            long worker = workers + (long) i * WORKER;
            blocks(memory, memory.readLong(worker), memory.readLong(worker + 8), live);
        }
        blocks(memory, program.symbol("exchange").orElseThrow(), EXCHANGE, live);
        return live;
    }

    private static void blocks(AddressSpace memory, long blocks, long count, Map<Long, Long> live) {
        MemorySegment table = MemorySegment.ofArray(memory.readBytes(blocks, (int) count * BLOCK));
        for (long at = 0; at < table.byteSize(); at += BLOCK) {
            long address = table.get(ValueLayout.JAVA_LONG_UNALIGNED, at);
            if (address != 0) {
                live.put(address, table.get(ValueLayout.JAVA_LONG_UNALIGNED, at + 16));
            }
        }
    }

    private static void check(MallocHeap heap, Map<Long, Long> ledger) {
        TreeMap<Long, Long> used = new TreeMap<>();
        ChunkCursor chunk = heap.chunks();
        while (chunk.next()) {
            if (chunk.state() == ChunkState.USED) {
                used.put(chunk.userAddress(), chunk.usableSize());
            }
        }
        assertThat(chunk.leftOutBytes()).isZero();
        assertThat(chunk.walkedBytes()).isEqualTo(chunk.totalBytes());
        // Each worker may have one block in hand that its books don't have yet, or still have.
        assertThat(ledger.entrySet().stream()
                        .filter(block -> !block.getValue().equals(used.get(block.getKey())))
                        .toList())
                .hasSizeLessThanOrEqualTo(3);
        heap.threadCaches().forEach(cache -> used.remove(cache.address()));
        for (ThreadState thread : heap.target().threads()) {
            long self = thread.registers().orElseThrow().threadPointer();
            // The vector of thread-local storage.
            used.remove(heap.target().memory().readLong(self + 8) - 16);
        }
        assertThat(used.entrySet().stream()
                        .filter(block -> !ledger.containsKey(block.getKey()))
                        .toList())
                .hasSizeLessThanOrEqualTo(3);
    }
}
