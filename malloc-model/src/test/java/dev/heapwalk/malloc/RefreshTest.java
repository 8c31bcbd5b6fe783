// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.malloc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.sun.management.ThreadMXBean;
import dev.heapwalk.heap.Heaps;
import dev.heapwalk.heap.Source;
import dev.heapwalk.heap.usage.Category;
import dev.heapwalk.heap.usage.UsageCursor;
import dev.heapwalk.memory.Target;
import dev.heapwalk.memory.raw.Buffers;
import dev.heapwalk.testkit.Ledger;
import dev.heapwalk.testkit.LedgerProcess;
import dev.heapwalk.testkit.Release;
import java.io.IOException;
import java.lang.management.BufferPoolMXBean;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** A heap that is found again after its process went on, held against the ledger as it is then. */
class RefreshTest {

    static Stream<Arguments> cases() {
        return Release.debian().stream()
                .flatMap(release ->
                        Stream.of("threads", "exits", "bigsizes").map(scenario -> Arguments.of(release, scenario)));
    }

    @ParameterizedTest
    @MethodSource("cases")
    void whatIsFoundAgainIsTheHeapAsItIsNow(Release release, String scenario) throws Exception {
        try (LedgerProcess process = LedgerProcess.of(release, scenario).start()) {
            for (MallocHeap.Symbols symbols : MallocHeap.Symbols.values()) {
                try (Target target = Target.observe(process.pid())) {
                    MallocHeap heap = MallocHeap.locate(target, symbols);
                    UsageCursor usage = UsageCursor.over(Heaps.of(heap));
                    ChunkCursor chunks = heap.chunks();
                    for (int round = 0; round < 3; round++) {
                        Ledger before = process.ledger();
                        process.go(2000);
                        Ledger ledger = process.ledger();
                        assertThat(ledger.live()).isNotEqualTo(before.live());
                        heap = heap.refresh();
                        HeapCheck check = new HeapCheck(heap, "found again, symbols " + symbols, ledger);
                        check.everyLiveBlockIsUsed();
                        check.noFreedBlockIsUsed();
                        check.arenasAddUp();
                        check.mallinfoAgrees();
                        chunks.rewind(heap);
                        assertThat(usedBytes(chunks)).isEqualTo(usedBytes(heap.chunks()));
                        usage.refresh();
                        assertThat(byUse(usage))
                                .isEqualTo(byUse(UsageCursor.over(Heaps.of(heap))))
                                .isNotEmpty();
                    }
                }
            }
        }
    }

    static Stream<Release> releases() {
        return Stream.concat(Release.debian().stream(), Stream.of(Release.HOST)).distinct();
    }

    /** Threads end and begin, new ones make caches later than they begin, arenas come, and all caches fill up. */
    @ParameterizedTest
    @MethodSource("releases")
    void threadsEndAndBegin(Release release) throws Exception {
        try (LedgerProcess process = LedgerProcess.of(release, "turnover").start()) {
            for (MallocHeap.Symbols symbols : MallocHeap.Symbols.values()) {
                try (Target target = Target.observe(process.pid())) {
                    MallocHeap heap = MallocHeap.locate(target, symbols);
                    int arenas = heap.arenas().size();
                    for (int round = 0; round < 6; round++) {
                        Set<Long> threads = threads(process);
                        process.go(round < 4 ? 20 : 3000);
                        assertThat(threads(process).equals(threads)).isEqualTo(round % 2 == 1);
                        Ledger ledger = process.ledger();
                        heap = heap.refresh();
                        check(heap, "found again, symbols " + symbols, ledger, symbols);
                        // A thread that has just told that it waits may still be on its way there.
                        for (int i = 0; i < 20 && !tookOver(heap); i++) {
                            Thread.sleep(10);
                            heap = heap.refresh();
                        }
                        assertThat(heap.evidence())
                                .as("nothing happened meanwhile")
                                .filteredOn(evidence -> evidence.subject().equals("layout"))
                                .singleElement()
                                .satisfies(evidence ->
                                        assertThat(evidence.sources()).contains(Source.EARLIER));
                        check(heap, "found once more, symbols " + symbols, ledger, symbols);
                    }
                    assertThat(heap.arenas()).hasSizeGreaterThan(arenas);
                }
            }
        }
    }

    private static boolean tookOver(MallocHeap heap) {
        return heap.evidence().stream()
                .anyMatch(evidence -> evidence.subject().equals("layout")
                        && evidence.sources().contains(Source.EARLIER));
    }

    private static Set<Long> threads(LedgerProcess process) throws IOException {
        try (Stream<Path> tasks = Files.list(Path.of("/proc/" + process.pid() + "/task"))) {
            return tasks.map(task -> Long.valueOf(task.getFileName().toString()))
                    .collect(Collectors.toSet());
        }
    }

