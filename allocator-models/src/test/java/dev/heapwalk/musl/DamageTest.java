// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.musl;

import static org.assertj.core.api.Assertions.assertThat;

import dev.heapwalk.allocator.HarmedHeap;
import dev.heapwalk.memory.Target;
import dev.heapwalk.musl.layout.MallocngLayout;
import dev.heapwalk.testkit.Ledger;
import dev.heapwalk.testkit.LedgerProcess;
import dev.heapwalk.testkit.Release;
import java.io.IOException;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Damage is told, and costs the block or the group that it hits: all other blocks are those of the ledger. */
class DamageTest extends HarmedHeap<MuslHeap, DamageTest.Place> {
    /** The fields of a meta. */
    private static final long PREV = 0;

    private static final long NEXT = 8;
    private static final long MEM = 16;
    private static final long MASKS = 24;
    private static final long BITS = 32;
    private static final int AREA = 4096;
    private static final long[] HOSTILE = {0x123456789abcdef0L, -1, 0x7fff_ffff_f000L, 64};

    /** Blocks in a group that has a mapping, in one that lies in another, and in a mapping of their own. */
    private enum Kind {
        MAPPED,
        NESTED,
        ALONE
    }

    private void start(Release release) throws IOException {
        start(LedgerProcess.of(release, "threads").musl(false));
    }

    /** A block that the program holds, in its group, and what of it may be lost. */
    record Place(long block, long size, int slot, long group, long meta, long context, long start, long end) {}

    @Override
    protected MuslHeap locate(Target target) {
        return MuslHeap.locate(target);
    }

    @Override
    protected void checkSound(MuslHeap heap) {
        Walk.of(heap).check(ledger);
    }

    @Override
    protected void checkHarmed(String what, MuslHeap heap, Place place, Poke poke) {
        Walk walk = Walk.ofAny(heap);
        // Of a count of slots that is another one that may be, only the sum in the context tells.
        assertThat(walk.walked.damages() + heap.missing().size()).as(what).isPositive();
        checkOthers(what, walk.used, place);
        checkFreed(what, walk.used.keySet(), place, poke.hidden());
    }

    @Override
    protected boolean holds(Place place, long address) {
        return address >= place.start && address < place.end;
    }

    private Place place(MuslHeap heap, Kind kind) {
        try (MuslCursor at = heap.blocks()) {
            for (Ledger.Block block : ledger.live()) {
                assertThat(at.find(block.address())).isTrue();
                long bits = heap.target().memory().readLong(at.meta() + BITS);
                boolean fits = switch (kind) {
                    case ALONE -> at.ownMapping() && Groups.sizeClass(bits) == MallocngLayout.MAPPED_CLASS;
                    case NESTED -> Groups.isNested(bits);
                    case MAPPED ->
                        !Groups.isOwnMapping(bits)
                                && !Groups.isNested(bits)
                                && !Groups.isDonated(bits)
                                && Groups.lastIdx(bits) > 2;
                };
                if (fits) {
                    return new Place(
                            block.address(),
                            block.usable(),
                            at.slot(),
                            at.group(),
                            at.meta(),
                            heap.context(),
                            at.group(),
                            at.group() + Groups.size(bits));
                }
            }
        }
        throw new AssertionError("there is no such block");
    }

    private void harm(String what, Choice<MuslHeap, Place> choice, Kind kind) throws IOException {
        harm(what + ", " + kind, choice, heap -> place(heap, kind));
    }

    /** Harms that cost no block at all. */
    private void harmNothing(String what, Choice<MuslHeap, Place> choice) throws IOException {
        harm(what, choice, heap -> {
            Place place = place(heap, Kind.MAPPED);
            return new Place(place.block, place.size, place.slot, place.group, place.meta, place.context, 0, 0);
        });
    }

    private Choice<MuslHeap, Place> flip(long field, int bit) {
        return (heap, place) -> flip(heap, place.meta + field, bit);
    }

