// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.jemalloc;

import dev.heapwalk.allocator.HarmedSpans;
import dev.heapwalk.allocator.Spans;
import dev.heapwalk.memory.Target;
import dev.heapwalk.testkit.LedgerProcess;
import dev.heapwalk.testkit.Release;
import java.io.IOException;
import java.util.Set;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Damage is told, and costs the block or the slab that it hits: all other blocks are those of the ledger. */
class DamageTest extends HarmedSpans<JemallocHeap> {
    /** The fields, where all versions have them. */
    private static final long E_BITS = 0;

    private static final long E_ADDR = 8;
    private static final long E_SIZE = 16;
    private static final long BITMAP = 64;

    DamageTest() {
        super(100_000);
    }

    private void start(Release release) throws IOException {
        start(LedgerProcess.of(release, "threads").env("LD_PRELOAD", LedgerTest.LIBRARY));
    }

    @Override
    protected JemallocHeap locate(Target target) {
        return JemallocHeap.locate(target);
    }

    @Override
    protected void checkSound(JemallocHeap heap) {
        Walk.of(heap).check(ledger);
    }

    @Override
    protected Found walk(JemallocHeap heap) {
        Walk walk = Walk.ofAny(heap);
        return new Found(walk.used, walk.walked.damages());
    }

    @Override
    protected Spans table(JemallocHeap heap) {
        return heap.map().table();
    }

    /** The lowest extent in the tree. */
    private Place lowest(JemallocHeap heap) {
        ExtentTable table = heap.map().table();
        int extent = 0;
        while (table.kinds[extent] == ExtentTable.Kind.BASE) {
            extent++;
        }
        return span(heap, extent);
    }

    @ParameterizedTest
    @MethodSource("dev.heapwalk.testkit.Release#debian")
    void anExtent(Release release) throws Exception {
        start(release);
        for (int bit : new int[] {0, 5, 31}) {
            harm("bit " + bit + " of a bitmap", flip(BITMAP, bit), true);
        }
        for (boolean small : new boolean[] {true, false}) {
            String of = small ? " of a slab" : " of a large extent";
            for (int bit : new int[] {12, 13, 20, 33, 50, 63}) {
                harm("bit " + bit + " of e_size" + of, flip(E_SIZE, bit), small);
            }
            for (int bit : new int[] {12, 20, 40, 63}) {
                harm("bit " + bit + " of e_addr" + of, flip(E_ADDR, bit), small);
            }
        }
        // The slab's bit, and the lowest one of the count of free regions.
        harm("the bit of a slab", flip(E_BITS, 12), true);
        harm(
                "nfree",
                (heap, place) -> flip(
                        heap, place.structure() + E_BITS, heap.layout().nfree().shift()),
                true);
    }

    /** The entries of a leaf of the tree begin with it. It is as good or bad as any other. */
    @ParameterizedTest
    @MethodSource("dev.heapwalk.testkit.Release#debian")
    void theLowestExtent(Release release) throws Exception {
        start(release);
        for (int bit : new int[] {20, 30, 31, 36, 40}) {
            harm("bit %d of e_addr of the lowest extent".formatted(bit), flip(E_ADDR, bit), this::lowest);
        }
    }

    @ParameterizedTest
    @MethodSource("dev.heapwalk.testkit.Release#debian")
    void theTree(Release release) throws Exception {
        start(release);
        for (boolean small : new boolean[] {true, false}) {
            for (long value : new long[] {0x123456789abcdec0L, -1, 0x7fff_ffff_f000L, 64}) {
                harm(
                        "a leaf's entry is 0x%x".formatted(value),
                        (heap, place) -> new Poke(entry(heap, place.start()), value),
                        small);
            }
        }
    }

    @ParameterizedTest
    @MethodSource("dev.heapwalk.testkit.Release#debian")
    void aThreadCache(Release release) throws Exception {
        start(release);
        for (long value : new long[] {0, 8, -1, 0x7fff_ffff_f000L}) {
            harm("a cached pointer is 0x%x".formatted(value), (heap, _) -> cached(heap, value), true);
        }
    }

    /** Where the tree has the page of an address: by the root that the evidence names. */
    private static long entry(JemallocHeap heap, long address) {
        String root = heap.evidence().stream()
                .filter(evidence -> evidence.subject().equals("page tree"))
                .findFirst()
                .orElseThrow()
                .conclusion();
        long at = Long.decode(root.substring(0, root.indexOf(',')));
        long page = address >>> 12;
        if (root.contains("48 bits")) {
            return heap.target().memory().readLong(at + 8 * (page >>> 18)) + 8 * (page & 0x3ffff);
        }
        long node = heap.target().memory().readLong(at + 8 * (page >>> 30));
        return heap.target().memory().readLong(node + 8 * (page >>> 15 & 0x7fff)) + 16 * (page & 0x7fff);
    }

    /** Where a thread has a pointer to a cached block; the slab of the ledger's is left as it is. */
    private static Poke cached(JemallocHeap heap, long value) {
        for (Tcache cache : heap.threadCaches()) {
            for (Tcache.Bin bin : cache.bins()) {
                if (bin.size() > 100 && bin.size() < 1000) {
                    CacheBin view = new CacheBin(heap.layout());
                    try (var reader = heap.target().memory().reader(1 << 20)) {
                        long at = cache.address() + (long) CacheBin.SIZE * bin.szind();
                        long pointer = reader.at(at, CacheBin.SIZE, view).stack();
                        // Nothing else tells that this block is cached.
                        return new Poke(pointer, value, Set.of(reader.readLong(pointer)));
                    }
                }
            }
        }
        throw new AssertionError("there is no such cache");
    }
}
