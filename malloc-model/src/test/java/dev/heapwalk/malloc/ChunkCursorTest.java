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
import java.util.ArrayList;
import java.util.BitSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
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

    /**
     * What a window shows beside what it was asked for changes nothing, whatever the memory is like: chunks of two
     * arenas, some of them full of smaller ones, with wrong flags and sizes.
     */
    @Test
    void howMuchAWindowShowsChangesNothing() {
        int damaged = 0;
        for (long seed = 0; seed < 300; seed++) {
            Chunks chunks = new Chunks(new Random(seed));
            List<String> whole = walk(chunks.cursor(false, () -> {}));
            assertThat(walk(chunks.cursor(true, () -> {}))).as("seed %d", seed).isEqualTo(whole);
            damaged += whole.stream().anyMatch(line -> line.startsWith("Damage")) ? 1 : 0;
        }
        assertThat(damaged).isGreaterThan(200);
    }

    /** Memory that is another one each time it is read: the walk ends, and reads nothing but what its window shows. */
    @Test
    void memoryThatNeverStaysTheSame() {
        for (long seed = 0; seed < 1_000; seed++) {
            Random random = new Random(seed);
            Chunks chunks = new Chunks(random);
            long least = random.nextInt(4);
            Runnable change = () -> {
                if (random.nextInt(4) >= least) {
                    chunks.change();
                }
            };
            assertThat(walk(chunks.cursor(true, change))).as("seed %d", seed).hasSizeGreaterThan(1);
        }
    }

    /** Memory of two arenas at random, with a top chunk each. */
    private static final class Chunks {
        private static final int HALF = 1 << 18;
        private static final long START = 0x5000_0000L;
        private final Random random;
        private final MemorySegment content = java.lang.foreign.Arena.ofAuto().allocate(2 * HALF, 8);
        private final List<WalkPlan.Run> runs;

        Chunks(Random random) {
            this.random = random;
            long first = lay(0, HALF, 0);
            long second = lay(HALF, 2 * HALF, MallocChunk.NON_MAIN_ARENA);
            runs = List.of(
                    new WalkPlan.Run(START, START + HALF, 0, START + first),
                    new WalkPlan.Run(START + HALF, START + 2 * HALF, 1, START + second));
        }

        ChunkCursor cursor(boolean inPieces, Runnable meanwhile) {
            return chunks(new SmallTarget(START, content, List.of(), inPieces, meanwhile), runs);
        }

        /** Lays a part of it anew. */
        void change() {
            int from = 16 * random.nextInt(2 * HALF / 16 - 4096);
            lay(from, from + 16 * (2 + random.nextInt(4094)), random.nextInt(2) * MallocChunk.NON_MAIN_ARENA);
        }

        /** Fills a range with chunks, and returns the offset of the last one. */
        private long lay(int from, int to, long flags) {
            long last = from;
            for (int at = from; at < to; ) {
                int size = 16 * (2 + random.nextInt(random.nextInt(8) == 0 ? 1500 : 30));
                size = to - at - size < 0x1000 ? to - at : size;
                boolean wrongFlags = size > 0x400 && random.nextInt(4) == 0;
                if (wrongFlags || random.nextInt(4) == 0) {
                    lay(at + 16, at + size, flags);
                }
                boolean wrongSize = random.nextInt(400) == 0;
                content.set(
                        Words.LONG,
                        at + 8,
                        (wrongSize ? 16L * random.nextInt(4000) : size)
                                | (wrongFlags ? flags ^ MallocChunk.NON_MAIN_ARENA : flags)
                                | MallocChunk.PREV_INUSE);
                last = at;
                at += size;
            }
            return last;
        }
    }

    private static List<String> walk(ChunkCursor chunk) {
        List<String> seen = new ArrayList<>();
        try (chunk) {
            while (chunk.next()) {
                seen.add(chunk.toString());
                if (chunk.state() == ChunkState.FREE) {
                    chunk.addLinks();
                }
            }
            seen.add("links %d %d %d".formatted(chunk.forwardLinks(), chunk.backwardLinks(), chunk.skipLinks()));
            chunk.damage().forEach(damage -> seen.add(damage.toString()));
        }
        return seen;
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
        return chunks(new SmallTarget(start, content, List.of()), List.of(run));
    }

    private static ChunkCursor chunks(Target target, List<WalkPlan.Run> runs) {
        return new ChunkCursor(
                target.memory(), new WalkPlan(runs), new FreeChunks(), MallocLayout.ALL.getLast(), new BitSet());
    }
}
