// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.malloc;

import static org.assertj.core.api.Assertions.assertThat;

import dev.heapwalk.malloc.layout.MallocLayout;
import dev.heapwalk.memory.Machine;
import dev.heapwalk.memory.Registers;
import dev.heapwalk.memory.ThreadState;
import dev.heapwalk.memory.machine.Processor;
import dev.heapwalk.memory.raw.Words;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** Thread caches of versions that no release at hand has, in memory as their sources fill it. */
class TcacheFinderTest {
    private static final long BASE = 0x10000;
    private static final long CACHE = BASE + 16;
    private static final long THREAD_POINTER = BASE + 0x3000;

    /** A heap that begins with the block of a thread cache, and a thread whose variable points to it. */
    private final MemorySegment content = java.lang.foreign.Arena.ofAuto().allocate(0x800L * 8, 8);

    private TcacheFinder finder(MallocLayout layout, int slots) {
        content.set(Words.LONG, 8, layout.tcache().chunkSize() | MallocChunk.PREV_INUSE);
        for (int bin = 0; bin < layout.tcache().bins(); bin++) {
            content.set(Words.SHORT, 16 + 2L * bin, (short) slots);
        }
        content.set(Words.LONG, THREAD_POINTER - BASE - 64, CACHE);
        SmallTarget target = new SmallTarget(
                BASE,
                content,
                List.of(new ThreadState(
                        new EmptyTarget(Machine.X86_64),
                        1,
                        "",
                        Optional.of(new Registers(Processor.of(Machine.X86_64), new long[27], THREAD_POINTER)))));
        WalkPlan plan = new WalkPlan(List.of(new WalkPlan.Run(BASE, BASE + 0x2000, 0, 0)));
        return new TcacheFinder(target, target.memory().reader(1 << 20), plan, slots);
    }

    private static MallocLayout layout(String version) {
        return MallocLayout.ALL.stream()
                .filter(layout -> layout.covers(version))
                .findFirst()
                .orElseThrow();
    }

    private static final LibcModule LIBC =
            new LibcModule(Optional.empty(), List.of(), Optional.empty(), List.of(), Optional.empty(), false, "");

    @Test
    void aThreadOf2_42HasACacheAlsoWhereItMayHoldNothing() {
        MallocLayout layout = layout("2.42");
        for (int slots : new int[] {0, 7}) {
            TcacheFinder finder = finder(layout, slots);
            assertThat(finder.read(CACHE, layout, true, null))
                    .as("%d slots", slots)
                    .isNotNull();
            assertThat(finder.tcacheVariable(LIBC, layout, Set.of(), false))
                    .as("%d slots", slots)
                    .extracting(TcacheFinder.Variable::values)
                    .isEqualTo(Map.of(1L, CACHE));
        }
    }

    @Test
    void aThreadOf2_43HasNoneWhereItMayHoldNothing() {
        MallocLayout layout = layout("2.43");
        TcacheFinder finder = finder(layout, 0);
        assertThat(finder.read(CACHE, layout, true, null)).isNull();
        assertThat(finder.tcacheVariable(LIBC, layout, Set.of(), false)).isNull();
        finder = finder(layout, 16);
        assertThat(finder.read(CACHE, layout, true, null)).isNotNull();
        assertThat(finder.tcacheVariable(LIBC, layout, Set.of(), false)).isNotNull();
    }
}
