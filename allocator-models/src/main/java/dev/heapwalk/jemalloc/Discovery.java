// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.jemalloc;

import dev.heapwalk.allocator.AnonymousMemory;
import dev.heapwalk.allocator.Calls;
import dev.heapwalk.allocator.Finder;
import dev.heapwalk.allocator.KeptBlocks;
import dev.heapwalk.allocator.Located;
import dev.heapwalk.heap.DamageList;
import dev.heapwalk.heap.Evidence;
import dev.heapwalk.heap.Source;
import dev.heapwalk.jemalloc.layout.JemallocLayout;
import dev.heapwalk.memory.Range;
import dev.heapwalk.memory.Ranges;
import dev.heapwalk.memory.Reader;
import dev.heapwalk.memory.Target;
import dev.heapwalk.memory.ThreadState;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.Consumer;

/**
 * Finds the heap of one copy of jemalloc, and finds it again as it is later. What can't change is kept: the module, the
 * root of its tree.
 */
final class Discovery implements Finder<JemallocHeap> {
    private static final long BUDGET = 8L << 20;
    /** Structures of extents lie side by side. */
    private static final int LINE = 1 << 14;

    private final Target target;
    private final JemallocModule module;
    private final Optional<String> version;
    private Optional<PageTree> known = Optional.empty();

    Discovery(Target target, JemallocModule module) {
        this.target = target;
        this.module = module;
        this.version = module.version(target);
    }

    @Override
    public Target target() {
        return target;
    }

    @Override
    public String file() {
        return module.file();
    }

    /** The version that a text in the module names, or one that says that none does. */
    String version() {
        return version.map(JemallocModule::number).map(number -> " " + number).orElse("");
    }

    @Override
    public Optional<JemallocHeap> look(String name, int firstRegion) {
        target.memory().refresh();
        AnonymousMemory anonymous = new AnonymousMemory(target.memory().mappings());
        try (Levels levels = Levels.of(target.memory());
                Reader reader = target.memory().reader(BUDGET, LINE)) {
            Optional<PageTree> tree = new TreeSearch(levels, reader, anonymous, target.still())
                    .find(module.module().writableSegments(), known);
            if (tree.isEmpty()) {
                return Optional.empty();
            }
            known = tree;
            return new Look(anonymous, levels, reader, tree.get()).heap(name, firstRegion);
        }
    }

    /** One look at the heap. */
    private final class Look {
        private final AnonymousMemory anonymous;
        private final Levels levels;
        private final Reader reader;
        private final PageTree tree;
        /** Whether what does not fit is damage, and no change that is under way. */
        private final boolean settled;

        private final DamageList damages = new DamageList();
        private final List<Evidence> evidence = new ArrayList<>();
        private final List<String> missing = new ArrayList<>();

        Look(AnonymousMemory anonymous, Levels levels, Reader reader, PageTree tree) {
            this.anonymous = anonymous;
            this.levels = levels;
            this.reader = reader;
            this.tree = tree;
            // An extent and the tree are changed one after the other.
            this.settled = target.still() && !Calls.into(target, module.module(), reader);
        }

