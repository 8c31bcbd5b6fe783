// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli.history;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.heapwalk.cli.output.RefusedException;
import dev.heapwalk.heap.usage.Category;
import dev.heapwalk.heap.usage.Domain;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A file of states, also where it was cut or damaged, and how states differ. */
final class HistoryTest {
    private static final long MOST = 1 << 20;
    private static final List<Category> CATEGORIES = List.of(
            new Category(Domain.UNCATEGORIZED, "", "32 bytes"),
            new Category(new Domain("C"), "string data", "ü\0"),
            new Category(new Domain("ruby"), "String", "T_STRING"));

    @TempDir
    private Path folder;

    /** A block of a list that this test keeps itself. */
    private record Block(long size, Category category) {}

    private static Map<Long, Block> blocks(Random random, int most) {
        Map<Long, Block> blocks = new TreeMap<>(Long::compareUnsigned);
        for (int i = random.nextInt(most); i >= 0; i--) {
            // Few places, so that many are the same in two of them.
            long address = (random.nextInt(most) + 1L) * 0x1000 + (random.nextBoolean() ? 0 : 0xffff_8000_0000_0000L);
            blocks.put(address, new Block(16L << random.nextInt(4), CATEGORIES.get(random.nextInt(3))));
        }
        return blocks;
    }

    /** Takes them in the order of a walk that goes from one range to another. */
    private static Snapshot snapshot(Map<Long, Block> blocks) {
        Snapshot.Builder builder = new Snapshot.Builder();
        for (int part : new int[] {1, 0, 2}) {
            blocks.forEach((address, block) -> {
                if (Long.remainderUnsigned(address >>> 12, 3) == part) {
                    builder.add(address, block.size, block.category);
                }
            });
        }
        return builder.build();
    }

    private static Map<Long, Block> read(History history, String name) {
        Map<Long, Block> read = new TreeMap<>(Long::compareUnsigned);
        try (Snapshot snapshot = history.blocks(history.state(name).orElseThrow())) {
            long before = 0;
            for (Snapshot.Blocks blocks = snapshot.blocks(); blocks.next(); before = blocks.address()) {
                assertThat(Long.compareUnsigned(before, blocks.address())).isNegative();
                read.put(blocks.address(), new Block(blocks.size(), blocks.category()));
            }
            assertThat(snapshot.count()).isEqualTo(read.size());
            assertThat(snapshot.bytes())
                    .isEqualTo(read.values().stream().mapToLong(Block::size).sum());
        }
        return read;
    }

    private static State add(Path file, String name, Map<Long, Block> blocks) {
        try (History history = History.change(file);
                Snapshot snapshot = snapshot(blocks)) {
            return history.add(name, 4711, "a target", snapshot, MOST);
        }
    }

    /** Three states in a file: their names and blocks. */
    private Map<String, Map<Long, Block>> three(Path file) {
        Random random = new Random(1);
        Map<String, Map<Long, Block>> all = new TreeMap<>();
        for (String name : List.of("one", "three", "two")) {
            all.put(name, blocks(random, 30));
            add(file, name, all.get(name));
        }
        return all;
    }

    private static List<State> states(Path file) {
        try (History history = History.read(file).orElseThrow()) {
            return history.states();
        }
    }

    @Test
    void keepsStates() throws IOException {
        Path file = folder.resolve("deep/in/folders/file");
        Map<String, Map<Long, Block>> all = three(file);
        assertThat(Files.getPosixFilePermissions(file)).hasSize(2);
        assertThat(Files.getPosixFilePermissions(folder.resolve("deep/in"))).hasSize(3);
        try (History history = History.read(file).orElseThrow()) {
            assertThat(history.damage()).isEmpty();
            assertThat(history.states()).extracting(State::name).containsExactly("one", "three", "two");
            assertThat(history.states().getFirst().millis()).isEqualTo(4711);
            assertThat(history.states().getFirst().target()).isEqualTo("a target");
            all.forEach((name, blocks) -> assertThat(read(history, name)).isEqualTo(blocks));
        }
    }

    /** Wherever a file ends, each state that is whole in it is there, and nothing else; and more can be added. */
    @Test
    void isGoodWhereverItIsCut() throws IOException {
        Path file = folder.resolve("file");
        Map<String, Map<Long, Block>> all = three(file);
        List<State> states = states(file);
        byte[] bytes = Files.readAllBytes(file);
        assertThat(states.getLast().position() + states.getLast().length()).isEqualTo(bytes.length);
        Map<Long, Block> more = blocks(new Random(2), 5);
        for (int length = 0; length <= bytes.length; length++) {
            Path cut = Files.write(folder.resolve("cut"), Arrays.copyOf(bytes, length));
            int until = length;
            List<State> whole = states.stream()
                    .filter(state -> state.position() + state.length() <= until)
                    .toList();
            try (History history = History.read(cut).orElseThrow()) {
                assertThat(history.states()).isEqualTo(whole);
                long end = whole.isEmpty()
                        ? 20
                        : whole.getLast().position() + whole.getLast().length();
                assertThat(history.damage().isPresent()).as("cut at %d", length).isEqualTo(length > end);
                whole.forEach(state -> assertThat(read(history, state.name())).isEqualTo(all.get(state.name())));
            }
            // It waits for the disk each time.
            if (length % 9 != 0 && length != bytes.length - 1) {
                continue;
            }
            State added = add(cut, "more", more);
            List<State> with = new ArrayList<>(whole);
            with.add(added);
            try (History history = History.read(cut).orElseThrow()) {
                assertThat(history.states()).isEqualTo(with);
                assertThat(history.damage()).isEmpty();
                assertThat(read(history, "more")).isEqualTo(more);
            }
        }
    }

