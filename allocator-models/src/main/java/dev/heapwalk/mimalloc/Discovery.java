// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.mimalloc;

import dev.heapwalk.allocator.AnonymousMemory;
import dev.heapwalk.allocator.Calls;
import dev.heapwalk.allocator.Finder;
import dev.heapwalk.allocator.Located;
import dev.heapwalk.allocator.SpanCursor.Opened;
import dev.heapwalk.heap.DamageList;
import dev.heapwalk.heap.Evidence;
import dev.heapwalk.heap.Source;
import dev.heapwalk.memory.LongTable;
import dev.heapwalk.memory.Reader;
import dev.heapwalk.memory.Target;
import dev.heapwalk.memory.ThreadState;
import dev.heapwalk.memory.elf.ElfModule;
import dev.heapwalk.mimalloc.layout.MimallocLayout;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.function.Function;
import java.util.stream.Collectors;

/**
 * Finds the heap of one copy of mimalloc, and finds it again as it is later. What can't change is kept: the module,
 * what its variables tell, where the fields lie.
 */
final class Discovery implements Finder<MimallocHeap> {
    private static final long BUDGET = 8L << 20;
    /** Structures of pages lie side by side. */
    private static final int LINE = 1 << 14;
    /** So many pages at most are counted where a page can't be one, in its place. */
    private static final long MOST_OTHERS = 8;
    /** So many pages tell which layout it is. */
    private static final int MOST_VOTES = 2000;

    private final Target target;
    private final Copies.Trace trace;
    /** What the cookies of all copies are coded with. */
    private final Set<Long> keys;

    private Optional<MimallocLayout> known = Optional.empty();
    private String vote = "";

    Discovery(Target target, Copies.Trace trace, Set<Long> keys) {
        this.target = target;
        this.keys = Set.copyOf(keys);
        this.trace = trace;
    }

    @Override
    public Target target() {
        return target;
    }

    @Override
    public String file() {
        return file(trace.module());
    }

    static String file(ElfModule module) {
        return module.path().substring(module.path().lastIndexOf('/') + 1);
    }

    int major() {
        return trace.map().isPresent() ? 3 : 2;
    }

    @Override
    public Optional<MimallocHeap> look(String name, int firstRegion) {
        target.memory().refresh();
        AnonymousMemory anonymous = new AnonymousMemory(target.memory().mappings());
        try (Reader reader = target.memory().reader(BUDGET, LINE)) {
            return new Look(anonymous, reader).heap(name, firstRegion);
        }
    }

    /** One look at the heap. */
    private final class Look {
        private final AnonymousMemory anonymous;
        private final Reader reader;
        /** Whether what does not fit is damage, and no change that is under way. */
        private final boolean settled;

        private final DamageList damages = new DamageList();
        private final List<Evidence> evidence = new ArrayList<>();

        Look(AnonymousMemory anonymous, Reader reader) {
            this.anonymous = anonymous;
            this.reader = reader;
            // A page and its lists are changed one after the other.
            this.settled = target.still() && !Calls.into(target, trace.module(), reader);
        }

        Optional<MimallocHeap> heap(String name, int firstRegion) {
            return trace.map().isPresent() ? mapped(name, firstRegion) : segmented(name, firstRegion);
        }

