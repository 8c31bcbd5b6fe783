// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.graph;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Look-ups beside a sorted map. */
class BlockIndexTest {
    private record Piece(long address, long size, long usable) {}

    private final Tables tables = new Tables(GraphOptions.DEFAULT);

    private BlockIndex index(List<Piece> pieces) {
        try (BlockIndexBuilder builder = new BlockIndexBuilder(tables)) {
            for (Piece piece : pieces) {
                builder.add(piece.address, piece.size, piece.usable, 0, false);
            }
            return builder.build(false);
        }
    }

    private static void compare(BlockIndex index, TreeMap<Long, Piece> blocks, Iterable<Long> addresses) {
        for (long address : addresses) {
            Map.Entry<Long, Piece> before = blocks.floorEntry(address);
            boolean inside = before != null
                    && (address == before.getKey() || address - before.getKey() < before.getValue().usable);
            boolean behind = before != null && !inside && address - before.getKey() == before.getValue().usable;
            assertThat(index.at(address))
                    .as("0x%x", address)
                    .isEqualTo(inside ? blocks.headMap(before.getKey()).size() : -1);
            assertThat(index.endingAt(address))
                    .as("0x%x", address)
                    .isEqualTo(behind ? blocks.headMap(before.getKey()).size() : -1);
            assertThat(index.startingAt(address))
                    .as("0x%x", address)
                    .isEqualTo(
                            blocks.containsKey(address)
                                    ? blocks.headMap(address).size()
                                    : -1);
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {4, 8, 16, 32})
    void findsWhatASortedMapFinds(int alignment) {
        Random random = new Random(alignment);
        for (int round = 0; round < 20; round++) {
            TreeMap<Long, Piece> blocks = new TreeMap<>();
            List<Long> asked = new ArrayList<>(List.of(0L, -1L, 1L, Long.MAX_VALUE, Long.MIN_VALUE, 1L << 47));
            // Runs of blocks anywhere in the address space, with gaps in them, and some blocks that are long.
            for (int run = 0; run < 8; run++) {
                long at = (random.nextLong() >>> 17 + random.nextInt(20)) & -alignment;
                for (int i = random.nextInt(200); i >= 0; i--) {
                    long size = random.nextInt(60) == 0 ? random.nextInt(3 << 20) : random.nextInt(300);
                    long usable = Math.max(0, size - random.nextInt(9));
                    if (blocks.isEmpty()
                            || blocks.ceilingKey(at) == null
                            || blocks.ceilingKey(at) > at + size + 32 && at < 1L << 47) {
                        Map.Entry<Long, Piece> before = blocks.floorEntry(at);
                        if (before == null || before.getKey() + before.getValue().size < at) {
                            blocks.put(at, new Piece(at, size, usable));
                            asked.addAll(List.of(at, at - 1, at + 1, at + usable, at + usable - 1, at + usable + 1));
                            asked.add(at + random.nextInt((int) size + 100));
                        }
                    }
                    at += (size + random.nextInt(64) + alignment) & -alignment;
                }
            }
            List<Piece> order = new ArrayList<>(blocks.values());
            Collections.shuffle(order, random);
            try (BlockIndex index = index(order)) {
                assertThat(index.count()).isEqualTo(blocks.size());
                assertThat(index.unlisted()).isZero();
                int number = 0;
                BlockIndex.Walk walk = index.new Walk(0, index.count());
                for (Piece piece : blocks.values()) {
                    assertThat(walk.next()).isTrue();
                    assertThat(walk.address()).isEqualTo(piece.address);
                    assertThat(index.address(number)).isEqualTo(piece.address);
                    assertThat(index.usable(number)).isEqualTo(piece.usable);
                    assertThat(index.size(number)).isEqualTo(piece.size);
                    number++;
                }
                assertThat(walk.next()).isFalse();
                int from = random.nextInt(index.count());
                BlockIndex.Walk part = index.new Walk(from, index.count());
                while (part.next()) {
                    assertThat(part.address()).isEqualTo(index.address(from++));
                }
                compare(index, blocks, asked);
            }
        }
    }

    @Test
    void holdsBlocksOfManyGigabytesInLittleMemory() {
        long first = 0x5555_0000_0010L;
        long second = first + (3L << 40);
        TreeMap<Long, Piece> blocks = new TreeMap<>();
        blocks.put(first, new Piece(first, 1L << 41, (1L << 41) - 8));
        blocks.put(second, new Piece(second, 100_000_000_000L, 99_999_900_000L));
        try (BlockIndex index = index(new ArrayList<>(blocks.values()))) {
            assertThat(index.usable(0)).isEqualTo((1L << 41) - 8);
            assertThat(index.size(1)).isEqualTo(100_000_000_000L);
            compare(
                    index,
                    blocks,
                    List.of(
                            first + (1L << 40) + 5,
                            first + (1L << 41) - 9,
                            first + (1L << 41) - 8,
                            first + (1L << 41),
                            second - 1,
                            second + 99_999_899_999L,
                            second + 99_999_900_000L,
                            second + 100_000_000_000L));
            assertThat(tables.bytes()).isLessThan(64 << 20);
        }
    }

    @Test
    void staysSmallWhereBlocksLieFarApart() {
        List<Piece> scattered = new ArrayList<>();
        Random random = new Random(1);
        for (int i = 0; i < 5_000; i++) {
            scattered.add(new Piece((random.nextLong() >>> 17) & -4096, 4096, 4096));
        }
        try (BlockIndex index = index(scattered)) {
            scattered.forEach(piece ->
                    assertThat(index.address(index.startingAt(piece.address))).isEqualTo(piece.address));
            assertThat(tables.bytes()).isLessThan(scattered.size() * 40_000L);
        }
    }

    /** The head and the free slots of a page are told as one block at its beginning. */
    @Test
    void endsABlockWhereTheNextOneBegins() {
        try (BlockIndex index = index(
                List.of(new Piece(0x10040, 40, 40), new Piece(0x10090, 40, 40), new Piece(0x10000, 60_000, 60_000)))) {
            assertThat(index.count()).isEqualTo(3);
            assertThat(index.usable(0)).isEqualTo(0x40);
            assertThat(index.size(0)).isEqualTo(60_000);
            assertThat(index.at(0x1003f)).isZero();
            assertThat(index.at(0x10040)).isEqualTo(1);
            assertThat(index.at(0x10080)).isEqualTo(-1);
        }
    }

    @Test
    void leavesOutWhatNoProgramHas() {
        List<Piece> odd = new ArrayList<>();
        for (int i = 0; i < 5_000; i++) {
            odd.add(new Piece(0x10000 + 32L * i, 32, 24));
        }
        odd.add(new Piece(0x10000, 32, 24));
        odd.add(new Piece(0x10041, 32, 24));
        odd.add(new Piece(-16, 32, 24));
        odd.add(new Piece(1L << 50, 32, 24));
        odd.add(new Piece(0x20000000, 1L << 60, 1L << 60));
        try (BlockIndex index = index(odd)) {
            assertThat(index.count()).isEqualTo(5_000);
            assertThat(index.unlisted()).isEqualTo(5);
        }
        try (BlockIndex index = index(List.of())) {
            assertThat(index.count()).isZero();
            assertThat(index.at(0)).isEqualTo(-1);
            assertThat(index.at(0x10000)).isEqualTo(-1);
        }
    }
}
