// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.malloc;

import static org.assertj.core.api.Assertions.assertThat;

import dev.heapwalk.heap.BlockCursor;
import dev.heapwalk.heap.Damage;
import dev.heapwalk.malloc.layout.MallocLayout;
import dev.heapwalk.memory.Target;
import dev.heapwalk.testkit.Cores;
import dev.heapwalk.testkit.Ledger;
import dev.heapwalk.testkit.LedgerProcess;
import dev.heapwalk.testkit.Release;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Programs that keep a ledger and harm themselves: every block of the ledger but those that were harmed is listed as it
 * is, and what was skipped is told.
 */
class DamageLedgerTest {
    private static final Pattern LEFT_OUT =
            Pattern.compile("0x([0-9a-f]+) to 0x([0-9a-f]+), (\\d+) bytes, are left out");

    /** So many of all the words that are worth harming are harmed in each program. */
    private static final int WOUNDS = 60;

    @TempDir
    private Path folder;

    /** A program, and how often it harms itself. */
    static Stream<Arguments> programs() {
        return Release.debian().stream()
                .flatMap(release -> Stream.of("many", "basic").map(scenario -> Arguments.of(release, scenario)));
    }

    private static LedgerProcess start(Release release, String scenario) throws IOException {
        LedgerProcess.Launch launch = LedgerProcess.of(release, scenario).option("threads", 3);
        if (scenario.equals("many")) {
            launch.option("count", 3000);
        }
        return launch.start();
    }

    /** What a walk shows. */
    private record Walk(
            TreeMap<Long, Long> used,
            TreeMap<Long, ChunkState> states,
            List<Damage> damage,
            long leftOut,
            MallocHeap heap) {
        static Walk of(Target target) {
            return of(MallocHeap.locate(target));
        }

        static Walk of(MallocHeap heap) {
            TreeMap<Long, Long> used = new TreeMap<>();
            TreeMap<Long, ChunkState> states = new TreeMap<>();
            List<Damage> damage = new ArrayList<>();
            long end = 0;
            try (ChunkCursor chunk = heap.chunks()) {
                while (chunk.next()) {
                    assertThat(chunk.address()).as("chunks don't overlap").isGreaterThanOrEqualTo(end);
                    end = chunk.address() + chunk.size();
                    states.put(chunk.userAddress(), chunk.state());
                    if (chunk.state() == ChunkState.USED) {
                        used.put(chunk.userAddress(), chunk.usableSize());
                    }
                }
                damage.addAll(chunk.damage());
                damage.addAll(heap.damage());
                if (heap.mmapped().confidence() == MmappedChunks.Confidence.UNCONFIRMED) {
                    damage.add(new Damage(0, -1, heap.mmapped().toString()));
                }
                if (damage.isEmpty()) {
                    // What no chunk shows by itself: the bins hold others than those that are free.
                    try (BlockCursor block = heap.blocks()) {
                        while (block.next()) {
                            assertThat(states).containsKey(block.address());
                        }
                        damage.addAll(block.damage());
                    }
                }
                return new Walk(used, states, damage, chunk.leftOutBytes(), heap);
            }
        }

        /** What the texts say was left out. */
        long told() {
            long told = 0;
            for (Damage one : damage) {
                Matcher text = LEFT_OUT.matcher(one.reason());
                if (text.find()) {
                    long from = Long.parseLong(text.group(1), 16);
                    long to = Long.parseLong(text.group(2), 16);
                    assertThat(to - from).isEqualTo(Long.parseLong(text.group(3)));
                    told += to - from;
                }
            }
            return told;
        }
    }

    private static Walk walk(LedgerProcess process) {
        try (Target target = Target.attach(process.pid())) {
            return Walk.of(target);
        }
    }

    /** How a size word is harmed. */
    enum Harm {
        ZERO,
        TEXT,
        HUGE,
        NEGATIVE,
        TOO_SMALL,
        MISALIGNED,
        TOO_LONG,
        TOO_SHORT,
        NOT_IN_USE,
        MMAPPED,
        OTHER_ARENA;

