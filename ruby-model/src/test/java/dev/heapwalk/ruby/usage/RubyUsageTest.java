// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.usage;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.heapwalk.heap.BlockLookup;
import dev.heapwalk.heap.BlockState;
import dev.heapwalk.heap.Heaps;
import dev.heapwalk.heap.usage.Category;
import dev.heapwalk.heap.usage.UsageCursor;
import dev.heapwalk.heap.usage.UsageLookup;
import dev.heapwalk.malloc.ChunkCursor;
import dev.heapwalk.malloc.ChunkState;
import dev.heapwalk.malloc.MallocHeap;
import dev.heapwalk.memory.Target;
import dev.heapwalk.memory.raw.Buffers;
import dev.heapwalk.ruby.RubyVm;
import dev.heapwalk.ruby.SlotCursor;
import dev.heapwalk.testkit.Ruby;
import dev.heapwalk.testkit.RubyProcess;
import java.lang.management.ManagementFactory;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;
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

    private static final String MIX =
            "eval class Mixed; def initialize(i) @i = i; end end; Point = Struct.new(:x, :y); require 'stringio'; "
                    + "$mixed = (0...20_000).flat_map { |i| [Mixed.new(i), i.to_s, [i], Object.new, {i => i}, "
                    + "Point.new(i, i), StringIO.new, Rational(i, 7), i.to_s.to_sym] }; GC.start; $mixed.length";

    /** The slots of neighbours differ in class and type. */
    @ParameterizedTest
    @MethodSource("dev.heapwalk.testkit.Ruby#all")
    void aWalkMakesNoObjectForASlot(Ruby ruby) throws Exception {
        try (RubyProcess process = RubyProcess.of(ruby, "every_type").start()) {
            assertThat(process.ask(MIX)).containsExactly("180000");
            try (Target target = Target.attach(process.pid())) {
                var threads = (com.sun.management.ThreadMXBean) ManagementFactory.getThreadMXBean();
                UsageCursor usage = UsageCursor.over(Heaps.of(target), List.of());
                long least = Long.MAX_VALUE;
                for (int round = 0; round < 5; round++) {
                    usage.rewind();
                    long slots = 0;
                    long before = threads.getCurrentThreadAllocatedBytes();
                    while (usage.next()) {
                        slots += usage.category().domain() == RubyHeap.DOMAIN ? 1 : 0;
                    }
                    long allocated = threads.getCurrentThreadAllocatedBytes() - before;
                    assertThat(slots).isGreaterThan(180_000);
                    least = Math.min(least, allocated);
                }
                assertThat(least).isLessThan(20_000);
            }
        }
    }

    /** Names, modules and what the slots own are made out again without new tables and arrays. */
    @ParameterizedTest
    @MethodSource("dev.heapwalk.testkit.Ruby#all")
    void aSampleMakesLessThanAByteForASlot(Ruby ruby) throws Exception {
        try (RubyProcess process = RubyProcess.of(ruby, "every_type").start()) {
            process.ask(MIX);
            var threads = (com.sun.management.ThreadMXBean) ManagementFactory.getThreadMXBean();
            try (Target target = Target.observe(process.pid());
                    UsageCursor usage = UsageCursor.over(Heaps.of(target))) {
                long least = Long.MAX_VALUE;
                long slots = 0;
                for (int round = 0; round < 6; round++) {
                    long before = threads.getCurrentThreadAllocatedBytes();
                    usage.rewind();
                    slots = 0;
                    while (usage.next()) {
                        slots += usage.category().domain() == RubyHeap.DOMAIN ? 1 : 0;
                    }
                    least = Math.min(least, threads.getCurrentThreadAllocatedBytes() - before);
                }
                assertThat(slots).isGreaterThan(180_000);
                assertThat(least).isLessThan(slots);
            }
        }
    }

    /** Ruby itself says where its objects are. */
    @ParameterizedTest
    @MethodSource("dev.heapwalk.testkit.Ruby#all")
    void anAddressLeadsToItsSlot(Ruby ruby) throws Exception {
        try (RubyProcess process = RubyProcess.of(ruby, "every_type").start()) {
            process.ask(MAKE);
            List<String> said =
                    process.ask("eval require 'objspace'; [$walked[0], $walked[1], $walked[2][7], $walked[3]]"
                            + ".map { |o| ObjectSpace.dump(o)[/0x\\h+/] }.join(' ')");
            try (Target target = Target.attach(process.pid())) {
                UsageLookup lookup = UsageLookup.over(Heaps.of(target));
                List<Category> expected = List.of(
                        ruby("String", "T_STRING"),
                        ruby("Array", "T_ARRAY"),
                        ruby("Walked", "T_OBJECT"),
                        ruby("Hash", "T_HASH"));
                String[] addresses = String.join("", said).split(" ");
                assertThat(addresses).hasSize(expected.size());
                for (int i = 0; i < expected.size(); i++) {
                    long address = Long.decode(addresses[i].replace("\"", ""));
                    for (int inside : new int[] {0, 17, 39}) {
                        assertThat(lookup.find(address + inside)).isTrue();
                        assertThat(lookup.address()).isEqualTo(address);
                        assertThat(lookup.heap()).isInstanceOf(RubyHeap.class);
                        assertThat(lookup.category()).isEqualTo(expected.get(i));
                    }
                }
            }
        }
    }

    /** Whether the slots are come by on the way or walked for their own sake makes no difference. */
    @ParameterizedTest
    @MethodSource("dev.heapwalk.testkit.Ruby#all")
    void aWalkOverOneArenaSaysTheSame(Ruby ruby) throws Exception {
        try (RubyProcess process = RubyProcess.of(ruby, "every_type").start()) {
            process.ask(MAKE);
            try (Target target = Target.attach(process.pid())) {
                Heaps heaps = Heaps.of(target);
                Map<Long, Category> whole = new HashMap<>();
                UsageCursor all = UsageCursor.over(heaps);
                while (all.next()) {
                    if (all.heap() instanceof MallocHeap) {
                        whole.put(all.address(), all.category());
                    }
                }
                MallocHeap malloc = heaps.find(MallocHeap.class).orElseThrow();
                RubyHeap slots = heaps.find(RubyHeap.class).orElseThrow();
                UsageCursor one = UsageCursor.over(heaps, malloc.blocks(0));
                long owned = 0;
                while (one.next()) {
                    if (one.state() != BlockState.USED || !slots.manages(one)) {
                        assertThat(one.category()).isEqualTo(whole.get(one.address()));
                        owned += one.category().detail().endsWith("buffer") ? 1 : 0;
                    }
                }
                assertThat(owned).isGreaterThan(500);
            }
        }
    }

    @Test
    void aClosedCursorIsAtItsEnd() throws Exception {
        try (RubyProcess process = RubyProcess.of(Ruby.TRIXIE, "every_type").start();
                Target target = Target.attach(process.pid())) {
            RubyHeap heap = new RubyHeap(RubyVm.locate(target));
            SlotCursor slot = heap.vm().slots();
            assertThat(slot.next()).isTrue();
            long first = slot.address();
            slot.close();
            slot.close();
            assertThat(slot.next()).isFalse();
            assertThatThrownBy(() -> slot.moveTo(first)).isInstanceOf(IllegalStateException.class);
            UsageCursor usage = UsageCursor.over(Heaps.of(target));
            assertThat(usage.next()).isTrue();
            usage.close();
            assertThatThrownBy(() -> {
                        while (usage.next()) {
                            assertThat(usage.heap()).isInstanceOf(MallocHeap.class);
                        }
                    })
                    .isInstanceOf(IllegalStateException.class);
        }
    }

    private static Map<Long, Category> slots(UsageCursor usage) {
        Map<Long, Category> slots = new HashMap<>();
        while (usage.next()) {
            if (usage.heap() instanceof RubyHeap) {
                slots.put(usage.address(), usage.category());
            }
        }
        return slots;
    }

    private static long address(RubyProcess process, String variable) throws Exception {
        return Long.decode(String.join(
                        "", process.ask("eval require 'objspace'; ObjectSpace.dump(%s)[/0x\\h+/]".formatted(variable)))
                .replace("\"", ""));
    }

    /** A class is named between one look and the next: what is not asked again still has no name for it. */
    @ParameterizedTest
    @MethodSource("dev.heapwalk.testkit.Ruby#all")
    void aSampleSaysWhatIsNowWithTheSameObjects(Ruby ruby) throws Exception {
        try (RubyProcess process = RubyProcess.of(ruby, "every_type").start()) {
            process.ask("eval GC.disable; $classes = Array.new(3) { Class.new }; $made = $classes.map(&:new); 3");
            process.ask(MAKE);
            long[] made = new long[3];
            for (int i = 0; i < made.length; i++) {
                made[i] = address(process, "$made[%d]".formatted(i));
            }
            try (Target target = Target.observe(process.pid());
                    UsageCursor usage = UsageCursor.over(Heaps.of(target));
                    UsageLookup lookup = UsageLookup.over(Heaps.of(target))) {
                Map<Long, Category> first = slots(usage);
                assertThat(first.get(made[0])).isEqualTo(ruby("anonymous", "T_OBJECT"));
                assertThat(lookup.find(made[2])).isTrue();
                assertThat(lookup.category()).isEqualTo(ruby("anonymous", "T_OBJECT"));
                long buffers = Buffers.inUse();

                process.ask("eval Named = $classes[0]; 0");
                usage.rewind();
                Map<Long, Category> second = slots(usage);
                assertThat(second.get(made[0])).isEqualTo(ruby("Named", "T_OBJECT"));
                assertThat(second.get(made[1])).isSameAs(first.get(made[0]));

                process.ask("eval Again = $classes[1]; $more = Array.new(100_000) { Object.new }; 0");
                long later = address(process, "$more.last");
                assertThat(first).doesNotContainKey(later);
                usage.refresh();
                Map<Long, Category> third = slots(usage);
                assertThat(third.get(made[0])).isSameAs(second.get(made[0]));
                assertThat(third.get(made[1])).isEqualTo(ruby("Again", "T_OBJECT"));
                assertThat(third.get(made[2])).isSameAs(first.get(made[2]));
                assertThat(third.get(later)).isEqualTo(ruby("Object", "T_OBJECT"));
                // What follows pointers has read a little more; a sample makes no buffers.
                assertThat(Buffers.inUse()).isLessThanOrEqualTo(buffers + (8 << 20));

                process.ask("eval Third = $classes[2]; 0");
                assertThat(lookup.find(made[2])).isTrue();
                assertThat(lookup.category()).isEqualTo(ruby("Third", "T_OBJECT"));
            }
        }
    }

    @Test
    void manySingleQuestionsMakeNoBuffers() throws Exception {
        try (RubyProcess process = RubyProcess.of(Ruby.TRIXIE, "every_type").start();
                Target target = Target.attach(process.pid())) {
            RubyHeap heap = new RubyHeap(RubyVm.locate(target));
            long slot;
            try (SlotCursor slots = heap.vm().slots()) {
                assertThat(slots.next()).isTrue();
                slot = slots.address();
            }
            assertThat(heap.blockAt(slot)).isPresent();
            long buffers = Buffers.inUse();
            for (int i = 0; i < 100; i++) {
                assertThat(heap.blockAt(slot)).isPresent();
            }
            assertThat(Buffers.inUse()).isEqualTo(buffers);
        }
    }

    @Test
    void aClosedLookUpFindsNothing() throws Exception {
        try (RubyProcess process = RubyProcess.of(Ruby.TRIXIE, "every_type").start();
                Target target = Target.attach(process.pid())) {
            RubyHeap heap = new RubyHeap(RubyVm.locate(target));
            long page = heap.vm().pages().body(0);
            BlockLookup lookup = heap.lookup();
            assertThat(lookup.find(page)).isTrue();
            lookup.close();
            lookup.close();
            assertThatThrownBy(() -> lookup.find(page)).isInstanceOf(IllegalStateException.class);
            assertThat(lookup).hasToString("at no block");
        }
    }
}
