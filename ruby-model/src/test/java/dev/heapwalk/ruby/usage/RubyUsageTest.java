// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.usage;

import static org.assertj.core.api.Assertions.assertThat;

import dev.heapwalk.heap.BlockState;
import dev.heapwalk.heap.Heaps;
import dev.heapwalk.heap.usage.Category;
import dev.heapwalk.heap.usage.UsageCursor;
import dev.heapwalk.malloc.ChunkCursor;
import dev.heapwalk.malloc.ChunkState;
import dev.heapwalk.malloc.MallocHeap;
import dev.heapwalk.memory.Target;
import dev.heapwalk.testkit.Ruby;
import dev.heapwalk.testkit.RubyProcess;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class RubyUsageTest {
    private static final String MAKE =
            "eval class Walked; def initialize(n) n.times { |i| instance_variable_set(\"@v#{i}\", i) } end end; "
                    + "$walked = [\"w\" * 1_000_003, Array.new(70_001, 1), Array.new(500) { Walked.new(120) }, "
                    + "(0...9_000).map { |i| [i, i] }.to_h]; GC.start; ObjectSpace.each_object(Walked).count";

    private static Category ruby(String kind, String detail) {
        return new Category(RubyHeap.DOMAIN, kind, detail);
    }

    @ParameterizedTest
    @MethodSource("dev.heapwalk.testkit.Ruby#all")
    void showsSlotsAndWhatTheyOwn(Ruby ruby) throws Exception {
        try (RubyProcess process = RubyProcess.of(ruby, "every_type").start()) {
            assertThat(process.ask(MAKE)).containsExactly("500");
            try (Target target = Target.attach(process.pid())) {
                MallocHeap heap = MallocHeap.locate(target);
                Map<Category, Long> counts = new HashMap<>();
                Map<Category, Long> bytes = new HashMap<>();
                Set<Long> addresses = new HashSet<>();
                UsageCursor usage = UsageCursor.over(Heaps.of(target));
                long all = 0;
                while (usage.next()) {
                    if (usage.state() == BlockState.USED) {
                        assertThat(addresses.add(usage.address()))
                                .as("0x%x comes once", usage.address())
                                .isTrue();
                        counts.merge(usage.category(), 1L, Long::sum);
                        bytes.merge(usage.category(), usage.size(), Long::sum);
                        all += usage.size();
                    }
                }
                assertThat(usage.next()).isFalse();
                assertThat(usage.damage()).isEmpty();
                assertThat(counts.get(ruby("Walked", "T_OBJECT"))).isEqualTo(500);
                // 120 values of 8 bytes each, however far the buffer has room.
                assertThat(counts.get(ruby("Walked", "T_OBJECT buffer"))).isEqualTo(500);
                assertThat(bytes.get(ruby("Walked", "T_OBJECT buffer"))).isBetween(500 * 960L, 500 * 2100L);
                assertThat(bytes.get(ruby("String", "T_STRING buffer"))).isGreaterThan(1_000_003);
                assertThat(bytes.get(ruby("Array", "T_ARRAY buffer"))).isGreaterThan(8 * 70_001L);
                // At least the entries: hash, key and value each.
                assertThat(bytes.get(ruby("Hash", "T_HASH buffer"))).isGreaterThan(24 * 9_000L);
                assertThat(counts.keySet().stream()
                                .filter(category -> category.kind().equals("class unknown")))
                        .isEmpty();
                assertThat(all).isGreaterThanOrEqualTo(usedBytes(heap));
            }
        }
    }

    /**
     * All used chunks: those that hold pages count here as a whole, and above by their slots and the rest of each page.
     */
    private static long usedBytes(MallocHeap heap) {
        long bytes = 0;
        ChunkCursor chunk = heap.chunks();
        while (chunk.next()) {
            if (chunk.state() == ChunkState.USED) {
                bytes += chunk.size();
            }
        }
        // A page's chunk is a little larger than its body.
        return bytes - bytes / 100;
    }
}
