// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.tcmalloc;

import dev.heapwalk.allocator.HarmedSpans;
import dev.heapwalk.allocator.Spans;
import dev.heapwalk.memory.Target;
import dev.heapwalk.tcmalloc.layout.TcmallocLayout;
import dev.heapwalk.testkit.LedgerProcess;
import dev.heapwalk.testkit.Release;
import java.io.IOException;
import java.util.HashSet;
import java.util.Set;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Damage is told, and costs the block or the span that it hits: all other blocks are those of the ledger. */
class DamageTest extends HarmedSpans<TcmallocHeap> {
    /** The fields, where all versions have them. */
    private static final long START = 0;

    private static final long LENGTH = 8;
    private static final long OBJECTS = 32;
    private static final long BITS = 40;

    DamageTest() {
        super(300_000);
    }

    private void start(Release release) throws IOException {
        start(LedgerProcess.of(release, "threads").preload(LedgerTest.LIBRARY));
    }

    @Override
    protected TcmallocHeap locate(Target target) {
        return TcmallocHeap.locate(target);
    }

    @Override
    protected void checkSound(TcmallocHeap heap) {
        Walk.of(heap).check(ledger);
    }

    @Override
    protected Found walk(TcmallocHeap heap) {
        Walk walk = Walk.ofAny(heap);
        return new Found(walk.used, walk.walked.damages());
    }

    @Override
    protected Spans table(TcmallocHeap heap) {
        return heap.map().table();
    }

    @ParameterizedTest
    @MethodSource("dev.heapwalk.testkit.Release#debian")
    void aSpan(Release release) throws Exception {
        start(release);
        for (boolean small : new boolean[] {true, false}) {
            String of = small ? " of a span with objects" : " of a span with one block";
            for (int bit : new int[] {0, 3, 20, 34, 63}) {
                harm("bit " + bit + " of start" + of, flip(START, bit), small);
            }
            for (int bit : new int[] {0, 3, 10, 34, 63}) {
                harm("bit " + bit + " of length" + of, flip(LENGTH, bit), small);
            }
            // refcount, sizeclass, location, sample
            for (int bit : new int[] {0, 5, 15, 16, 18, 22, 24, 25, 26}) {
                harm("bit " + bit + " behind objects" + of, flip(BITS, bit), small);
            }
        }
        for (int bit : new int[] {0, 4, 8, 20, 46, 63}) {
            harm("bit " + bit + " of objects", flip(OBJECTS, bit), true);
        }
    }

    @ParameterizedTest
    @MethodSource("dev.heapwalk.testkit.Release#debian")
    void thePageMap(Release release) throws Exception {
        start(release);
        for (boolean small : new boolean[] {true, false}) {
            for (long value : new long[] {0, 0x123456789abcdec0L, -1, 0x7fff_ffff_f000L, 64}) {
                harm(
                        "an entry is 0x%x".formatted(value),
                        (heap, place) -> new Poke(entry(heap, place.start()), value),
                        small);
            }
            harm(
                    "an entry is that of the span behind",
                    (heap, place) -> new Poke(
                            entry(heap, place.start()), heap.target().memory().readLong(entry(heap, place.end()))),
                    small);
        }
    }

    @ParameterizedTest
    @MethodSource("dev.heapwalk.testkit.Release#debian")
    void aThreadCache(Release release) throws Exception {
        start(release);
        for (boolean first : new boolean[] {true, false}) {
            for (long value : new long[] {0, 8, -1, 0x7fff_ffff_f000L}) {
                harm(
                        "a cached block's address is 0x%x".formatted(value),
                        (heap, _) -> cached(heap, first, value),
                        true);
            }
        }
        harm(
                "a cycle of cached blocks",
                (heap, _) -> cached(heap, false, cached(heap, false, 0).address()),
                true);
        for (boolean next : new boolean[] {true, false}) {
            for (long value : new long[] {8, -1, 0x7fff_ffff_f000L}) {
                harm(
                        "the link to another cache is 0x%x".formatted(value),
                        (heap, _) -> {
                            TcmallocLayout layout = release == Release.BULLSEYE || release == Release.BOOKWORM
                                    ? TcmallocLayout.ALL.getFirst()
                                    : TcmallocLayout.ALL.getLast();
                            return new Poke(
                                    heap.threadCaches().get(1).address()
                                            + (next ? layout.cacheNext() : layout.cachePrev()),
                                    value);
                        },
                        true);
            }
        }
    }

    /** Where the page map has the page of an address: by the root that the evidence names. */
    private static long entry(TcmallocHeap heap, long address) {
        String root = heap.evidence().stream()
                .filter(evidence -> evidence.subject().equals("page map"))
                .findFirst()
                .orElseThrow()
                .conclusion();
        long at = Long.decode(root.substring(0, root.indexOf(',')));
        long page = address >>> 13;
        return heap.target().memory().readLong(at + 8 * (page >>> 18)) + 8 * (page & 0x3ffff);
    }

    /** Where a thread has the address of its first cached block of a class, or where that has the next one's. */
    private static Poke cached(TcmallocHeap heap, boolean first, long value) {
        for (ThreadCache cache : heap.threadCaches()) {
            for (ThreadCache.Contents list : cache.lists()) {
                if (list.size() > 100 && list.size() < 1000 && list.count() > 3) {
                    Set<Long> hidden = new HashSet<>();
                    try (TcmallocCursor block = heap.blocks()) {
                        while (block.next()) {
                            if (block.sizeClass() == list.sizeClass()
                                    && block.thread().isPresent()
                                    && block.thread().equals(cache.tid())) {
                                hidden.add(block.address());
                            }
                        }
                    }
                    long at = cache.address() + (long) FreeList.SIZE * list.sizeClass();
                    return new Poke(first ? at : heap.target().memory().readLong(at), value, hidden);
                }
            }
        }
        throw new AssertionError("there is no such cache");
    }
}
