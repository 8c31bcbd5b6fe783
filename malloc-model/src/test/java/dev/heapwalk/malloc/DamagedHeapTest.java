// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.malloc;

import static org.assertj.core.api.Assertions.assertThat;

import dev.heapwalk.heap.Damage;
import dev.heapwalk.memory.Target;
import dev.heapwalk.testkit.CoreEditor;
import dev.heapwalk.testkit.Cores;
import dev.heapwalk.testkit.LedgerProcess;
import dev.heapwalk.testkit.Release;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeMap;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Cores in which words of the heap were changed: the walk ends, tells of it, and the rest is as it was. */
class DamagedHeapTest {
    @TempDir
    private Path folder;

    /** 2.43 has none. */
    static List<Release> withFastbins() {
        return Release.debian().stream()
                .filter(release -> release != Release.SID)
                .toList();
    }

    static List<Release> releases() {
        return Release.debian();
    }

    /** One chunk of a walk. */
    record Seen(long address, long size, ChunkState state, int arena) {}

    /** What a walk found. */
    record Walk(List<Seen> chunks, List<Damage> damage, MallocHeap heap) {
        List<Seen> of(int arena) {
            return chunks.stream().filter(chunk -> chunk.arena() == arena).toList();
        }
    }

    static Walk walk(Target target) {
        MallocHeap heap = MallocHeap.locate(target);
        List<Seen> chunks = new ArrayList<>();
        ChunkCursor cursor = heap.chunks();
        while (cursor.next()) {
            chunks.add(new Seen(cursor.address(), cursor.size(), cursor.state(), cursor.arena()));
        }
        heap.arenas().forEach(heap::bins);
        List<Damage> damage = new ArrayList<>(heap.damage());
        damage.addAll(cursor.damage());
        return new Walk(chunks, damage, heap);
    }

    private static Walk walk(Path core, Release release) {
        try (Target target = Target.core(core, release.root(false).orElseThrow())) {
            return walk(target);
        }
    }

    private Path core(Release release, long rounds) throws IOException {
        try (LedgerProcess process = LedgerProcess.of(release, "arenas")
                .option("threads", 2)
                .option("rounds", rounds)
                .start()) {
            return Cores.gcore(process, folder);
        }
    }

    @ParameterizedTest
    @MethodSource("releases")
    void everySizeWordOfAnArenaInTurn(Release release) throws IOException {
        Path core = core(release, 60);
        Walk sound = walk(core, release);
        assertThat(sound.damage()).isEmpty();
        assertThat(sound.heap().arenas()).hasSizeGreaterThan(1);
        int arena = 1;
        TreeMap<Long, Seen> chunks = new TreeMap<>();
        sound.of(arena).forEach(chunk -> chunks.put(chunk.address(), chunk));
        assertThat(chunks).hasSizeBetween(10, 2000);
        try (CoreEditor editor = new CoreEditor(core)) {
            for (Seen chunk : chunks.values()) {
                long word = editor.word(chunk.address() + 8);
                for (long wrong : new long[] {0, 1, 1L << 40 | 5, Long.MIN_VALUE | 0x25, word | 8, -1}) {
                    editor.set(chunk.address() + 8, wrong);
                    Walk walk = walk(core, release);
                    String where = "%s: size word 0x%x at 0x%x became 0x%x: %s"
                            .formatted(release, word, chunk.address() + 8, wrong, walk.damage());
                    assertThat(walk.damage()).as(where).isNotEmpty();
                    // As the list is bounded, so is the number of chunks.
                    assertThat(walk.chunks())
                            .as(where)
                            .hasSizeLessThanOrEqualTo(sound.chunks().size());
                    for (MallocArena other : sound.heap().arenas()) {
                        if (other.index() != arena) {
                            assertThat(walk.of(other.index())).as(where).isEqualTo(sound.of(other.index()));
                        }
                    }
                    List<Seen> before =
                            new ArrayList<>(chunks.headMap(chunk.address()).values());
                    if (!before.isEmpty()) {
                        // The one in front of it may be free or not: the damaged word told.
                        before.removeLast();
                    }
                    List<Seen> found = walk.of(arena);
                    assertThat(found.subList(0, Math.min(found.size(), before.size())))
                            .as(where)
                            .isEqualTo(before);
                }
                editor.set(chunk.address() + 8, word);
            }
            assertThat(walk(core, release).chunks()).isEqualTo(sound.chunks());
        }
    }

    @ParameterizedTest
    @MethodSource("releases")
    void listsAndRingsThatGoInCircles(Release release) throws IOException {
        Path core = core(release, 3000);
        Walk sound = walk(core, release);
        MallocHeap heap = sound.heap();
        try (CoreEditor editor = new CoreEditor(core)) {
            ThreadCache.Bin bin = heap.threadCaches().stream()
                    .flatMap(cache -> cache.bins().stream())
                    .filter(one -> one.chunks().size() > 1)
                    .findFirst()
                    .orElseThrow();
            long last = bin.chunks().getLast() + 16;
            long first = bin.chunks().getFirst() + 16;
            changed(editor, core, release, last, heap.layout().reveal(last, first), "circles");
            changed(editor, core, release, last, heap.layout().reveal(last, last), "circles");
            changed(editor, core, release, last, 0x4141414141414141L, "points to no chunk");

            long next =
                    heap.arenas().getLast().address() + heap.layout().state().next();
            changed(editor, core, release, next, heap.arenas().getLast().address(), "ring");
            changed(editor, core, release, next, 0, "ring");

            MallocArena main = heap.arenas().getFirst();
            for (long head = main.address() + heap.layout().state().bins(); ; head += 16) {
                long chunk = editor.word(head);
                if (chunk != head - 16) {
                    changed(editor, core, release, chunk + 16, chunk, "");
                    changed(editor, core, release, chunk + 24, 0, "point back");
                    break;
                }
            }
        }
    }

    private static void changed(CoreEditor editor, Path core, Release release, long address, long value, String reason)
            throws IOException {
        long word = editor.word(address);
        editor.set(address, value);
        Walk walk = walk(core, release);
        assertThat(walk.damage())
                .as("%s: 0x%x at 0x%x", release, value, address)
                .anyMatch(damage -> damage.reason().contains(reason));
        assertThat(walk.heap().arenas()).isNotEmpty();
        editor.set(address, word);
    }

    @ParameterizedTest
    @MethodSource("withFastbins")
    void fastbinsThatGoInCircles(Release release) throws IOException {
        Path core;
        try (LedgerProcess process = LedgerProcess.of(release, "fastbins").start()) {
            core = Cores.gcore(process, folder);
        }
        Walk sound = walk(core, release);
        try (CoreEditor editor = new CoreEditor(core)) {
            MallocHeap heap = sound.heap();
            long head =
                    heap.arenas().getFirst().address() + heap.layout().state().fastbins();
            long first = editor.word(head);
            long field = first + 16;
            long second = heap.layout().reveal(field, editor.word(field));
            assertThat(second).isNotZero();
            changed(editor, core, release, field, heap.layout().reveal(field, first), "circles");
            changed(editor, core, release, second + 16, heap.layout().reveal(second + 16, first), "circles");
            changed(editor, core, release, head, 0x1234567, "points to no chunk");
        }
    }
}