        /** The word that it makes of another one; that one where it can't be done. */
        long of(long word, Random random, Set<Long> sizes) {
            long size = word & -16;
            return switch (this) {
                case ZERO -> 0;
                case TEXT -> 0x4141414141414141L;
                case HUGE -> word + (1L << 40);
                case NEGATIVE -> word | Long.MIN_VALUE;
                case TOO_SMALL -> 16 | word & 7;
                case MISALIGNED -> word | 8;
                case TOO_LONG -> other(size + 16, size + 4096, random, sizes) | word & 7;
                case TOO_SHORT -> size <= 48 ? word : other(32, size - 16, random, sizes) | word & 7;
                case NOT_IN_USE -> word & ~1L;
                case MMAPPED -> word | 2;
                case OTHER_ARENA -> word ^ 4;
            };
        }

        /** A size that ends at no chunk: no one could tell that it is wrong. */
        private static long other(long from, long to, Random random, Set<Long> sizes) {
            for (int i = 0; i < 100; i++) {
                long size = from + random.nextLong((to - from >> 4) + 1) * 16;
                if (!sizes.contains(size)) {
                    return size;
                }
            }
            return from;
        }
    }

    @ParameterizedTest
    @MethodSource("programs")
    void sizeWords(Release release, String scenario) throws IOException {
        try (LedgerProcess process = start(release, scenario)) {
            Walk sound = walk(process);
            assertThat(sound.damage()).isEmpty();
            List<Ledger.Block> blocks = process.ledger().live().stream()
                    .filter(block -> block.usable() % 16 == 8)
                    .toList();
            Random random = new Random(release.label().hashCode() * 31L + scenario.hashCode());
            List<String> wrong = new ArrayList<>();
            for (Harm harm : Harm.values()) {
                for (int round = 0; round < 4; round++) {
                    Map<Long, Long> words = new LinkedHashMap<>();
                    Set<Long> harmed = new TreeSet<>();
                    String what = harm + " round " + round + ":";
                    for (int i = 0; i <= round % 2; i++) {
                        Ledger.Block block = blocks.get(random.nextInt(blocks.size()));
                        long size = block.usable() + 8;
                        long word = word(process, block.address() - 8);
                        Set<Long> ends = sound.states().tailMap(block.address(), false).keySet().stream()
                                .limit(2000)
                                .map(address -> address - block.address())
                                .collect(Collectors.toSet());
                        long other = harm.of(word, random, ends);
                        if (other != word && canBeTold(process, sound, block, other & -16, harmed)) {
                            harmed.add(block.address());
                            words.put(block.address() - 8, word);
                            process.poke(block.address() - 8, other);
                            what += " 0x%x of %d bytes: 0x%x to 0x%x".formatted(block.address(), size, word, other);
                        }
                    }
                    if (!words.isEmpty()) {
                        compare(walk(process), sound, process.ledger(), harmed, what, wrong);
                    }
                    for (Map.Entry<Long, Long> word : words.entrySet()) {
                        process.poke(word.getKey(), word.getValue());
                    }
                }
            }
            assertThat(wrong).as("%s %s", release, scenario).isEmpty();
            assertThat(walk(process).states()).isEqualTo(sound.states());
        }
    }

    /** A size that reaches over others to the beginning of one. What is known of those that it reaches over tells. */
    @ParameterizedTest
    @MethodSource("programs")
    void sizesThatReachOverOthers(Release release, String scenario) throws IOException {
        try (LedgerProcess process = start(release, scenario)) {
            Walk sound = walk(process);
            Ledger ledger = process.ledger();
            Map<Long, Long> live = new TreeMap<>();
            ledger.live().stream()
                    .filter(block -> block.usable() % 16 == 8)
                    .forEach(block -> live.put(block.address(), block.usable() + 8));
            Map<ChunkState, Integer> made = new TreeMap<>();
            List<String> wrong = new ArrayList<>();
            for (Map.Entry<Long, Long> block : live.entrySet()) {
                long over = block.getKey() + block.getValue();
                ChunkState state = sound.states().get(over);
                Long behind = sound.states().higherKey(over);
                Long end = behind == null ? null : sound.states().higherKey(behind);
                if (state == null
                        || state == ChunkState.USED
                        || state == ChunkState.TOP
                        || end == null
                        || end - block.getKey() > 4096
                        || sound.states().get(behind) != ChunkState.USED
                        || made.merge(state, 1, Integer::sum) > 10) {
                    continue;
                }
                long word = word(process, block.getKey() - 8);
                // What is free is in a bin, which tells of it but not where the chunks before it begin.
                long size = (state == ChunkState.FREE ? end : behind) - block.getKey();
                process.poke(block.getKey() - 8, size | word & 7);
                String what = "%s 0x%x: 0x%x to 0x%x".formatted(state, block.getKey(), word, size);
                Walk walk = walk(process);
                if (state != ChunkState.FREE) {
                    compare(walk, sound, ledger, Set.of(block.getKey()), what, wrong);
                } else if (walk.damage().isEmpty()) {
                    wrong.add(what + " nothing was told");
                }
                process.poke(block.getKey() - 8, word);
            }
            assertThat(wrong).as("%s %s", release, scenario).isEmpty();
            assertThat(made).containsKey(ChunkState.TCACHE);
            assertThat(walk(process).states()).isEqualTo(sound.states());
        }
    }