    @ParameterizedTest
    @MethodSource("dev.heapwalk.testkit.Release#debian")
    void aMeta(Release release) throws Exception {
        start(release);
        for (Kind kind : Kind.values()) {
            for (int bit : new int[] {0, 3, 4, 12, 34, 63}) {
                harm("bit " + bit + " of mem", flip(MEM, bit), kind);
            }
            for (long value : HOSTILE) {
                harm("mem is 0x%x".formatted(value), (_, place) -> new Poke(place.meta + MEM, value), kind);
            }
            harm(
                    "mem is that of another",
                    (heap, place) -> new Poke(
                            place.meta + MEM, heap.table().groups[heap.table().count() / 2]),
                    kind);
            // last_idx, freeable, sizeclass, maplen
            for (int bit : new int[] {0, 1, 4, 5, 6, 8, 11, 12, 14, 30, 47, 63}) {
                harm("bit " + bit + " behind the masks", flip(BITS, bit), kind);
            }
        }
        harm("a slot in use is free", (heap, place) -> flip(heap, place.meta + MASKS, 32 + place.slot), Kind.MAPPED);
        harm("all slots are free", (_, place) -> new Poke(place.meta + MASKS, -1), Kind.MAPPED);
        harm("a block alone is free", flip(MASKS, 0), Kind.ALONE);
        harm("a slot that is not there is free", flip(MASKS, 31), Kind.MAPPED);
    }

    @ParameterizedTest
    @MethodSource("dev.heapwalk.testkit.Release#debian")
    void aGroup(Release release) throws Exception {
        start(release);
        for (Kind kind : Kind.values()) {
            for (int bit : new int[] {0, 12, 40, 63}) {
                harm("bit " + bit + " of a group's meta", (heap, place) -> flip(heap, place.group, bit), kind);
            }
            for (long value : HOSTILE) {
                harm("a group's meta is 0x%x".formatted(value), (_, place) -> new Poke(place.group, value), kind);
            }
        }
    }

    @ParameterizedTest
    @MethodSource("dev.heapwalk.testkit.Release#debian")
    void aHeader(Release release) throws Exception {
        start(release);
        for (Kind kind : Kind.values()) {
            // The byte that is 0, the index of the slot, the distance. What is reserved may be as well another number.
            for (int bit : new int[] {32, 39, 40, 44, 48, 55, 63}) {
                harm("bit " + bit + " of a header", (heap, place) -> flip(heap, place.block - 8, bit), kind);
            }
            harm(
                    "a byte behind the end",
                    (heap, place) -> {
                        long end = place.block + place.size;
                        return flip(heap, end & -8, (int) (end & 7) * 8 + 1);
                    },
                    kind);
        }
    }

    @ParameterizedTest
    @MethodSource("dev.heapwalk.testkit.Release#debian")
    void anArea(Release release) throws Exception {
        start(release);
        for (int bit : new int[] {0, 20, 63}) {
            harmNothing("bit " + bit + " of an area's secret", (heap, place) -> flip(heap, place.meta & -AREA, bit));
        }
        for (int bit : new int[] {0, 6, 31}) {
            harmNothing(
                    "bit " + bit + " of an area's count", (heap, place) -> flip(heap, (place.meta & -AREA) + 16, bit));
        }
        for (long value : HOSTILE) {
            harmNothing(
                    "the next area is at 0x%x".formatted(value),
                    (_, place) -> new Poke((place.meta & -AREA) + 8, value));
        }
        harmNothing("there is no next area", (heap, place) -> {
            long head = head(heap, place);
            assertThat(heap.target().memory().readLong(head + 8)).isNotZero();
            return new Poke(head + 8, 0);
        });
        harmNothing("the next area is the first", (heap, place) -> {
            long head = head(heap, place);
            return new Poke((place.meta & -AREA) + 8, head);
        });
        for (long field : new long[] {NEXT, PREV}) {
            for (long value : HOSTILE) {
                harmNothing("a link is 0x%x".formatted(value), (_, place) -> new Poke(place.meta + field, value));
            }
        }
    }

    private static long head(MuslHeap heap, Place place) {
        return heap.target().memory().readLong(place.context + 56);
    }

    @ParameterizedTest
    @MethodSource("dev.heapwalk.testkit.Release#debian")
    void theContext(Release release) throws Exception {
        start(release);
        for (long field : new long[] {0, 56, 64}) {
            for (int bit : new int[] {0, 13, 40, 63}) {
                harmNothing(
                        "bit " + bit + " of the word at " + field + " of the context",
                        (heap, place) -> flip(heap, place.context + field, bit));
            }
        }
        for (long value : HOSTILE) {
            harmNothing(
                    "the first area is at 0x%x".formatted(value), (_, place) -> new Poke(place.context + 56, value));
            harmNothing("the last area is at 0x%x".formatted(value), (_, place) -> new Poke(place.context + 64, value));
            harmNothing(
                    "groups of a class are at 0x%x".formatted(value),
                    (_, place) -> new Poke(place.context + 80, value));
        }
        harmNothing("the context is not ready", (heap, place) -> flip(heap, place.context + 8, 0));
    }
}
