// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.mimalloc;

import static org.assertj.core.api.Assertions.assertThat;

import dev.heapwalk.allocator.HarmedHeap;
import dev.heapwalk.memory.Target;
import dev.heapwalk.mimalloc.layout.SegmentLayout;
import dev.heapwalk.testkit.Ledger;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Damage is told, and costs the page that it hits: all other blocks are those of the ledger. */
class DamageTest extends HarmedHeap<MimallocHeap, Page> {
    private void start(Library library) throws IOException {
        start(library.of("threads"));
    }

    @Override
    protected MimallocHeap locate(Target target) {
        return MimallocHeap.locate(target);
    }

    @Override
    protected void checkSound(MimallocHeap heap) {
        Walk.of(heap).check(ledger);
    }

    @Override
    protected void checkHarmed(String what, MimallocHeap heap, Page page, Poke poke) {
        Walk walk = Walk.ofAny(heap);
        assertThat(walk.walked.damages()).as(what).isPositive();
        List<Ledger.Block> missing = new ArrayList<>();
        // What must be aligned begins inside of a larger block.
        Set<Long> held = new HashSet<>();
        for (Ledger.Block block : ledger.live()) {
            Map.Entry<Long, Walk.Used> entry = walk.at(block.address());
            if (entry != null) {
                held.add(entry.getKey());
            }
            if (!holds(page, block.address())
                    && (entry == null
                            || entry.getKey() + entry.getValue().usable() != block.address() + block.usable())) {
                missing.add(block);
            }
        }
        assertThat(missing).as(what).isEmpty();
        checkFreed(what, walk.used.keySet(), page, held);
    }

    @Override
    protected boolean holds(Page page, long address) {
        return address >= page.from() && address < page.end();
    }

    /** A page that has blocks of the program, and free ones in its list. */
    private Page page(MimallocHeap heap, long least, long most) {
        MiPage view = new MiPage(heap);
        try (var reader = heap.target().memory().reader(1 << 20)) {
            for (Ledger.Block block : ledger.live()) {
                int number = heap.pageAt(block.address());
                Page page = heap.page(number);
                if (page.blockSize() >= least
                        && page.blockSize() <= most
                        && view.find(reader, page.miPage())
                        && (view.free() != 0 || least > 100_000)) {
                    return page;
                }
            }
        }
        throw new AssertionError("there is no such page");
    }

    private void harm(String what, Choice<MimallocHeap, Page> choice, long least, long most) throws IOException {
        harm(what, choice, heap -> page(heap, least, most));
    }

    private Choice<MimallocHeap, Page> flip(int field, int bit) {
        return (heap, page) -> flip(heap, page.miPage() + (field & -8), 8 * (field & 7) + bit);
    }

    @ParameterizedTest
    @MethodSource("dev.heapwalk.mimalloc.Library#all")
    void aPage(Library library) throws Exception {
        start(library);
        var fields = layout().page();
        for (long least : new long[] {32, 512, 200_000}) {
            long most = least > 100_000 ? Long.MAX_VALUE : 2 * least;
            String of = " of a page of blocks of %d bytes".formatted(least);
            for (int bit : new int[] {0, 3, 9}) {
                harm("bit " + bit + " of used" + of, flip(fields.used(), bit), least, most);
            }
            for (int bit : new int[] {0, 14}) {
                harm("bit " + bit + " of capacity" + of, flip(fields.capacity(), bit), least, most);
            }
            // A large block is as large as its page says: only what leads out of it is seen.
            for (int bit : least > 100_000 ? new int[] {30} : new int[] {3, 5, 12, 30}) {
                harm("bit " + bit + " of block_size" + of, flip(fields.blockSize(), bit), least, most);
            }
            if (least < 100_000) {
                for (int bit : new int[] {1, 4, 20, 63}) {
                    harm("bit " + bit + " of free" + of, flip(fields.free(), bit), least, most);
                }
            }
        }
    }

    @ParameterizedTest
    @MethodSource("dev.heapwalk.mimalloc.Library#all")
    void aListOfFreeBlocks(Library library) throws Exception {
        start(library);
        for (long value : new long[] {8, -1, 0x7fff_ffff_f000L, 0x123456789abcdef0L}) {
            harm(
                    "a free block's next one is 0x%x".formatted(value),
                    (heap, page) -> new Poke(free(heap, page), value),
                    32,
                    512);
        }
        // A list that goes round for ever, and one that leads to a block in use.
        harm("a list is a cycle", (heap, page) -> new Poke(free(heap, page), free(heap, page)), 32, 512);
        harm(
                "a list leads to a used block",
                (heap, page) -> {
                    long used = ledger.live().stream()
                            .mapToLong(Ledger.Block::address)
                            .filter(address -> address >= page.start() && address < page.end())
                            .findFirst()
                            .orElseThrow();
                    return new Poke(free(heap, page), used);
                },
                32,
                512);
    }

    @ParameterizedTest
    @MethodSource("dev.heapwalk.mimalloc.Library#all")
    void whatLeadsToAPage(Library library) throws Exception {
        start(library);
        if (layout().segment().isEmpty()) {
            for (long value : new long[] {1, 0x123456789abcdec0L, -1, 0x7fff_ffff_f000L}) {
                harm(
                        "the map's entry of a page is 0x%x".formatted(value),
                        (heap, page) -> new Poke(entry(heap, page), value),
                        32,
                        512);
            }
            return;
        }
        // The counts of slices: of a page, and of the whole segment.
        for (int bit : new int[] {0, 1, 7, 31}) {
            harm("bit " + bit + " of slice_count", flip(0, bit), 32, 512);
            harm("bit " + bit + " of slice_offset", flip(4, bit), 32, 512);
        }
        SegmentLayout fields = layout().segment().orElseThrow();
        for (int field :
                new int[] {fields.cookie(), fields.segmentSlices(), fields.segmentInfoSlices(), fields.sliceEntries()
                }) {
            for (int bit : new int[] {0, 1, 5, 31}) {
                harm(
                        "bit %d at %d of a segment".formatted(bit, field),
                        (heap, page) -> flip(heap, segment(heap, page).address() + field, bit),
                        32,
                        512);
            }
        }
    }

    private dev.heapwalk.mimalloc.layout.MimallocLayout layout() throws IOException {
        try (Target target = Target.attach(process.pid())) {
            return MimallocHeap.locate(target).layout();
        }
    }

    private static Segment segment(MimallocHeap heap, Page page) {
        return heap.segments().stream()
                .filter(segment -> page.from() > segment.address() && page.from() < segment.end())
                .findFirst()
                .orElseThrow();
    }

    private static long free(MimallocHeap heap, Page page) {
        MiPage view = new MiPage(heap);
        try (var reader = heap.target().memory().reader(1 << 20)) {
            assertThat(view.find(reader, page.miPage())).isTrue();
            return view.free();
        }
    }

    /** Where the map has the page of an address: by the variable that the evidence names. */
    private static long entry(MimallocHeap heap, Page page) {
        String basis = heap.evidence().getFirst().basis();
        long variable = Long.decode(basis.replaceAll("^.*(0x[0-9a-f]+).*$", "$1"));
        long map = heap.target().memory().readLong(variable)
                + (heap.layout().versions().equals("3.6") ? 80 : 0);
        long slice = page.start() >>> 16;
        return heap.target().memory().readLong(map + 8 * (slice >>> 13)) + 8 * (slice & 0x1fff);
    }
}
