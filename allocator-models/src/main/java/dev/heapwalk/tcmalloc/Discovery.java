// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.tcmalloc;

import dev.heapwalk.allocator.AnonymousMemory;
import dev.heapwalk.allocator.Calls;
import dev.heapwalk.allocator.Finder;
import dev.heapwalk.allocator.KeptBlocks;
import dev.heapwalk.allocator.Located;
import dev.heapwalk.allocator.NonzeroWords;
import dev.heapwalk.heap.DamageList;
import dev.heapwalk.heap.Evidence;
import dev.heapwalk.heap.Source;
import dev.heapwalk.memory.Range;
import dev.heapwalk.memory.Reader;
import dev.heapwalk.memory.Target;
import dev.heapwalk.memory.ThreadState;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.stream.LongStream;

/**
 * Finds the heap of one copy of tcmalloc, and finds it again as it is later. What can't change is kept: the module, the
 * root of its page map, the size classes.
 */
final class Discovery implements Finder<TcmallocHeap> {
    private static final long BUDGET = 8L << 20;
    /** Structures of spans lie side by side. */
    private static final int LINE = 1 << 14;

    private final Target target;
    private final TcmallocModule module;
    private Optional<PageMap> knownMap = Optional.empty();
    private Optional<SizeClasses> knownClasses = Optional.empty();

    Discovery(Target target, TcmallocModule module) {
        this.target = target;
        this.module = module;
    }

    @Override
    public Target target() {
        return target;
    }

    @Override
    public String file() {
        return module.file();
    }

    @Override
    public Optional<TcmallocHeap> look(String name, int firstRegion) {
        target.memory().refresh();
        AnonymousMemory anonymous = new AnonymousMemory(target.memory().mappings());
        try (NonzeroWords rootWords = new NonzeroWords(target.memory());
                NonzeroWords leafWords = new NonzeroWords(target.memory());
                Reader reader = target.memory().reader(BUDGET, LINE)) {
            List<Range> segments = module.module().writableSegments();
            Variables variables = Variables.of(segments, rootWords, anonymous);
            knownClasses = knownClasses.or(() -> LongStream.of(variables.sizes())
                    .mapToObj(at -> SizeClasses.at(reader, at - SizeClasses.FIRST))
                    .flatMap(Optional::stream)
                    .findFirst());
            if (knownClasses.isEmpty()) {
                return Optional.empty();
            }
            OptionalLong central = new CacheFinder(reader, anonymous, knownClasses.get()).central(variables);
            Optional<PageMap> map = new PageMapSearch(rootWords, reader, anonymous, target.still())
                    .find(segments, variables, central, knownMap);
            if (map.isEmpty()) {
                return Optional.empty();
            }
            knownMap = map;
            return Optional.of(
                    new Look(anonymous, rootWords, leafWords, reader, variables, map.get(), knownClasses.get())
                            .heap(name, firstRegion));
        }
    }

    /** One look at the heap. */
    private final class Look {
        private final AnonymousMemory anonymous;
        private final NonzeroWords rootWords;
        private final NonzeroWords leafWords;
        private final Reader reader;
        private final Variables variables;
        private final PageMap map;
        private final SizeClasses classes;
        /** Whether what does not fit is damage, and no change that is under way. */
        private final boolean settled;

        private final DamageList damages = new DamageList();
        private final List<Evidence> evidence = new ArrayList<>();
        private final List<String> missing = new ArrayList<>();

        Look(
                AnonymousMemory anonymous,
                NonzeroWords rootWords,
                NonzeroWords leafWords,
                Reader reader,
                Variables variables,
                PageMap map,
                SizeClasses classes) {
            this.anonymous = anonymous;
            this.rootWords = rootWords;
            this.leafWords = leafWords;
            this.reader = reader;
            this.variables = variables;
            this.map = map;
            this.classes = classes;
            // A span and the page map are changed one after the other.
            this.settled = target.still() && !Calls.into(target, module.module(), reader);
        }

