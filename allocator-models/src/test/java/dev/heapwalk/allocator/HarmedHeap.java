// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.allocator;

import static org.assertj.core.api.Assertions.assertThat;

import dev.heapwalk.heap.Heap;
import dev.heapwalk.memory.Target;
import dev.heapwalk.testkit.Ledger;
import dev.heapwalk.testkit.LedgerProcess;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterEach;

/**
 * Harms the heap of a program that keeps a ledger, word by word: damage is told, and costs the place that it hits, but
 * no other block.
 *
 * @param <H> the heap
 * @param <P> a place of it, such as a page
 */
public abstract class HarmedHeap<H extends Heap, P> {
    protected LedgerProcess process;
    protected Ledger ledger;

    /** A word in the process, what to put there, and the free blocks that nothing else tells of. */
    public record Poke(long address, long value, Set<Long> hidden) {
        public Poke(long address, long value) {
            this(address, value, Set.of());
        }
    }

    /** Finds a word of a sound heap, in or for a place. */
    protected interface Choice<H, P> {
        Poke of(H heap, P place) throws IOException;
    }

    /** Finds a place in a sound heap. */
    protected interface Hit<H, P> {
        P in(H heap) throws IOException;
    }

    protected final void start(LedgerProcess.Launch launch) throws IOException {
        process = launch.option("threads", 4).start();
        ledger = process.ledger();
    }

    @AfterEach
    public final void end() {
        process.close();
    }

    protected abstract H locate(Target target);

    /** All is well, and as in the ledger. */
    protected abstract void checkSound(H heap);

    /** Damage is told, and all but what was hit is as in the ledger. */
    protected abstract void checkHarmed(String what, H heap, P place, Poke poke);

    /** Whether an address is part of what was hit. */
    protected abstract boolean holds(P place, long address);

    /** Harms a word, looks, and puts it right again. What lies in the place that it hits may be missing. */
    protected final void harm(String what, Choice<H, P> choice, Hit<H, P> hit) throws IOException {
        Poke poke;
        P place;
        long before;
        try (Target target = Target.attach(process.pid())) {
            H heap = locate(target);
            checkSound(heap);
            place = hit.in(heap);
            poke = choice.of(heap, place);
            before = target.memory().readLong(poke.address);
        }
        process.poke(poke.address, poke.value);
        try (Target target = Target.attach(process.pid())) {
            checkHarmed(what, locate(target), place, poke);
        } finally {
            process.poke(poke.address, before);
        }
        process.check();
    }

    /** A word with a bit that is another one. */
    protected final Poke flip(H heap, long address, int bit) {
        return new Poke(address, heap.target().memory().readLong(address) ^ 1L << bit);
    }

    /** All but what was hit are used with their usable sizes. */
    protected final void checkOthers(String what, Map<Long, Long> used, P place) {
        Map<Long, Long> others = ledger.live().stream()
                .filter(block -> !holds(place, block.address()))
                .collect(Collectors.toMap(Ledger.Block::address, Ledger.Block::usable));
        assertThat(used).as(what).containsAllEntriesOf(others);
    }

    /** What was freed is not used, but for what was hit. */
    protected final void checkFreed(String what, Set<Long> used, P place, Set<Long> hidden) {
        Set<Long> ofThreads = LedgerBlocks.ofThreads(ledger);
        List<Long> freed = new ArrayList<>();
        for (long address : ledger.freed()) {
            if (used.contains(address)
                    && !holds(place, address)
                    && !hidden.contains(address)
                    && !ofThreads.contains(address)) {
                freed.add(address);
            }
        }
        assertThat(freed).as(what).isEmpty();
    }
}
