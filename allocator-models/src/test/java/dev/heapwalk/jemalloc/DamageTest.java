// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.jemalloc;

import static org.assertj.core.api.Assertions.assertThat;

import dev.heapwalk.memory.Target;
import dev.heapwalk.testkit.Ledger;
import dev.heapwalk.testkit.LedgerProcess;
import dev.heapwalk.testkit.Release;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Damage is told, and costs the block or the slab that it hits: all other blocks are those of the ledger. */
class DamageTest {
    /** The fields, where all versions have them. */
    private static final long E_BITS = 0;

    private static final long E_ADDR = 8;
    private static final long E_SIZE = 16;
    private static final long BITMAP = 64;

    private LedgerProcess process;
    private Ledger ledger;

    /** A place in the process and what to put there. */
    private record Poke(long address, long value) {}

    /** Finds a place in a sound heap. */
    private interface Choice {
        Poke of(JemallocHeap heap) throws IOException;
    }

    private void start(Release release) throws IOException {
        process = LedgerProcess.of(release, "threads")
                .env("LD_PRELOAD", LedgerTest.LIBRARY)
                .option("threads", 4)
                .start();
        ledger = process.ledger();
    }

    @AfterEach
    void end() {
        process.close();
    }

    /** A block that the program holds, in the slab or extent that it lies in. */
    private record Place(long block, long edata, long start, long end) {
        boolean holds(long address) {
            return address >= start && address < end;
        }
    }

    /** The lowest extent in the tree. */
    private static Place lowest(JemallocHeap heap) {
        ExtentTable table = heap.map().table();
        int extent = 0;
        while (table.kinds[extent] == ExtentTable.Kind.BASE) {
            extent++;
        }
        long start = table.starts[extent];
        return new Place(start, table.edatas[extent], start, start + table.sizes[extent]);
    }

    private Place place(JemallocHeap heap, boolean small) {
        for (Ledger.Block block : ledger.live()) {
            try (JemallocLookup lookup = (JemallocLookup) heap.lookup()) {
                if (lookup.find(block.address())
                        && (small ? lookup.usableSize() == 64 : lookup.usableSize() > 100_000)) {
                    int extent = heap.map().table().at(block.address());
                    long start = heap.map().table().starts[extent];
                    return new Place(
                            block.address(),
                            lookup.edata(),
                            start,
                            start + heap.map().table().sizes[extent]);
                }
            }
        }
        throw new AssertionError("there is no such block");
    }

    /** Harms a word, looks, and puts it right again. What lies in the slab or extent that it hits may be missing. */
    private void harm(String what, Choice choice, boolean small) throws IOException {
        harm(what, choice, heap -> place(heap, small));
    }

    private interface Hit {
        Place of(JemallocHeap heap);
    }

    private void harm(String what, Choice choice, Hit hit) throws IOException {
        Poke poke;
        Place place;
        long before;
        try (Target target = Target.attach(process.pid())) {
            JemallocHeap heap = JemallocHeap.locate(target);
            Walk.of(heap).check(ledger);
            poke = choice.of(heap);
            place = hit.of(heap);
            before = target.memory().readLong(poke.address);
        }
        process.poke(poke.address, poke.value);
        try (Target target = Target.attach(process.pid())) {
            JemallocHeap heap = JemallocHeap.locate(target);
            Walk walk = Walk.ofAny(heap);
            assertThat(walk.damages).as(what).isPositive();
            Map<Long, Long> others = ledger.live().stream()
                    .filter(block -> !place.holds(block.address()))
                    .collect(Collectors.toMap(Ledger.Block::address, Ledger.Block::usable));
            assertThat(walk.used).as(what).containsAllEntriesOf(others);
            List<Long> freed = new ArrayList<>();
            for (long address : ledger.freed()) {
                if (walk.used.containsKey(address)
                        && !place.holds(address)
                        // Nothing else has told that this block was cached.
                        && address != before
                        && ledger.threads().stream().noneMatch(thread -> thread.dtv() - 16 == address)) {
                    freed.add(address);
                }
            }
            assertThat(freed).as(what).isEmpty();
        } finally {
            process.poke(poke.address, before);
        }
        process.check();
    }

    private Choice flip(boolean small, long field, int bit) {
        return heap -> {
            long address = place(heap, small).edata() + field;
            return new Poke(address, heap.target().memory().readLong(address) ^ 1L << bit);
        };
    }

    @ParameterizedTest
    @MethodSource("dev.heapwalk.testkit.Release#debian")
    void anExtent(Release release) throws Exception {
        start(release);
        for (int bit : new int[] {0, 5, 31}) {
            harm("bit " + bit + " of a bitmap", flip(true, BITMAP, bit), true);
        }
        for (boolean small : new boolean[] {true, false}) {
            String of = small ? " of a slab" : " of a large extent";
            for (int bit : new int[] {12, 13, 20, 33, 50, 63}) {
                harm("bit " + bit + " of e_size" + of, flip(small, E_SIZE, bit), small);
            }
            for (int bit : new int[] {12, 20, 40, 63}) {
                harm("bit " + bit + " of e_addr" + of, flip(small, E_ADDR, bit), small);
            }
        }
        // The slab's bit, and the lowest one of the count of free regions.
        harm("the bit of a slab", flip(true, E_BITS, 12), true);
        harm(
                "nfree",
                heap -> {
                    long address = place(heap, true).edata() + E_BITS;
                    return new Poke(
                            address,
                            heap.target().memory().readLong(address)
                                    ^ 1L << heap.layout().nfree().shift());
                },
                true);
    }

    /** The entries of a leaf of the tree begin with it. It is as good or bad as any other. */
    @ParameterizedTest
    @MethodSource("dev.heapwalk.testkit.Release#debian")
    void theLowestExtent(Release release) throws Exception {
        start(release);
        for (int bit : new int[] {20, 30, 31, 36, 40}) {
            harm(
                    "bit %d of e_addr of the lowest extent".formatted(bit),
                    heap -> {
                        long address = lowest(heap).edata() + E_ADDR;
                        return new Poke(address, heap.target().memory().readLong(address) ^ 1L << bit);
                    },
                    DamageTest::lowest);
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
                        heap -> {
                            long start = place(heap, small).start();
                            return new Poke(entry(heap, start), value);
                        },
                        small);
            }
        }
    }

    @ParameterizedTest
    @MethodSource("dev.heapwalk.testkit.Release#debian")
    void aThreadCache(Release release) throws Exception {
        start(release);
        for (long value : new long[] {0, 8, -1, 0x7fff_ffff_f000L}) {
            harm("a cached pointer is 0x%x".formatted(value), heap -> new Poke(cachedPointer(heap), value), true);
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

    /** Where a thread has a pointer to a block of 64 bytes; the slab of the ledger's is left as it is. */
    private static long cachedPointer(JemallocHeap heap) {
        for (Tcache cache : heap.threadCaches()) {
            for (Tcache.Bin bin : cache.bins()) {
                if (bin.size() > 100 && bin.size() < 1000) {
                    CacheBin view = new CacheBin(heap.layout());
                    try (var reader = heap.reader()) {
                        long at = cache.address() + (long) CacheBin.SIZE * bin.szind();
                        return reader.at(at, CacheBin.SIZE, view).stack();
                    }
                }
            }
        }
        throw new AssertionError("there is no such cache");
    }
}
