// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.allocator;

import static org.assertj.core.api.Assertions.assertThat;

import dev.heapwalk.heap.BlockLookup;
import dev.heapwalk.testkit.Ledger;
import java.io.IOException;
import java.util.Map;
import java.util.function.LongPredicate;

/**
 * Harms a heap whose spans have structures for themselves: damage costs the span that it hits.
 *
 * @param <H> the heap
 */
public abstract class HarmedSpans<H extends LocatedHeap<H>> extends HarmedHeap<H, HarmedSpans.Place> {
    private static final long SMALL = 64;

    /** Blocks of more than so many bytes have a span for themselves. */
    private final long large;

    /** A block that the program holds, in the span that it lies in. */
    public record Place(long block, long structure, long start, long end) {}

    /** What a walk over a harmed heap finds: used blocks with their usable sizes, and how much damage there is. */
    public record Found(Map<Long, Long> used, int damages) {}

    protected HarmedSpans(long large) {
        this.large = large;
    }

    /** Walks over a heap that may be damaged. */
    protected abstract Found walk(H heap);

    /** The spans of a heap. */
    protected abstract Spans table(H heap);

    @Override
    protected final void checkHarmed(String what, H heap, Place place, Poke poke) {
        Found found = walk(heap);
        assertThat(found.damages).as(what).isPositive();
        checkOthers(what, found.used, place);
        checkFreed(what, found.used.keySet(), place, poke.hidden());
    }

    @Override
    protected final boolean holds(Place place, long address) {
        return address >= place.start && address < place.end;
    }

    /** A span, by its index. */
    protected final Place span(H heap, int index) {
        Spans table = table(heap);
        return new Place(table.starts[index], table.structures[index], table.starts[index], table.end(index));
    }

    private Place place(H heap, LongPredicate size) {
        try (BlockLookup block = heap.lookup()) {
            for (Ledger.Block one : ledger.live()) {
                if (block.find(one.address()) && size.test(block.usableSize())) {
                    Place span = span(heap, table(heap).at(one.address()));
                    return new Place(one.address(), span.structure, span.start, span.end);
                }
            }
        }
        throw new AssertionError("there is no such block");
    }

    /** Harms a word of a span, or for it: one that has small blocks, or one large block. */
    protected final void harm(String what, Choice<H, Place> choice, boolean small) throws IOException {
        harm(what, choice, heap -> place(heap, small ? size -> size == SMALL : size -> size > large));
    }

    /** Another bit in the structure of a span. */
    protected final Choice<H, Place> flip(long field, int bit) {
        return (heap, place) -> flip(heap, place.structure + field, bit);
    }
}
