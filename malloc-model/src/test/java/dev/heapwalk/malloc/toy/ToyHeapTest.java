// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.malloc.toy;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.heapwalk.heap.Block;
import dev.heapwalk.heap.BlockState;
import dev.heapwalk.heap.BlockView;
import dev.heapwalk.heap.Heap;
import dev.heapwalk.heap.HeapProvider;
import dev.heapwalk.heap.Heaps;
import dev.heapwalk.heap.LayerCursor;
import dev.heapwalk.heap.Source;
import dev.heapwalk.heap.usage.Categorizer;
import dev.heapwalk.heap.usage.CategorizerException;
import dev.heapwalk.heap.usage.CategorizerProvider;
import dev.heapwalk.heap.usage.Category;
import dev.heapwalk.heap.usage.Domain;
import dev.heapwalk.heap.usage.UsageCursor;
import dev.heapwalk.heap.usage.UsageLookup;
import dev.heapwalk.heap.usage.UsageTotals;
import dev.heapwalk.malloc.MallocHeap;
import dev.heapwalk.memory.NoSuchProcessException;
import dev.heapwalk.memory.Target;
import dev.heapwalk.memory.Window;
import java.io.IOException;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A heap and a categorizer that are brought along, in layers with malloc. */
class ToyHeapTest {
    private ClassLoader before;

    /** Only the context class loader knows the services. */
    @BeforeEach
    void bringAlong(@TempDir Path folder) throws IOException {
        Path services = Files.createDirectories(folder.resolve("META-INF/services"));
        Files.writeString(services.resolve(HeapProvider.class.getName()), ToyHeap.Provider.class.getName());
        Files.writeString(services.resolve(CategorizerProvider.class.getName()), ToyHeap.Letters.class.getName());
        before = Thread.currentThread().getContextClassLoader();
        Thread.currentThread()
                .setContextClassLoader(
                        new URLClassLoader(new URL[] {folder.toUri().toURL()}, before));
    }

    @AfterEach
    void leave() throws IOException {
        ((URLClassLoader) Thread.currentThread().getContextClassLoader()).close();
        Thread.currentThread().setContextClassLoader(before);
    }

    private static Map<Long, Block> used(LayerCursor blocks, Class<? extends Heap> of) {
        Map<Long, Block> used = new TreeMap<>();
        while (blocks.next()) {
            if (of.isInstance(blocks.heap()) && blocks.state() == BlockState.USED) {
                assertThat(used.put(blocks.address(), Block.of(blocks))).isNull();
            }
        }
        return used;
    }

    private static Map<Long, Long> sizes(ToyProgram program, String kind) {
        Map<Long, Long> sizes = new TreeMap<>();
        program.ledger().forEach((address, entry) -> {
            if (entry.kind().equals(kind)) {
                sizes.put(address, entry.size());
            }
        });
        return sizes;
    }

    @Test
    void providersComeOnce() {
        assertThat(Heaps.providers()).hasAtLeastOneElementOfType(ToyHeap.Provider.class);
        assertThat(Heaps.providers().stream().map(Object::getClass)).doesNotHaveDuplicates();
        assertThat(UsageCursor.providers()).hasAtLeastOneElementOfType(ToyHeap.Letters.class);
        assertThat(UsageCursor.providers().stream().map(Object::getClass)).doesNotHaveDuplicates();
    }

    @Test
    void noByteIsCountedTwice() throws IOException {
        try (ToyProgram program = new ToyProgram();
                Target target = Target.observe(program.pid())) {
            Heaps heaps = Heaps.of(target);
            assertThat(heaps.list()).hasExactlyElementsOfTypes(MallocHeap.class, ToyHeap.class);
            assertThat(heaps.find(ToyHeap.class).orElseThrow().evidence())
                    .singleElement()
                    .satisfies(one -> assertThat(one.sources()).containsExactly(Source.SYMBOL));
            Map<Long, Block> toys = used(heaps.blocks(), ToyHeap.class);
            Map<Long, Long> usable = new TreeMap<>();
            toys.forEach((address, block) -> usable.put(address, block.usableSize()));
            assertThat(usable).isEqualTo(sizes(program, "toy"));

            Map<Long, Block> chunks = used(heaps.blocks(), MallocHeap.class);
            assertThat(chunks.keySet())
                    .containsAll(sizes(program, "malloc").keySet())
                    .doesNotContainAnyElementsOf(sizes(program, "freed").keySet())
                    .doesNotContain(program.address("arena"));
            // Malloc alone has no other block more.
            Map<Long, Block> alone = used(heaps.allocators().blocks(), MallocHeap.class);
            assertThat(alone).containsKey(program.address("arena"));
            alone.remove(program.address("arena"));
            assertThat(alone).isEqualTo(chunks);
        }
    }

