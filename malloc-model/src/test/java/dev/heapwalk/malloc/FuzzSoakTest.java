// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.malloc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.fail;

import dev.heapwalk.heap.Heaps;
import dev.heapwalk.heap.usage.UsageCursor;
import dev.heapwalk.memory.Target;
import dev.heapwalk.memory.UnsupportedTargetException;
import dev.heapwalk.testkit.CoreEditor;
import dev.heapwalk.testkit.Cores;
import dev.heapwalk.testkit.LedgerProcess;
import dev.heapwalk.testkit.Release;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Changes words of a core at random, by fixed seeds, and walks it: whatever they are, the walk ends and throws nothing,
 * and nothing is listed twice. {@code HEAPWALK_SOAK_FUZZ} says how many rounds for each release in place of the short
 * form.
 */
class FuzzSoakTest {
    private static final long SHORT = 60;

    @TempDir
    private Path folder;

    static List<Release> releases() {
        return Release.debian();
    }

    private static long rounds() {
        String named = System.getenv("HEAPWALK_SOAK_FUZZ");
        return named == null || named.isEmpty() ? SHORT : Long.parseLong(named);
    }

    @ParameterizedTest
    @MethodSource("releases")
    void randomDamage(Release release) throws IOException {
        Path core;
        try (LedgerProcess process = LedgerProcess.of(release, "arenas")
                .option("threads", 3)
                .option("rounds", 300)
                .start()) {
            core = Cores.gcore(process, folder);
        }
        List<Long> words = new ArrayList<>();
        List<Long> addresses = new ArrayList<>();
        long bytes;
        try (Target target = Target.core(core, release.root(false).orElseThrow())) {
            MallocHeap heap = MallocHeap.locate(target);
            for (MallocArena arena : heap.arenas()) {
                for (long at = arena.address();
                        at < arena.address() + heap.layout().state().size();
                        at += 8) {
                    words.add(at);
                }
                arena.regions().forEach(region -> {
                    if (region.heapInfo() != 0) {
                        for (long at = region.heapInfo(); at < region.heapInfo() + 48; at += 8) {
                            words.add(at);
                        }
                    }
                });
            }
            for (long at = heap.parameters().orElseThrow();
                    at < heap.parameters().orElseThrow() + 144;
                    at += 8) {
                words.add(at);
            }
            ChunkCursor chunk = heap.chunks();
            while (chunk.next()) {
                addresses.add(chunk.address());
                for (long at = 0; at < 32; at += 8) {
                    words.add(chunk.address() + at);
                }
            }
            heap.threadCaches().forEach(cache -> {
                for (long at = 0; at < heap.layout().tcache().size(); at += 8) {
                    words.add(cache.address() + at);
                }
            });
            bytes = chunk.totalBytes();
        }
        try (CoreEditor editor = new CoreEditor(core)) {
            for (long seed = 0; seed < rounds(); seed++) {
                SplittableRandom random = new SplittableRandom(seed);
                Map<Long, Long> before = new LinkedHashMap<>();
                int changes = 1 + random.nextInt(random.nextInt(4) == 0 ? 200 : 4);
                for (int i = 0; i < changes; i++) {
                    long at = words.get(random.nextInt(words.size()));
                    before.putIfAbsent(at, editor.word(at));
                    editor.set(at, value(random, editor.word(at), addresses));
                }
                walk(core, release, seed, bytes);
                before.forEach(editor::set);
            }
        }
    }

    private static long value(SplittableRandom random, long word, List<Long> addresses) {
        return switch (random.nextInt(8)) {
            case 0 -> 0;
            case 1 -> -1;
            case 2 -> random.nextLong();
            case 3 -> random.nextLong(1 << 20);
            case 4 -> word ^ 1L << random.nextInt(64);
            case 5 -> addresses.get(random.nextInt(addresses.size()));
            case 6 -> addresses.get(random.nextInt(addresses.size())) + 16;
            default -> word + (random.nextInt(64) - 32) * 16L;
        };
    }

    private static void walk(Path core, Release release, long seed, long bytes) {
        for (MallocHeap.Symbols symbols : MallocHeap.Symbols.values()) {
            try (Target target = Target.core(core, release.root(false).orElseThrow())) {
                MallocHeap heap = MallocHeap.locate(target, symbols);
                UsageCursor cursor = UsageCursor.over(Heaps.of(heap));
                long last = 0;
                long count = 0;
                while (cursor.next()) {
                    assertThat(cursor.address())
                            .as("%s, seed %d", release, seed)
                            .isGreaterThan(last);
                    last = cursor.address();
                    count++;
                }
                // Damaged bounds of a heap may take in more memory than before, but no more chunks than fit.
                assertThat(count).as("%s, seed %d", release, seed).isLessThanOrEqualTo(cursor.totalBytes() / 32 + 16);
                assertThat(cursor.totalBytes()).isLessThan(bytes + (1L << 30));
                heap.arenas().forEach(heap::bins);
                assertThat(heap.damage().size()).isLessThanOrEqualTo(1001);
            } catch (UnsupportedTargetException e) {
                assertThat(e).hasMessageContaining("main_arena");
            } catch (RuntimeException | StackOverflowError | OutOfMemoryError e) {
                fail("%s, seed %d, symbols %s".formatted(release, seed, symbols), e);
            }
        }
    }
}
