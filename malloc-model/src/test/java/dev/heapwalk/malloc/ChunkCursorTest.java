// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.malloc;

import static org.assertj.core.api.Assertions.assertThat;

import dev.heapwalk.memory.struct.Words;
import java.lang.foreign.MemorySegment;
import java.util.BitSet;
import java.util.List;
import org.junit.jupiter.api.Test;

class ChunkCursorTest {
    private static final int BYTES = 0x1000;

    /** The half of all addresses that is the kernel's: only a core that lies has a heap there. */
    @Test
    void aRunAtAddressesOfTheKernelIsDamage() {
        long start = -0x2000;
        MemorySegment content = java.lang.foreign.Arena.ofAuto().allocate(BYTES, 8);
        for (int at = 0; at < BYTES; at += 64) {
            content.set(Words.LONG, at + 8, 64 | MallocChunk.PREV_INUSE);
        }
        ChunkCursor chunk = new ChunkCursor(
                new SmallTarget(start, content, List.of()).memory(),
                new WalkPlan(List.of(new WalkPlan.Run(start, start + BYTES, 0, 0))),
                new FreeChunks(),
                MallocLayout.ALL.getLast(),
                new BitSet());
        for (int walk = 0; walk < 2; walk++) {
            assertThat(chunk.next()).isFalse();
            assertThat(chunk.next()).isFalse();
            assertThat(chunk.leftOutBytes()).isEqualTo(BYTES);
            assertThat(chunk.corruptions()).singleElement().satisfies(damage -> {
                assertThat(damage.address()).isEqualTo(start);
                assertThat(damage.reason()).contains("can't be read").contains("%d bytes".formatted(BYTES));
            });
            chunk.rewind();
        }
    }
}
