// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.mimalloc;

import dev.heapwalk.heap.Evidence;
import dev.heapwalk.heap.Source;
import dev.heapwalk.memory.LongTable;
import dev.heapwalk.memory.Reader;
import dev.heapwalk.memory.Registers;
import dev.heapwalk.memory.Target;
import dev.heapwalk.memory.ThreadState;
import dev.heapwalk.memory.elf.ElfModule;
import dev.heapwalk.mimalloc.layout.MimallocLayout;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.function.Function;

/**
 * Finds the heap of one copy of mimalloc, and finds it again as it is later. What can't change is kept: the module,
 * what its variables tell, where the fields lie.
 */
final class Discovery {
    private static final long BUDGET = 8L << 20;
    /** Structures of pages lie side by side. */
    private static final int LINE = 1 << 14;
    /** Where a function of the C library that calls the kernel has its return address, in words from the top. */
    private static final int FRAME = 16;
    /** So many pages tell which layout it is. */
    private static final int MOST_VOTES = 2000;

    private final Target target;
    private final Copies.Trace trace;
    private Optional<MimallocLayout> known = Optional.empty();
    private String vote = "";

    Discovery(Target target, Copies.Trace trace) {
        this.target = target;
        this.trace = trace;
    }

    Target target() {
        return target;
    }

    String file() {
        return file(trace.module());
    }

    static String file(ElfModule module) {
        return module.path().substring(module.path().lastIndexOf('/') + 1);
    }

    int major() {
        return trace.map().isPresent() ? 3 : 2;
    }

    /**
     * Finds the heap as it is now.
     *
     * @param name what it is called
     * @param firstRegion how many regions the heaps before it have
     * @return the heap, empty if what was found fits no layout
     */
    Optional<MimallocHeap> look(String name, int firstRegion) {
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

        private final Damages damages = new Damages();
        private final List<Evidence> evidence = new ArrayList<>();

        Look(AnonymousMemory anonymous, Reader reader) {
            this.anonymous = anonymous;
            this.reader = reader;
            this.settled = target.still() && rests();
        }

        Optional<MimallocHeap> heap(String name, int firstRegion) {
            return trace.map().isPresent() ? mapped(name, firstRegion) : segmented(name, firstRegion);
        }

        private Optional<MimallocHeap> segmented(String name, int firstRegion) {
            List<Segment> segments = SegmentSearch.find(reader, anonymous).stream()
                    .filter(group -> group.key() == trace.key()
                            && Optional.of(group.layout()).equals(trace.segments()))
                    .flatMap(group -> group.segments().stream())
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
                            Votes votes = new Votes(reader, layout);
                            SegmentWalk walk = new SegmentWalk(reader, layout);
                            segments.stream()
                                    .takeWhile(_ -> !votes.enough())
                                    .forEach(segment -> walk.each(segment, votes.over(walk)));
                            return votes;
                        });
            }
            return known.map(layout -> {
                explain(layout);
                SegmentCollector collector = new SegmentCollector(reader, layout, damages, settled);
                collector.take(segments);
                long[] delayed =
                        new DelayedBlocks(reader, layout, collector.table(), damages, settled).of(collector.owners());
                return done(
                        name,
                        firstRegion,
                        new HeapMap(layout, collector.table(), delayed, collector.owners(), segments));
            });
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
                    Votes votes = new Votes(reader, layout);
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
                    Discovery.this, name, firstRegion, map, threads(map.owners()), evidence, damages, settled);
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

        /**
         * Whether no thread is inside mimalloc, or in a call that it has just made: a page and its lists are changed
         * one after the other. Unsure where a program has mimalloc in itself.
         */
        private boolean rests() {
            for (ThreadState thread : target.threads()) {
                if (thread.registers().isEmpty()) {
                    continue;
                }
                Registers registers = thread.registers().get();
                boolean inside = trace.module().contains(registers.programCounter());
                for (int i = 0; i < FRAME && !inside; i++) {
                    inside = trace.module()
                            .contains(reader.readLong(registers.stackPointer() + (long) Long.BYTES * i, 0));
                }
                if (inside) {
                    return false;
                }
            }
            return true;
        }
    }

    /** How many pages fit a layout. */
    private static final class Votes implements PageMap.Visitor {
        private final Reader reader;
        private final MiPage view;
        private final PageShape shape;
        private final PageBlocks blocks;
        private int fit;
        private int others;

        Votes(Reader reader, MimallocLayout layout) {
            this.reader = reader;
            this.view = new MiPage(layout.page());
            this.shape = new PageShape(layout);
            this.blocks = new PageBlocks(reader, layout.page());
        }

        boolean enough() {
            return fit + others >= MOST_VOTES;
        }

        int lead() {
            return fit - others;
        }

        SegmentWalk.Visitor over(SegmentWalk walk) {
            return new SegmentWalk.Visitor() {
                @Override
                public void page(long from, long to, long address) {
                    count(blocks.read(
                                    walk.view(),
                                    walk.shape().start(),
                                    walk.shape().blockSize())
                            == PageBlocks.Answer.GOOD);
                }

                @Override
                public void free(long from, long to) {
                    // Says nothing of pages.
                }

                @Override
                public void harmed(long from, long to, long address) {
                    count(false);
                }
            };
        }

        @Override
        public void page(long from, long to, long page) {
            if (enough()) {
                return;
            }
            // A page with one large block goes on behind what the map has of it.
            count(view.find(reader, page)
                    && shape.of(view, from, Long.MAX_VALUE)
                    && shape.start() < to
                    && blocks.read(view, shape.start(), shape.blockSize()) == PageBlocks.Answer.GOOD);
        }

        private void count(boolean good) {
            if (good) {
                fit++;
            } else {
                others++;
            }
        }

        @Override
        public String toString() {
            return "%d pages have just the free blocks that they count, %d have not".formatted(fit, others);
        }
    }
}