        /** Empty if extents have their fields elsewhere than in the versions that are known. */
        Optional<JemallocHeap> heap(String name, int firstRegion) {
            evidence.add(Evidence.of("jemalloc", module.file(), module.basis(), module.source()));
            version.ifPresent(text -> evidence.add(
                    Evidence.of("version", text, "a text in " + module.file() + " says so", Source.BANNER)));
            ExtentCollector extents = new ExtentCollector(reader, tree.shape(), anonymous, damages, settled);
            BaseBlocks bases = new BaseBlocks(reader, anonymous, tree.shape().lgPage());
            walkTree(extents, bases);
            JemallocLayout layout = layout(extents);
            if (extents.votes(layout).lead() < 0) {
                return Optional.empty();
            }
            SizeClasses classes = classes(extents, layout);
            long pad = extents.pad(layout, classes);
            for (int i = 0; i < extents.count(); i++) {
                bases.holding(extents.edata(i));
            }
            ExtentTable table = extents.table(layout, classes, pad, bases.list());
            if (levels.unreadable() > 0) {
                missing.add("jemalloc's extents: %,d bytes of the tree that leads to them can't be read"
                        .formatted(levels.unreadable()));
            }
            SortedMap<Integer, Long> found = new ArenaFinder(levels.root(), reader, bases.list())
                    .find(module.module().writableSegments());
            SortedMap<Integer, Arenas.Arena> arenas = new TreeMap<>();
            found.forEach(
                    (number, address) -> arenas.put(number, new Arenas.Arena(address, reader.readInt(address, 0))));
            if (!found.isEmpty()) {
                evidence.add(Evidence.of(
                        "arenas",
                        Integer.toString(found.size()),
                        "pointers side by side to structures in jemalloc's own memory that begin with counts of threads",
                        Source.STRUCTURE));
            }
            HeapMap map = new HeapMap(layout, table, classes, pad, KeptBlocks.NONE);
            CacheFinder caches = caches(map, found.values());
            return Optional.of(new JemallocHeap(
                    Discovery.this,
                    map.with(caches.kept()),
                    caches.found(),
                    arenas,
                    new Located(name, firstRegion, evidence, missing, damages, settled, extents.leftOut())));
        }

        private void walkTree(ExtentCollector extents, BaseBlocks bases) {
            tree.entries(levels, anonymous, extents, bases::holding, (at, value) -> {
                if (settled) {
                    damages.add(
                            at, -1, "a word of jemalloc's tree is 0x%x, where no node of it can be".formatted(value));
                }
            });
            evidence.add(Evidence.of(
                    "page tree",
                    "0x%x, %s".formatted(tree.root(), tree.shape().label()),
                    "%d %s of its root lead to leaves whose entries name extents that have just their pages%s"
                            .formatted(
                                    tree.rootWords(),
                                    tree.rootWords() == 1 ? "word" : "words",
                                    tree.badWords() == 0 ? "" : ", %d lead nowhere".formatted(tree.badWords())),
                    Source.STRUCTURE));
        }

        private JemallocLayout layout(ExtentCollector extents) {
            JemallocLayout best = JemallocLayout.all(tree.shape().lgPage()).stream()
                    .max(Comparator.comparingInt(layout -> extents.votes(layout).lead()))
                    .orElseThrow();
            ExtentCollector.Votes votes = extents.votes(best);
            evidence.add(Evidence.of(
                    "layout",
                    "jemalloc " + best.versions(),
                    "size class and kind of %d active extents are those of the tree's leaves, of %d they are not"
                            .formatted(votes.fit(), votes.others()),
                    Source.STRUCTURE));
            return best;
        }

        private SizeClasses classes(ExtentCollector extents, JemallocLayout layout) {
            SizeClasses best = SizeClasses.all(tree.shape().page()).stream()
                    .max(Comparator.comparingInt(
                            classes -> extents.votes(layout, classes).lead()))
                    .orElseThrow();
            ExtentCollector.Votes votes = extents.votes(layout, best);
            evidence.add(Evidence.of(
                    "size classes",
                    "multiples of %d bytes, %d with slabs".formatted(best.quantum(), best.bins()),
                    "%d slabs have the size that follows from it, %d another one"
                            .formatted(votes.fit(), votes.others()),
                    Source.STRUCTURE));
            return best;
        }