        private Optional<MimallocHeap> segmented(String name, int firstRegion) {
            List<SegmentSearch.Group> groups = SegmentSearch.find(reader, anonymous).stream()
                    .filter(group -> Optional.of(group.layout()).equals(trace.segments()))
                    .toList();
            List<Segment> alike = groups.stream()
                    .filter(group -> group.key() == trace.key())
                    .flatMap(group -> group.segments().stream())
                    .toList();
            int info = usualInfo(alike);
            List<Segment> segments = alike.stream()
                    .filter(segment -> segment.infoSlices() == info)
                    .toList();
            evidence.add(Evidence.of(
                    "mimalloc",
                    file(),
                    "its word at 0x%x is what the cookies of %d %s are coded with"
                            .formatted(
                                    trace.variable(), segments.size(), segments.size() == 1 ? "segment" : "segments"),
                    Source.STRUCTURE));
            if (known.isEmpty()) {
                choose(
                        MimallocLayout.SEGMENTED.stream()
                                .filter(layout -> layout.segment().equals(trace.segments()))
                                .toList(),
                        layout -> {
                            Votes votes = new Votes(reader, anonymous, layout, settled, target.still());
                            SegmentWalk walk = new SegmentWalk(reader, layout, target.still());
                            segments.stream()
                                    .takeWhile(_ -> !votes.enough())
                                    .forEach(segment -> walk.each(segment, votes.over(walk)));
                            return votes;
                        });
            }
            return known.map(layout -> {
                explain(layout);
                SegmentCollector collector = new SegmentCollector(reader, layout, damages, settled, target.still());
                List<Segment> all = new ArrayList<>(segments);
                all.addAll(harmed(layout, groups, segments, info));
                all.sort(Comparator.comparingLong(Segment::address));
                collector.take(all);
                long[] delayed =
                        new DelayedBlocks(reader, layout, collector.table(), damages, settled).of(collector.owners());
                return done(
                        name,
                        firstRegion,
                        new HeapMap(layout, collector.table(), delayed, collector.owners(), List.copyOf(all)));
            });
        }

        /** How many slices segments have for themselves: as many in all of them. */
        private static int usualInfo(List<Segment> segments) {
            Map<Integer, Long> counts =
                    segments.stream().collect(Collectors.groupingBy(Segment::infoSlices, Collectors.counting()));
            return counts.entrySet().stream()
                    .max(Map.Entry.comparingByValue())
                    .map(Map.Entry::getKey)
                    .orElse(1);
        }

        /** Segments that are described by what can't be true, as far as their pages are sound. */
        private List<Segment> harmed(
                MimallocLayout layout, List<SegmentSearch.Group> groups, List<Segment> segments, int info) {
            List<Segment> candidates = new ArrayList<>(
                    SegmentSearch.harmed(reader, anonymous, layout.segment().orElseThrow(), trace.key(), segments));
            // Cookies that are coded with what no module has.
            groups.stream()
                    .filter(group -> group.key() == trace.key() || !keys.contains(group.key()))
                    .flatMap(group -> group.segments().stream())
                    .filter(segment -> segment.key() != trace.key() || segment.infoSlices() != info)
                    .forEach(segment -> candidates.add(segment.withInfo(info)));
            SegmentWalk walk = new SegmentWalk(reader, layout, target.still());
            List<Segment> sound = new ArrayList<>();
            for (Segment segment : candidates) {
                Votes votes = new Votes(reader, anonymous, layout, settled, target.still());
                walk.each(segment, votes.over(walk));
                if (votes.lead() > 0) {
                    sound.add(segment);
                    if (settled) {
                        damages.add(
                                segment.address(),
                                -1,
                                "the segment at 0x%x is described by what can't be true".formatted(segment.address()));
                    }
                }
            }
            return sound;
        }

        private Optional<MimallocHeap> mapped(String name, int firstRegion) {
            PageMap map = trace.map().orElseThrow();
            evidence.add(Evidence.of(
                    "mimalloc",
                    file(),
                    "its word at 0x%x points to a map of pages, whose first entry is what lies behind it"
                            .formatted(trace.variable()),
                    Source.STRUCTURE));
            if (known.isEmpty()) {
                choose(MimallocLayout.MAPPED, layout -> {
                    Votes votes = new Votes(reader, anonymous, layout, settled, target.still());
                    map.each(target.memory(), anonymous, votes);
                    return votes;
                });
            }
            return known.map(layout -> {
                explain(layout);
                MapCollector collector = new MapCollector(target.memory(), reader, anonymous, layout, damages, settled);
                collector.take(map);
                return done(
                        name,
                        firstRegion,
                        new HeapMap(
                                layout, collector.table(), new long[] {Long.MAX_VALUE}, collector.owners(), List.of()));
            });
        }

        /** Tries layouts: in the right one all pages have just the free blocks that they count. */
        private void choose(List<MimallocLayout> layouts, Function<MimallocLayout, Votes> ask) {
            record Answer(MimallocLayout layout, Votes votes) {}
            layouts.stream()
                    .map(layout -> new Answer(layout, ask.apply(layout)))
                    .max(Comparator.comparingInt(answer -> answer.votes().lead()))
                    .filter(answer -> answer.votes().lead() > 0)
                    .ifPresent(answer -> {
                        known = Optional.of(answer.layout());
                        vote = answer.votes().toString();
                    });
        }