    /**
     * Whether what is left where a block is harmed tells that it is: no words of earlier chunks that lie in it, before
     * it and where it would end are still there, and no other one is harmed near it.
     */
    private static boolean canBeTold(
            LedgerProcess process, Walk sound, Ledger.Block block, long size, Set<Long> harmed) {
        if (harmed.stream().anyMatch(other -> Math.abs(other - block.address()) < 16 << 10)) {
            return false;
        }
        Long before = sound.states().lowerKey(block.address());
        long from = before != null && block.address() - before < 16 << 10 ? before : block.address();
        long length = Math.max(block.usable(), size > 0 && size < 16 << 10 ? size : 0);
        try (Target target = Target.observe(process.pid())) {
            for (long at = from + 16; at <= block.address() + Math.min(length, 64 << 10); at += 16) {
                long word = target.memory().readLong(at - 8);
                if (!sound.states().containsKey(at) && word >= 32 && word < 1 << 24 && (word & 8) == 0) {
                    return false;
                }
            }
        }
        return true;
    }

    private static long word(LedgerProcess process, long address) {
        try (Target target = Target.observe(process.pid())) {
            return target.memory().readLong(address);
        }
    }

    /** The first of what was told, for a message. */
    private static String told(Walk walk) {
        return walk.damage().stream().limit(3).map(Damage::toString).collect(Collectors.joining("; "));
    }

    /** Holds a walk over a harmed heap against the ledger. */
    private static void compare(
            Walk walk, Walk sound, Ledger ledger, Set<Long> harmed, String what, List<String> wrong) {
        // Of each harmed one at most one neighbour may not be told apart.
        Set<Long> neighbours = new TreeSet<>();
        for (long address : harmed) {
            for (Long beside :
                    new Long[] {sound.states().lowerKey(address), sound.states().higherKey(address)}) {
                if (beside != null) {
                    neighbours.add(beside);
                }
            }
        }
        int spared = harmed.size();
        for (Ledger.Block block : ledger.live()) {
            Long usable = walk.used().get(block.address());
            if (harmed.contains(block.address()) || usable != null && usable == block.usable()) {
                continue;
            }
            if (!neighbours.contains(block.address()) || --spared < 0) {
                wrong.add("%s block 0x%x of %d bytes is %s; %s"
                        .formatted(what, block.address(), block.usable(), usable, told(walk)));
                break;
            }
        }
        for (long address : walk.states().keySet()) {
            if (!sound.states().containsKey(address)) {
                wrong.add("%s there is no chunk at 0x%x; %s".formatted(what, address, told(walk)));
                break;
            }
        }
        if (walk.damage().isEmpty()) {
            wrong.add(what + " nothing was told");
        }
        if (walk.told() != walk.leftOut()) {
            wrong.add("%s %d bytes were left out, told are %d: %s"
                    .formatted(what, walk.leftOut(), walk.told(), told(walk)));
        }
    }

    /** One word that is harmed. */
    private record Wound(String what, long address, long value) {}

    /** What links lead to when they are harmed. */
    private static long[] wrongs(long own, long used, long free) {
        return new long[] {own, used, free, used + 8, 0, 0x10000, 0x4141414141414141L, -64};
    }