        /** Among thread-local variables where these are known, else in all memory that may hold them. */
        private CacheFinder caches(HeapMap map, Iterable<Long> arenas) {
            try (JemallocCursor block =
                    new JemallocCursor(target, target.memory().reader(BUDGET, LINE), map)) {
                CacheFinder finder = new CacheFinder(levels.leaf(), reader, anonymous, map, block, damages, settled);
                List<ThreadState> threads = target.threads();
                int known = 0;
                long offset = -1;
                Map<Long, Range> without = new LinkedHashMap<>();
                for (ThreadState thread : threads) {
                    Optional<Range> variables = thread.tls(module.module());
                    if (variables.isEmpty()) {
                        continue;
                    }
                    known++;
                    if (finder.search(variables.get(), OptionalLong.of(thread.tid())) > 0) {
                        offset = finder.found().getLast().address()
                                - variables.get().start();
                    } else {
                        without.put(thread.tid(), variables.get());
                    }
                }
                for (Map.Entry<Long, Range> thread : without.entrySet()) {
                    if (offset >= 0) {
                        finder.salvage(thread.getValue().start() + offset, thread.getKey());
                    }
                }
                boolean everywhere = known < threads.size() || threads.isEmpty();
                // One look at a running process may be at a ring that is changed just then.
                // That of a thread that runs may have been in no state to be known for one just now.
                int inRings = everywhere || target.still() ? finder.rings(arenas) : 0;
                boolean ringed = everywhere && inRings > 0 && !finder.mayLack();
                if (everywhere && !ringed) {
                    everywhere(map.table(), range -> finder.search(range, OptionalLong.empty()));
                }
                int ofThreads = finder.found().size();
                // The child of a fork has the variables of all threads, but only one thread.
                if (!everywhere && finder.mayLack()) {
                    everywhere(map.table(), finder::searchLeft);
                }
                int left = finder.found().size() - ofThreads;
                long cached = finder.found().stream().mapToLong(Tcache::count).sum();
                evidence.add(Evidence.of(
                        "thread caches",
                        "%d with %d blocks".formatted(finder.found().size(), cached),
                        "bins for all small size classes, with allocated blocks of each, %s"
                                .formatted(
                                        everywhere
                                                ? ringed
                                                        ? "in rings that the arenas have"
                                                        : "in memory that belongs to no extent"
                                                : "among the variables of " + threads.size()
                                                        + (threads.size() == 1 ? " thread" : " threads")),
                        everywhere
                                ? new Source[] {Source.STRUCTURE}
                                : new Source[] {Source.STRUCTURE, Source.REGISTERS}));
                if (!everywhere && inRings > 0) {
                    evidence.add(Evidence.of(
                            "thread caches",
                            "%d of no thread".formatted(inRings),
                            "in rings that the arenas have, made by the program for itself; their blocks count as cached",
                            Source.STRUCTURE));
                }
                if (left > 0) {
                    evidence.add(Evidence.of(
                            "thread caches",
                            "%d without a thread".formatted(left),
                            "left by threads that are gone, as in the child of a fork; their blocks count as cached",
                            Source.STRUCTURE));
                }
                return finder;
            }
        }

        private void everywhere(ExtentTable table, Consumer<Range> search) {
            Ranges ranges = anonymous.ranges();
            for (int i = 0; i < ranges.count(); i++) {
                outside(new Range(ranges.start(i), ranges.end(i)), table, search);
            }
        }

        /** Passes on the parts of a range that belong to no extent. */
        private static void outside(Range range, ExtentTable table, Consumer<Range> parts) {
            int found = Arrays.binarySearch(table.starts, 0, table.count(), range.start());
            int extent = found < 0 ? Math.max(0, -found - 2) : found;
            long at = range.start();
            while (at < range.end()) {
                while (extent < table.count() && table.starts[extent] + table.sizes[extent] <= at) {
                    extent++;
                }
                long next = extent < table.count() ? Math.max(at, table.starts[extent]) : Long.MAX_VALUE;
                if (next > at) {
                    parts.accept(new Range(at, Math.min(next, range.end())));
                }
                at = next >= range.end() ? range.end() : table.starts[extent] + table.sizes[extent];
            }
        }
    }
}