    /** Holds a heap against the ledger, and against what is found without any knowledge from before. */
    private static void check(MallocHeap heap, String how, Ledger ledger, MallocHeap.Symbols symbols) {
        HeapCheck check = new HeapCheck(heap, how, ledger);
        check.everyLiveBlockIsUsed();
        check.noFreedBlockIsUsed();
        check.arenasAddUp();
        check.mallinfoAgrees();
        MallocHeap located = MallocHeap.locate(heap.target(), symbols);
        assertThat(heap.threadCaches()).as(how).isEqualTo(located.threadCaches());
        assertThat(heap.arenas()).as(how).isEqualTo(located.arenas());
        assertThat(heap.mmapped()).as(how).isEqualTo(located.mmapped());
        assertThat(heap.layout()).as(how).isEqualTo(located.layout());
        try (ChunkCursor chunks = heap.chunks();
                ChunkCursor others = located.chunks()) {
            while (chunks.next()) {
                assertThat(others.next()).as(how).isTrue();
                assertThat(chunks.address()).as(how).isEqualTo(others.address());
                assertThat(chunks.state()).as(how).isEqualTo(others.state());
            }
            assertThat(others.next()).as(how).isFalse();
        }
    }

    private static long usedBytes(ChunkCursor chunks) {
        long bytes = 0;
        while (chunks.next()) {
            bytes += chunks.state() == ChunkState.USED ? chunks.size() : 0;
        }
        return bytes;
    }

    /**
     * All memory of this JVM outside the Java heap that the JDK counts, and the buffers of windows, which it does not.
     */
    private static long directMemory() {
        return Buffers.inUse()
                + ManagementFactory.getPlatformMXBeans(BufferPoolMXBean.class).stream()
                        .filter(pool -> pool.getName().equals("direct"))
                        .mapToLong(BufferPoolMXBean::getMemoryUsed)
                        .sum();
    }

    /** What the kernel says that this JVM has in memory, in bytes. */
    private static long resident() throws IOException {
        return 1024
                * Long.parseLong(Files.readAllLines(Path.of("/proc/self/status")).stream()
                        .filter(line -> line.startsWith("VmRSS:"))
                        .findFirst()
                        .orElseThrow()
                        .replaceAll("[^0-9]", ""));
    }

    /** A sample of a process is taken with the buffers of the one before, and with few objects. */
    @Test
    void makesNoBuffers() throws Exception {
        ThreadMXBean threads = ManagementFactory.getPlatformMXBean(ThreadMXBean.class);
        try (LedgerProcess process = LedgerProcess.of(Release.HOST, "large")
                        .option("count", 980)
                        .option("size", 200_000)
                        .start();
                Target target = Target.observe(process.pid())) {
            MallocHeap heap = MallocHeap.locate(target);
            try (ChunkCursor chunks = heap.chunks();
                    UsageCursor usage = UsageCursor.over(Heaps.of(target))) {
                long direct = 0;
                long objects = 0;
                long resident = 0;
                for (int sample = 0; sample < 320; sample++) {
                    if (sample == 20) {
                        direct = directMemory();
                        resident = resident();
                        objects = threads.getCurrentThreadAllocatedBytes();
                    }
                    heap = heap.refresh();
                    assertThat(heap.mmapped().confidence()).isEqualTo(MmappedChunks.Confidence.EXACT);
                    assertThat(heap.mmapped().count()).isEqualTo(980);
                    chunks.rewind(heap);
                    assertThat(usedBytes(chunks)).isGreaterThan(980 * 200_000L);
                    usage.refresh();
                    assertThat(byUse(usage)).isNotEmpty();
                }
                assertThat((threads.getCurrentThreadAllocatedBytes() - objects) / 300)
                        .isLessThan(512 << 10);
                assertThat(directMemory()).isLessThanOrEqualTo(direct);
                // New buffers for each sample were 2 GiB.
                assertThat(resident() - resident).isLessThan(300 << 20);
            }
        }
    }

    @Test
    void aClosedCursorDoesNotMove() throws Exception {
        try (LedgerProcess process = LedgerProcess.of(Release.HOST, "basic").start();
                Target target = Target.observe(process.pid())) {
            MallocHeap heap = MallocHeap.locate(target);
            ChunkCursor chunks = heap.chunks();
            for (int i = 0; i < 10; i++) {
                assertThat(chunks.next()).isTrue();
            }
            chunks.close();
            chunks.close();
            assertThatThrownBy(chunks::next).isInstanceOf(IllegalStateException.class);
            chunks.rewind();
            assertThatThrownBy(chunks::next).isInstanceOf(IllegalStateException.class);
            assertThatThrownBy(() -> chunks.rewind(heap)).isInstanceOf(IllegalStateException.class);
            try (Target other = Target.observe(process.pid());
                    ChunkCursor elsewhere = MallocHeap.locate(other).chunks()) {
                assertThatThrownBy(() -> elsewhere.rewind(heap)).isInstanceOf(IllegalArgumentException.class);
            }
        }
    }

    private static Map<Object, Long> byUse(UsageCursor usage) {
        Map<Object, Long> bytes = new HashMap<>();
        while (usage.next()) {
            bytes.merge(usage.category() == Category.NONE ? usage.name() : usage.category(), usage.size(), Long::sum);
        }
        return bytes;
    }
}