    @Test
    void theInnermostBlockIsFound() throws IOException {
        try (ToyProgram program = new ToyProgram();
                Target target = Target.observe(program.pid())) {
            Heaps heaps = Heaps.of(target);
            UsageLookup lookup = UsageLookup.over(heaps);
            program.ledger().forEach((address, entry) -> {
                if (entry.kind().equals("arena") || entry.kind().equals("freed")) {
                    return;
                }
                for (long inside : new long[] {0, entry.size() / 2, entry.size() - 1}) {
                    assertThat(lookup.find(address + inside)).isTrue();
                    assertThat(lookup.address()).isEqualTo(address);
                    assertThat(lookup.heap())
                            .isInstanceOf(entry.kind().equals("toy") ? ToyHeap.class : MallocHeap.class);
                    assertThat(heaps.blockAt(address + inside)).contains(Block.of(lookup));
                }
                if (entry.kind().equals("toy")) {
                    assertThat(lookup.category())
                            .isEqualTo(new Category(ToyHeap.DOMAIN, String.valueOf(entry.letter()), ""));
                } else {
                    assertThat(lookup.category().domain()).isEqualTo(Domain.UNCATEGORIZED);
                }
            });
            assertThat(lookup.find(
                            target.modules().getFirst().mappings().getFirst().start()))
                    .isFalse();
        }
    }

    @Test
    void categorizersAreAskedAndNamed() throws IOException {
        try (ToyProgram program = new ToyProgram();
                Target target = Target.observe(program.pid())) {
            Heaps heaps = Heaps.of(target);
            Map<Long, Category> found = new HashMap<>();
            UsageCursor usage = UsageCursor.over(heaps);
            while (usage.next()) {
                assertThat(usage.category() == Category.NONE).isEqualTo(usage.state() != BlockState.USED);
                found.put(usage.address(), usage.category());
            }
            program.ledger().forEach((address, entry) -> {
                if (entry.kind().equals("toy")) {
                    assertThat(found.get(address))
                            .isEqualTo(new Category(ToyHeap.DOMAIN, String.valueOf(entry.letter()), ""));
                }
            });

            // One's own, in place of those that there are.
            Category own = new Category(new Domain("own"), "large", "");
            List<CategorizerProvider> owns =
                    List.of(all -> (block, window) -> block.size() >= 500 ? own : Category.NONE);
            UsageCursor mine = UsageCursor.over(heaps, owns);
            while (mine.next()) {
                if (mine.state() == BlockState.USED) {
                    assertThat(mine.category() == own).isEqualTo(mine.size() >= 500);
                }
            }

            List<CategorizerProvider> bad = List.of(new Failing());
            UsageCursor failing = UsageCursor.over(heaps, bad);
            assertThatThrownBy(() -> UsageTotals.of(failing))
                    .isInstanceOf(CategorizerException.class)
                    .hasMessageContaining(Failing.class.getName())
                    .hasMessageContaining("no idea")
                    .hasCauseInstanceOf(IllegalArgumentException.class);
        }
    }

    /** Fails at each block. */
    private static final class Failing implements CategorizerProvider {
        @Override
        public Categorizer categorizer(Heaps heaps) {
            return (block, window) -> {
                throw new IllegalArgumentException("no idea");
            };
        }
    }

    private static void fails(Heaps heaps, CategorizerProvider bad, String message) {
        try (UsageCursor usage = UsageCursor.over(heaps, List.of(bad))) {
            assertThatThrownBy(() -> UsageTotals.of(usage))
                    .isInstanceOf(CategorizerException.class)
                    .hasMessageContaining(bad.getClass().getName())
                    .hasMessageContaining(message);
        }
    }

