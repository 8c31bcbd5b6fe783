// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.malloc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.heapwalk.malloc.layout.MallocLayout;
import dev.heapwalk.memory.Target;
import dev.heapwalk.memory.raw.Words;
import dev.heapwalk.testkit.Ledger;
import dev.heapwalk.testkit.LedgerProcess;
import dev.heapwalk.testkit.Release;
import java.lang.foreign.MemorySegment;
import java.util.BitSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

class ChunkCursorTest {
    private static final int BYTES = 0x1000;

    /** The half of all addresses that is the kernel's: only a core that lies has a heap there. */
    @Test
    void aRunAtAddressesOfTheKernelIsDamage() {
        long start = -0x2000;
        ChunkCursor chunk = chunks(start, BYTES, new WalkPlan.Run(start, start + BYTES, 0, 0));
        for (int walk = 0; walk < 2; walk++) {
            assertThat(chunk.next()).isFalse();
            assertThat(chunk.next()).isFalse();
            assertThat(chunk.leftOutBytes()).isEqualTo(BYTES);
            assertThat(chunk.damage()).singleElement().satisfies(damage -> {
                assertThat(damage.address()).isEqualTo(start);
                assertThat(damage.reason()).contains("can't be read").contains("%d bytes".formatted(BYTES));
            });
            chunk.rewind();
        }
    }

    /** What lies behind the run looks like more of it, and its addresses wrap. */
    @Test
    void aRunAtTheEndOfTheAddressesEndsWhereItEnds() {
        long end = Long.MIN_VALUE - 64;
        long start = end - BYTES;
        ChunkCursor chunk = chunks(start, 4 * BYTES, new WalkPlan.Run(start, end, 0, end - 64));
        int chunks = 0;
        while (chunk.next()) {
            assertThat(chunk.address()).isEqualTo(start + chunks++ * 64L);
            assertThat(chunk.state()).isEqualTo(chunk.address() == end - 64 ? ChunkState.TOP : ChunkState.USED);
        }
        assertThat(chunks).isEqualTo(BYTES / 64);
        assertThat(chunk.damage()).isEmpty();
    }

    static Stream<Arguments> ledgers() {
        return Release.debian().stream()
                .flatMap(release -> Stream.of("threads", "bigsizes").map(scenario -> Arguments.of(release, scenario)));
    }

    /** Records that were kept tell after the walk, and after the target was closed, what the ledger tells. */
    @ParameterizedTest
    @MethodSource("ledgers")
    void aChunkCanBeKept(Release release, String scenario) throws Exception {
        try (LedgerProcess process = LedgerProcess.of(release, scenario).start()) {
            Ledger ledger = process.ledger();
            Map<Long, Chunk> kept = new HashMap<>();
            try (Target target = Target.attach(process.pid());
                    ChunkCursor chunk = MallocHeap.locate(target).chunks()) {
                assertThatThrownBy(() -> Chunk.of(chunk)).isInstanceOf(IllegalStateException.class);
                while (chunk.next()) {
                    Chunk taken = Chunk.of(chunk);
                    assertThat(taken).hasToString(chunk.toString());
                    kept.put(taken.userAddress(), taken);
                }
            }
            assertThat(ledger.live()).isNotEmpty().allSatisfy(block -> {
                Chunk chunk = kept.get(block.address());
                assertThat(chunk).isNotNull();
                assertThat(chunk.address()).isEqualTo(block.address() - 16);
                assertThat(chunk.state()).isEqualTo(ChunkState.USED);
                assertThat(chunk.usableSize()).isEqualTo(block.usable());
                assertThat(chunk.size()).isBetween(block.usable() + 8, block.usable() + 16);
                assertThat(chunk.arena() < 0).isEqualTo(chunk.mmapped());
            });
            assertThat(kept.values().stream().filter(Chunk::mmapped).count())
                    .isEqualTo(ledger.mallinfo().get("hblks"));
        }
    }

    /** Over memory that is full of used chunks of 64 bytes. */
    private static ChunkCursor chunks(long start, int bytes, WalkPlan.Run run) {
        MemorySegment content = java.lang.foreign.Arena.ofAuto().allocate(bytes, 8);
        for (int at = 0; at < bytes; at += 64) {
            content.set(Words.LONG, at + 8, 64 | MallocChunk.PREV_INUSE);
        }
        return new ChunkCursor(
                new SmallTarget(start, content, List.of()).memory(),
                new WalkPlan(List.of(run)),
                new FreeChunks(),
                MallocLayout.ALL.getLast(),
                new BitSet());
    }
}