    /** Links, and what arenas, heaps of threads and caches say of themselves: no block is lost by them. */
    private static List<Wound> wounds(Target target, Walk sound, Ledger ledger, Random random) {
        List<Wound> wounds = new ArrayList<>();
        MallocHeap heap = sound.heap();
        List<Ledger.Block> blocks =
                ledger.live().stream().filter(block -> block.usable() % 16 == 8).toList();
        List<Long> free = chunks(sound, ChunkState.FREE);
        for (int round = 0; round < 3; round++) {
            long used = blocks.get(random.nextInt(blocks.size())).address() - 16;
            long other = free.get(random.nextInt(free.size()));
            long chunk = free.get(random.nextInt(free.size()));
            long size = target.memory().readLong(chunk + 8) & -8;
            int links = size >= 1024 ? 4 : 2;
            for (int i = 0; i < links; i++) {
                long field = chunk + 16 + 8 * i;
                for (long wrong : wrongs(chunk, used, other)) {
                    wounds.add(new Wound("link %d of the free chunk at 0x%x".formatted(i, chunk), field, wrong));
                }
            }
            for (long wrong : new long[] {0, size - 16, size + 16, size + 8, 1L << 40, -16, 0x4141414141414141L}) {
                wounds.add(new Wound("prev_size behind the free chunk at 0x%x".formatted(chunk), chunk + size, wrong));
            }
            for (ChunkState state : List.of(ChunkState.FASTBIN, ChunkState.TCACHE)) {
                List<Long> cached = chunks(sound, state);
                if (!cached.isEmpty()) {
                    long entry = cached.get(random.nextInt(cached.size()));
                    long shift = state == ChunkState.TCACHE ? 16 : 0;
                    for (long wrong : wrongs(entry, used, other)) {
                        // No one could tell that a fastbin has ended too early.
                        long link = wrong == 0 ? used + 8 : wrong + shift;
                        wounds.add(new Wound(
                                "link of %s 0x%x".formatted(state, entry), entry + 16, heap.reveal(entry + 16, link)));
                    }
                }
            }
        }
        MallocLayout.State state = heap.layout().state();
        long used = blocks.get(random.nextInt(blocks.size())).address() - 16;
        long other = free.get(random.nextInt(free.size()));
        for (MallocArena arena : heap.arenas()) {
            String of = " of arena %d".formatted(arena.index());
            for (long wrong : wrongs(arena.address(), used, other)) {
                wounds.add(new Wound("top" + of, arena.address() + state.top(), wrong));
                wounds.add(new Wound("next" + of, arena.address() + state.next(), wrong));
            }
            for (Bin bin : heap.bins(arena)) {
                boolean fast = bin.kind() == Bin.Kind.FAST;
                for (long wrong : wrongs(arena.address(), used, other)) {
                    if (fast && wrong == 0) {
                        continue;
                    }
                    long head = fast
                            ? arena.address() + state.fastbins() + 8L * bin.index()
                            : arena.address() + state.bins() + 16L * (bin.index() - 1);
                    String name = bin.kind() + " bin " + bin.index() + of;
                    wounds.add(new Wound("first of " + name, head, wrong));
                    if (!fast) {
                        wounds.add(new Wound("last of " + name, head + 8, wrong));
                    }
                }
            }
            for (MallocArena.Region region : arena.regions()) {
                if (arena.index() > 0) {
                    String[] names = {"ar_ptr", "prev", "size", "mprotect_size"};
                    for (int i = 0; i < 4; i++) {
                        for (long wrong : wrongs(arena.address(), used, other)) {
                            wounds.add(new Wound(
                                    "%s of the heap at 0x%x%s".formatted(names[i], region.heapInfo(), of),
                                    region.heapInfo() + 8 * i,
                                    wrong));
                        }
                    }
                    wounds.add(new Wound(
                            "size - 4096" + of, region.heapInfo() + 16, region.end() - region.heapInfo() - 4096));
                    wounds.add(new Wound(
                            "size + 4096" + of, region.heapInfo() + 16, region.end() - region.heapInfo() + 4096));
                }
            }
        }
        MallocLayout.Tcache caches = heap.layout().tcache();
        for (ThreadCache cache : heap.threadCaches()) {
            for (ThreadCache.Bin bin : cache.bins()) {
                String of = " of bin %d of the cache at 0x%x".formatted(bin.index(), cache.address());
                for (long wrong : wrongs(cache.address(), used, other)) {
                    // A count may be one off: a thread may stand inside malloc.
                    if (wrong == 0 && bin.chunks().size() == 1) {
                        continue;
                    }
                    wounds.add(new Wound(
                            "entry" + of,
                            cache.address() + caches.entries() + 8L * bin.index(),
                            wrong == 0 ? 0 : wrong + 16));
                }
                long at = cache.address() + (caches.countWidth() * (long) bin.index() & -8);
                long shift = caches.countWidth() * 8L * bin.index() & 63;
                long word = target.memory().readLong(at);
                for (long count : new long[] {bin.chunks().size() + 2, 0x7f}) {
                    long mask = caches.countWidth() == 1 ? 0xff : 0xffff;
                    wounds.add(new Wound("count" + of, at, word & ~(mask << shift) | count << shift));
                }
            }
        }
        return wounds;
    }