        TcmallocHeap heap(String name, int firstRegion) {
            evidence.add(Evidence.of("tcmalloc", module.file(), module.basis(), module.source()));
            module.version()
                    .ifPresent(text -> evidence.add(
                            Evidence.of("version", text, "a text in " + module.file() + " says so", Source.BANNER)));
            evidence.add(Evidence.of(
                    "size classes",
                    "%d, up to %d bytes".formatted(classes.count() - 1, classes.size(classes.count() - 1)),
                    "an array of sizes that rise, at 0x%x, and one of pages behind it".formatted(classes.address()),
                    Source.STRUCTURE));
            Metadata metadata = new Metadata(anonymous);
            SpanCollector spans = new SpanCollector(reader, map, anonymous, classes, damages, settled);
            walkMap(spans, metadata);
            CacheFinder finder = new CacheFinder(reader, anonymous, classes);
            CacheFinder.Caches caches = finder.find(variables, threadVariables());
            caches.ofThreads()
                    .keySet()
                    .forEach(cache -> metadata.structure(cache, caches.layout().cacheSize()));
            SpanTable table = spans.table(metadata);
            HeapMap heapMap = new HeapMap(map.shape(), table, classes, KeptBlocks.NONE);
            OptionalLong central = finder.central(variables);
            CacheReader cacheReader = new CacheReader(target, reader, anonymous, heapMap, damages, settled);
            readCaches(caches, cacheReader, central);
            CentralCache centralCache =
                    CentralCache.of(table, classes, firstRegion, central, reader, cacheReader.inTransfer());
            if (settled) {
                finder.contradictions(caches, damages);
                centralCache.contradictions(damages);
            }
            long unreadable = rootWords.unreadable() + leafWords.unreadable();
            if (unreadable > 0) {
                missing.add("tcmalloc's spans: %,d bytes of the page map that leads to them can't be read"
                        .formatted(unreadable));
            }
            return new TcmallocHeap(
                    Discovery.this,
                    heapMap.with(cacheReader.kept()),
                    cacheReader.caches(),
                    centralCache,
                    new Located(name, firstRegion, evidence, missing, damages, settled, 0));
        }

        private void walkMap(SpanCollector spans, Metadata metadata) {
            map.entries(
                    rootWords,
                    leafWords,
                    anonymous,
                    (page, span) -> spans.entry(page, span),
                    leaf -> metadata.structure(leaf, map.shape().leafBytes()),
                    (at, value) -> {
                        if (settled) {
                            damages.add(
                                    at,
                                    -1,
                                    "a word of the page map is 0x%x, where no leaf of it can be".formatted(value));
                        }
                    });
            evidence.add(Evidence.of(
                    "page map",
                    "0x%x, pages of %d bytes".formatted(map.root(), map.shape().pageSize()),
                    "%d %s of its root lead to leaves whose entries name spans that have just their pages%s; %d spans, %d of them sampled"
                            .formatted(
                                    map.rootWords(),
                                    map.rootWords() == 1 ? "word" : "words",
                                    map.badWords() == 0 ? "" : ", %d lead nowhere".formatted(map.badWords()),
                                    spans.count(),
                                    spans.sampled()),
                    Source.STRUCTURE));
        }

        private List<CacheFinder.ThreadVariables> threadVariables() {
            List<CacheFinder.ThreadVariables> all = new ArrayList<>();
            for (ThreadState thread : target.threads()) {
                thread.tls(module.module())
                        .ifPresent(range -> all.add(new CacheFinder.ThreadVariables(thread.tid(), range)));
            }
            return all;
        }

        private void readCaches(CacheFinder.Caches caches, CacheReader into, OptionalLong central) {
            int known = 0;
            for (Map.Entry<Long, OptionalLong> cache : caches.ofThreads().entrySet()) {
                into.thread(cache.getKey(), cache.getValue());
                known += cache.getValue().isPresent() ? 1 : 0;
            }
            for (int i = 1; i < classes.count() && central.isPresent(); i++) {
                into.transfer(central.getAsLong() + (long) CentralFreeList.SIZE * i, i);
            }
            into.follow();
            long cached = into.caches().stream().mapToLong(ThreadCache::count).sum();
            evidence.add(Evidence.of(
                    "thread caches",
                    "%d with %d blocks".formatted(into.caches().size(), cached),
                    "lists of blocks of all size classes, linked as in %s; variables of %d %s point to theirs"
                            .formatted(caches.layout().versions(), known, known == 1 ? "thread" : "threads"),
                    Source.STRUCTURE));
            if (central.isEmpty()) {
                missing.add("tcmalloc's transfer cache: free blocks in it are listed as used");
                return;
            }
            evidence.add(Evidence.of(
                    "central cache",
                    "0x%x".formatted(central.getAsLong()),
                    "structures side by side that have the numbers of the size classes",
                    Source.STRUCTURE));
        }
    }
}