    /** A byte that is another one costs the state that it is in, and no other. */
    @Test
    void losesOneStateByOneDamagedByte() throws IOException {
        Path file = folder.resolve("file");
        three(file);
        List<State> states = states(file);
        byte[] bytes = Files.readAllBytes(file);
        for (int i = 20; i < bytes.length; i++) {
            byte[] harmed = bytes.clone();
            harmed[i] ^= 0x41;
            Path other = Files.write(folder.resolve("harmed"), harmed);
            int at = i;
            try (History history = History.read(other).orElseThrow()) {
                assertThat(history.states())
                        .as("byte %d", i)
                        .isEqualTo(states.stream()
                                .filter(state -> at < state.position() || at >= state.position() + state.length())
                                .toList());
                assertThat(history.damage()).isPresent();
            }
        }
    }

    @Test
    void refusesWhatItDoesNotKnow() throws IOException {
        Path file = folder.resolve("file");
        three(file);
        byte[] bytes = Files.readAllBytes(file);
        bytes[19]++;
        Files.write(file, bytes);
        for (boolean change : new boolean[] {false, true}) {
            assertThatThrownBy(() ->
                            (change ? History.change(file) : History.read(file).orElseThrow()).close())
                    .isInstanceOf(RefusedException.class)
                    .hasMessageContaining("newer heapwalk")
                    .hasMessageContaining("format 2");
        }
        assertThat(Files.readAllBytes(file)).isEqualTo(bytes);
        Path other = Files.writeString(folder.resolve("other"), "a text");
        assertThatThrownBy(() -> History.change(other)).hasMessageContaining("is no history of heapwalk");
        assertThat(other).hasContent("a text");
        assertThat(History.read(folder.resolve("none"))).isEmpty();
        assertThat(History.is(file)).isTrue();
        assertThat(History.is(other)).isFalse();
    }

    @Test
    void staysWithinItsLimit() throws IOException {
        Path file = folder.resolve("file");
        three(file);
        byte[] bytes = Files.readAllBytes(file);
        try (History history = History.change(file);
                Snapshot snapshot = snapshot(blocks(new Random(3), 500))) {
            assertThatThrownBy(() -> history.add("more", 0, "", snapshot, bytes.length + 100))
                    .isInstanceOf(RefusedException.class)
                    .hasMessageContaining("--max-history");
        }
        assertThat(Files.readAllBytes(file)).isEqualTo(bytes);
    }

    @Test
    void deletesStates() {
        Path file = folder.resolve("file");
        Map<String, Map<Long, Block>> all = three(file);
        for (String name : List.of("three", "one", "two")) {
            try (History history = History.change(file)) {
                history.delete(history.state(name).orElseThrow());
            }
            all.remove(name);
            try (History history = History.read(file).orElseThrow()) {
                assertThat(history.damage()).isEmpty();
                assertThat(history.states()).extracting(State::name).containsExactlyElementsOf(all.keySet());
                all.forEach((left, blocks) -> assertThat(read(history, left)).isEqualTo(blocks));
            }
        }
        add(file, "again", all.getOrDefault("none", blocks(new Random(4), 9)));
        assertThat(states(file)).hasSize(1);
    }

    @Test
    void tellsHowStatesDiffer() {
        Random random = new Random(5);
        for (int round = 0; round < 200; round++) {
            Map<Long, Block> was = blocks(random, 100);
            Map<Long, Block> is = blocks(random, 100);
            try (Snapshot before = snapshot(was);
                    Snapshot after = snapshot(is)) {
                Difference difference = new Difference(before, after);
                Map<Long, Difference.Change> changes = new TreeMap<>(Long::compareUnsigned);
                difference.blocks((change, old, now) ->
                        changes.put(change == Difference.Change.FREED ? old.address() : now.address(), change));
                Map<Long, Difference.Change> expected = new TreeMap<>(Long::compareUnsigned);
                was.forEach((address, block) -> expected.put(address, change(block, is.get(address))));
                is.forEach((address, block) -> expected.putIfAbsent(address, Difference.Change.NEW));
                assertThat(changes).isEqualTo(expected);
                long grown = is.values().stream().mapToLong(Block::size).sum()
                        - was.values().stream().mapToLong(Block::size).sum();
                assertThat(sum(difference.byCategory())).isEqualTo(grown);
                assertThat(sum(difference.bySize())).isEqualTo(grown);
                for (Category category : CATEGORIES) {
                    assertThat(difference.byCategory().stream()
                                    .filter(part -> part.key().equals(category))
                                    .mapToLong(part -> part.tally().grown())
                                    .sum())
                            .isEqualTo(bytes(is, category) - bytes(was, category));
                }
            }
        }
    }

    private static long bytes(Map<Long, Block> blocks, Category category) {
        return blocks.values().stream()
                .filter(block -> block.category.equals(category))
                .mapToLong(Block::size)
                .sum();
    }

    private static long sum(List<? extends Difference.Part<?>> parts) {
        return parts.stream().mapToLong(part -> part.tally().grown()).sum();
    }

    private static Difference.Change change(Block was, Block is) {
        return is == null
                ? Difference.Change.FREED
                : is.equals(was)
                        ? Difference.Change.SAME
                        : is.size != was.size ? Difference.Change.SIZE : Difference.Change.CATEGORY;
    }
}