    private static List<Long> chunks(Walk walk, ChunkState state) {
        return walk.states().entrySet().stream()
                .filter(entry -> entry.getValue() == state)
                .map(entry -> entry.getKey() - 16)
                .toList();
    }

    static Stream<Arguments> linked() {
        return Release.debian().stream()
                .flatMap(release -> Stream.of("many", "basic", "fastbins", "arenas")
                        .map(scenario -> Arguments.of(release, scenario)));
    }

    /** Links and structures that are harmed: no block is lost, none is made up, and what is wrong is told. */
    @ParameterizedTest
    @MethodSource("linked")
    void links(Release release, String scenario) throws IOException {
        try (LedgerProcess process = start(release, scenario)) {
            Random random = new Random(scenario.hashCode());
            Walk sound;
            List<Wound> wounds;
            Ledger ledger = process.ledger();
            try (Target target = Target.attach(process.pid())) {
                sound = Walk.of(target);
                wounds = wounds(target, sound, ledger, random);
            }
            assertThat(sound.damage()).isEmpty();
            List<String> wrong = new ArrayList<>();
            Collections.shuffle(wounds, random);
            for (Wound wound : wounds.subList(0, WOUNDS)) {
                long word = word(process, wound.address());
                if (word == wound.value()) {
                    continue;
                }
                process.poke(wound.address(), wound.value());
                String what = "%s: 0x%x to 0x%x".formatted(wound.what(), word, wound.value());
                try {
                    compare(walk(process), sound, ledger, Set.of(), what, wrong);
                } catch (RuntimeException | AssertionError e) {
                    wrong.add(what + ": " + e);
                }
                process.poke(wound.address(), word);
            }
            assertThat(wrong).as("%s %s", release, scenario).isEmpty();
            assertThat(walk(process).states()).isEqualTo(sound.states());
        }
    }

    /** Where pages lose their rights. */
    enum Hole {
        INSIDE,
        HEADER,
        READ_ONLY
    }

    static Stream<Arguments> holes() {
        return Release.debian().stream()
                .flatMap(release -> Stream.of("many", "large", "basic", "bigsizes", "brk-blocked")
                        .map(scenario -> Arguments.of(release, scenario)));
    }

    /** Pages that can't be read: inside a block nothing is lost, at a header only what lies there. */
    @ParameterizedTest
    @MethodSource("holes")
    void holes(Release release, String scenario) throws Exception {
        try (LedgerProcess process = startForHoles(release, scenario)) {
            Ledger ledger = process.ledger();
            Walk sound = walk(process);
            assertThat(sound.damage()).isEmpty();
            Random random = new Random(scenario.hashCode());
            List<String> wrong = new ArrayList<>();
            int made = 0;
            for (Hole hole : Hole.values()) {
                for (int round = 0; round < 2; round++) {
                    Ledger.Block block = blockFor(hole, ledger, random);
                    if (block == null) {
                        continue;
                    }
                    long page = hole == Hole.HEADER ? block.address() - 8 & -4096 : block.address() + 4095 & -4096;
                    long length = hole == Hole.READ_ONLY ? (block.address() + block.usable() - 8 & -4096) - page : 4096;
                    process.protect(page, length, hole == Hole.READ_ONLY ? 1 : 0);
                    String what = "%s of %d bytes at 0x%x, block 0x%x of %d bytes,"
                            .formatted(hole, length, page, block.address(), block.usable());
                    holds(walk(process), sound, ledger, page, page + length, hole, what, wrong);
                    // gdb writes nothing of such a page, so that a heap of mappings ends there.
                    if (round == 0 && !(scenario.equals("brk-blocked") && hole == Hole.HEADER)) {
                        Path core = Cores.gcore(process, folder);
                        try (Target target =
                                Target.core(core, release.root(false).orElse(Path.of("/")))) {
                            holds(Walk.of(target), sound, ledger, page, page + length, hole, what + " core", wrong);
                        }
                        Files.delete(core);
                    }
                    process.protect(page, length, 3);
                    made++;
                }
            }
            assertThat(wrong).as("%s %s", release, scenario).isEmpty();
            assertThat(made).isPositive();
            assertThat(walk(process).states()).isEqualTo(sound.states());
            assertThat(process.check()).isPositive();
        }
    }

