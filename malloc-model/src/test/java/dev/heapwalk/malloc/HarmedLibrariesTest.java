// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.malloc;

import static org.assertj.core.api.Assertions.assertThat;

import dev.heapwalk.heap.Heaps;
import dev.heapwalk.heap.UsedBlocks;
import dev.heapwalk.heap.usage.UsageCursor;
import dev.heapwalk.heap.usage.UsageTotals;
import dev.heapwalk.memory.Target;
import dev.heapwalk.testkit.CoreEditor;
import dev.heapwalk.testkit.Cores;
import dev.heapwalk.testkit.Release;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Structures of libraries whose words were changed: to addresses of others and of themselves, to small and large numbers.
 * The walk ends, throws nothing, and tells as many blocks.
 */
class HarmedLibrariesTest {
    private static final int ROUNDS = 15;
    private static final int WORDS = 12;

    @TempDir
    private Path folder;

    @ParameterizedTest
    @CsvSource({"glib,always-malloc", "glib,''", "sqlite,''", "openssl,''"})
    void theWalkEnds(String program, String slices) throws Exception {
        List<Long> places = new ArrayList<>();
        Path core;
        try (ToldProgram told = ToldProgram.in(Release.HOST, program, Map.of("G_SLICE", slices))) {
            told.uses.values().forEach(places::addAll);
            core = Cores.gcore(Release.HOST, told.pid, folder);
        }
        // Blocks that they lead to are as good a place.
        try (Target target = Target.core(core)) {
            UsedBlocks used = UsedBlocks.of(Heaps.of(target), _ -> true, Integer.MAX_VALUE);
            places.removeIf(place -> used.at(place) < 0);
            places.replaceAll(place -> used.address(used.at(place)));
            for (long place : List.copyOf(places)) {
                for (int i = 0; i < 8; i++) {
                    long word = target.memory().readLong(place + 8L * i);
                    if (used.at(word) >= 0) {
                        places.add(used.address(used.at(word)));
                    }
                }
            }
        }
        long blocks = blocks(core);
        Random random = new Random(1);
        for (int round = 0; round < ROUNDS; round++) {
            Map<Long, Long> before = new HashMap<>();
            try (CoreEditor editor = new CoreEditor(core)) {
                for (int i = 0; i < WORDS; i++) {
                    long place = any(places, random);
                    // These words are no header of malloc.
                    long at = place + 8L * random.nextInt(3);
                    before.putIfAbsent(at, editor.word(at));
                    editor.set(at, value(place, places, random));
                }
            }
            assertThat(blocks(core)).as("round %d", round).isEqualTo(blocks);
            try (CoreEditor editor = new CoreEditor(core)) {
                before.forEach(editor::set);
            }
        }
    }

    private static long any(List<Long> places, Random random) {
        return places.get(random.nextInt(places.size()));
    }

    private static long value(long place, List<Long> places, Random random) {
        return switch (random.nextInt(6)) {
            case 0 -> place;
            case 1, 2 -> any(places, random);
            case 3 -> random.nextInt(256);
            case 4 -> -1;
            default -> random.nextLong();
        };
    }

    private static long blocks(Path core) {
        try (Target target = Target.core(core);
                UsageCursor cursor = UsageCursor.over(Heaps.of(target))) {
            return UsageTotals.of(cursor).list().stream()
                    .mapToLong(UsageTotals.Total::count)
                    .sum();
        }
    }
}