    /** What answers null, or was built for another version, is named. */
    @Test
    void categorizersThatBreakTheirWordAreNamed() throws IOException {
        try (ToyProgram program = new ToyProgram();
                Target target = Target.observe(program.pid())) {
            Heaps heaps = Heaps.of(target);
            fails(heaps, all -> (block, window) -> null, "returned null");
            fails(heaps, all -> null, "returned null");
            fails(
                    heaps,
                    all -> {
                        throw new NoClassDefFoundError("gone");
                    },
                    "NoClassDefFoundError: gone");
            fails(
                    heaps,
                    all -> (block, window) -> {
                        throw new NoSuchMethodError("gone");
                    },
                    "NoSuchMethodError: gone");
            fails(
                    heaps,
                    all -> new Categorizer() {
                        @Override
                        public Category categorize(BlockView block, Window window) {
                            return Category.NONE;
                        }

                        @Override
                        public void note(BlockView block) {
                            throw new AbstractMethodError("gone");
                        }
                    },
                    "AbstractMethodError: gone");
            CategorizerProvider ended = all -> (block, window) -> {
                throw new NoSuchProcessException("it ended");
            };
            try (UsageCursor usage = UsageCursor.over(heaps, List.of(ended))) {
                assertThatThrownBy(() -> UsageTotals.of(usage))
                        .isInstanceOf(NoSuchProcessException.class)
                        .hasMessage("it ended");
            }
        }
    }

    @Test
    void aSingleQuestionLeavesNoLookupOpen() throws IOException {
        try (ToyProgram program = new ToyProgram();
                Target target = Target.observe(program.pid())) {
            Heaps heaps = Heaps.of(target);
            assertThat(heaps.blockAt(program.address("toy"))).isPresent();
            assertThat(heaps.blockAt(0)).isEmpty();
            assertThat(heaps.find(ToyHeap.class).orElseThrow().openLookups).isZero();
        }
    }

    private static List<String> all(UsageCursor usage) {
        List<String> all = new ArrayList<>();
        while (usage.next()) {
            all.add(usage + " of " + usage.heap().name());
        }
        return all;
    }

    @Test
    void aWalkCanStartAgain() throws IOException {
        try (ToyProgram program = new ToyProgram();
                Target target = Target.observe(program.pid())) {
            UsageCursor usage = UsageCursor.over(Heaps.of(target));
            List<String> first = all(usage);
            assertThat(first).hasSizeGreaterThan(100);
            usage.rewind();
            assertThat(all(usage)).isEqualTo(first);
            program.more();
            usage.refresh();
            List<String> later = all(usage);
            assertThat(later).hasSize(first.size() + 1).containsAll(first);
        }
    }

    /** Makes itself, and counts how often, and how often it is asked to begin again. */
    private static final class Counting implements CategorizerProvider, Categorizer {
        private final boolean can;
        private int made;
        private int asked;
        private Heaps last;

        Counting(boolean can) {
            this.can = can;
        }

        @Override
        public Categorizer categorizer(Heaps heaps) {
            made++;
            last = heaps;
            return this;
        }

        @Override
        public boolean again(Heaps heaps) {
            asked++;
            last = heaps;
            return can;
        }

        @Override
        public Category categorize(BlockView block, Window window) {
            return Category.NONE;
        }
    }

    @Test
    void aCategorizerMayBeginAgain() throws IOException {
        try (ToyProgram program = new ToyProgram();
                Target target = Target.observe(program.pid())) {
            for (boolean can : new boolean[] {true, false}) {
                Counting counting = new Counting(can);
                try (UsageCursor usage = UsageCursor.over(Heaps.of(target), List.of(counting))) {
                    List<String> first = all(usage);
                    usage.rewind();
                    usage.rewind();
                    assertThat(counting.asked)
                            .as("nobody has asked about a block")
                            .isZero();
                    assertThat(all(usage)).isEqualTo(first);
                    usage.refresh();
                    assertThat(all(usage)).isEqualTo(first);
                    assertThat(counting.asked).isEqualTo(2);
                    assertThat(counting.made).isEqualTo(can ? 1 : 3);
                    assertThat(counting.last).isSameAs(usage.heaps());
                }
            }
            CategorizerProvider bad = all -> new Categorizer() {
                @Override
                public Category categorize(BlockView block, Window window) {
                    return Category.NONE;
                }

                @Override
                public boolean again(Heaps heaps) {
                    throw new IllegalStateException("not again");
                }
            };
            try (UsageCursor usage = UsageCursor.over(Heaps.of(target), List.of(bad))) {
                List<String> first = all(usage);
                usage.rewind();
                assertThatThrownBy(() -> UsageTotals.of(usage))
                        .isInstanceOf(CategorizerException.class)
                        .hasMessageContaining(bad.getClass().getName())
                        .hasMessageContaining("not again");
                usage.rewind();
                assertThat(all(usage)).as("another one was made").isEqualTo(first);
            }
        }
    }
}