    /** A child that did not get some pages. */
    @ParameterizedTest
    @MethodSource("holes")
    void pagesThatAChildHasNot(Release release, String scenario) throws Exception {
        try (LedgerProcess process = startForHoles(release, scenario)) {
            Ledger ledger = process.ledger();
            Walk sound = walk(process);
            Random random = new Random(scenario.hashCode());
            Ledger.Block block = blockFor(Hole.INSIDE, ledger, random);
            if (block == null) {
                return;
            }
            long page = block.address() + 4095 & -4096;
            long child = process.childWithout(page, 4096);
            List<String> wrong = new ArrayList<>();
            try (Target target = Target.attach(child)) {
                holds(Walk.of(target), sound, ledger, page, page + 4096, Hole.INSIDE, "child", wrong);
            }
            assertThat(wrong).as("%s %s", release, scenario).isEmpty();
        }
    }

    private static LedgerProcess startForHoles(Release release, String scenario) throws IOException {
        LedgerProcess.Launch launch = LedgerProcess.of(release, scenario).option("threads", 3);
        if (scenario.equals("many")) {
            launch.option("count", 3000);
        } else if (scenario.equals("large")) {
            launch.option("count", 50).env("GLIBC_TUNABLES", "glibc.malloc.mmap_threshold=1000000");
        }
        return launch.start();
    }

    /** A block with whole pages inside, or one whose header page holds no block of libc's own. */
    private static Ledger.Block blockFor(Hole hole, Ledger ledger, Random random) {
        List<Ledger.Block> blocks = ledger.live().stream()
                .filter(block -> hole == Hole.HEADER
                        ? block.usable() % 16 == 8 && block.usable() < 64 << 10
                        : block.usable() > 3 * 4096)
                .toList();
        if (hole == Hole.HEADER) {
            // In the midst of others: the first pages hold what threads and the arena itself need.
            blocks = blocks.subList(blocks.size() / 3, blocks.size());
        }
        return blocks.isEmpty() ? null : blocks.get(random.nextInt(blocks.size()));
    }

    private static void holds(
            Walk walk, Walk sound, Ledger ledger, long from, long to, Hole hole, String what, List<String> wrong) {
        for (Ledger.Block block : ledger.live()) {
            Long usable = walk.used().get(block.address());
            boolean inHole =
                    hole == Hole.HEADER && block.address() - 16 < to && block.address() + block.usable() > from;
            if (!inHole && (usable == null || usable != block.usable())) {
                wrong.add("%s block 0x%x of %d bytes is %s; %s"
                        .formatted(what, block.address(), block.usable(), usable, told(walk)));
                break;
            }
        }
        for (long address : walk.states().keySet()) {
            if (!sound.states().containsKey(address)) {
                wrong.add("%s there is no chunk at 0x%x; %s".formatted(what, address, told(walk)));
                break;
            }
        }
        // gdb reads pages of other processes whatever their rights are.
        boolean inCore = what.endsWith("core");
        if (walk.damage().isEmpty() == (hole == Hole.HEADER)
                && !(inCore && walk.states().equals(sound.states()))) {
            wrong.add("%s told: %s".formatted(what, told(walk)));
        }
        if (hole != Hole.HEADER && walk.heap().mmapped().confidence() != MmappedChunks.Confidence.EXACT) {
            wrong.add("%s mmapped: %s".formatted(what, walk.heap().mmapped()));
        }
        if (hole != Hole.HEADER && !walk.states().equals(sound.states())) {
            wrong.add("%s %d chunks, not %d"
                    .formatted(what, walk.states().size(), sound.states().size()));
        }
    }
}