        private void explain(MimallocLayout layout) {
            evidence.add(Evidence.of("layout", "mimalloc " + layout.versions(), vote, Source.STRUCTURE));
        }

        private MimallocHeap done(String name, int firstRegion, HeapMap map) {
            return new MimallocHeap(
                    Discovery.this,
                    map,
                    threads(map.owners()),
                    new Located(name, firstRegion, evidence, List.of(), damages, settled, 0));
        }

        /** The threads that have heaps, by their pointers to their variables. */
        private OptionalLong[] threads(Owners owners) {
            LongTable tids = new LongTable();
            for (ThreadState thread : target.threads()) {
                thread.registers().ifPresent(registers -> tids.put(registers.threadPointer(), thread.tid()));
            }
            OptionalLong[] threads = new OptionalLong[owners.count()];
            for (int i = 0; i < threads.length; i++) {
                long tid = owners.thread(i) == 0 ? -1 : tids.get(owners.thread(i), -1);
                threads[i] = tid < 0 ? OptionalLong.empty() : OptionalLong.of(tid);
            }
            return threads;
        }
    }

    /**
     * How many pages fit a layout: by where their blocks lie, and by their lists of free blocks, which need not fit
     * while they change.
     */
    private static final class Votes implements PageMap.Visitor {
        private final Reader reader;
        private final AnonymousMemory anonymous;
        private final MimallocLayout layout;
        private final boolean settled;
        private final boolean still;
        private final MiPage view;
        private final PageShape shape;
        private final PageBlocks blocks;
        private int sound;
        private int changing;
        private int others;
        /** Pages whose heap has something else in place of a list. */
        private int strangers;

        Votes(Reader reader, AnonymousMemory anonymous, MimallocLayout layout, boolean settled, boolean still) {
            this.reader = reader;
            this.anonymous = anonymous;
            this.layout = layout;
            this.settled = settled;
            this.still = still;
            this.view = new MiPage(layout.page());
            this.shape = new PageShape(layout);
            this.blocks = new PageBlocks(reader, layout.page());
        }

        boolean enough() {
            return sound + changing + others >= MOST_VOTES;
        }

        int lead() {
            return 2 * sound + (settled ? -changing : changing) - 2 * others - strangers;
        }

        SegmentWalk.Visitor over(SegmentWalk walk) {
            return new SegmentWalk.Visitor() {
                @Override
                public void page(long from, long to, long address) {
                    count(walk.view(), walk.shape());
                }

                @Override
                public void free(long from, long to) {
                    // Says nothing of pages.
                }

                @Override
                public void harmed(long from, long to, long address) {
                    others += (int) Math.min(MOST_OTHERS, (to - from) / MimallocLayout.SLICE);
                }
            };
        }

        @Override
        public void page(long from, long to, long page) {
            if (enough()) {
                return;
            }
            if (!still) {
                reader.forget();
            }
            // A page with one large block goes on behind what the map has of it.
            if (view.find(reader, page)
                    && shape.of(view, from, Long.MAX_VALUE)
                    && shape.start() < to
                    && view.plausibleOwner()) {
                count(view, shape);
            } else {
                others++;
            }
        }

        private void count(MiPage page, PageShape where) {
            long heap = page.heap();
            if (blocks.read(page, where.start(), where.blockSize()) == Opened.GOOD) {
                sound++;
            } else {
                changing++;
            }
            if (!mayHaveDelayed(heap)) {
                strangers++;
            }
        }

        /** Whether a heap has a list of blocks that other threads freed where the layout has it, or an empty one. */
        private boolean mayHaveDelayed(long heap) {
            long first = heap == 0 || layout.delayed() < 0 ? 0 : reader.readLong(heap + layout.delayed(), 0);
            return first == 0 || (first & Long.BYTES - 1) == 0 && anonymous.holds(first, Long.BYTES);
        }

        @Override
        public String toString() {
            return "%d pages have just the free blocks that they count, %d have not"
                    .formatted(sound, changing + others);
        }
    }
}
