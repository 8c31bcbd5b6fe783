// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli.command;

import dev.heapwalk.cli.output.Problems;
import dev.heapwalk.cli.output.Progress;
import dev.heapwalk.cli.output.Report;
import dev.heapwalk.heap.BlockState;
import dev.heapwalk.heap.Column;
import dev.heapwalk.heap.Heap;
import dev.heapwalk.heap.Heaps;
import java.util.EnumSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

/** {@code heapwalk free}: the chunks that malloc may hand out again. */
@Command(name = "free", description = "List every free chunk: those in bins, in fastbins and in the caches of threads.")
final class Free extends HeapCommand {
    private static final Set<BlockState> STATES = EnumSet.of(BlockState.FREE, BlockState.CACHED);

    @Mixin
    private BlockFilter filter;

    @Override
    List<Column> sortable() {
        return Listing.COLUMNS;
    }

    @Override
    Optional<String> largest() {
        return Optional.of("size");
    }

    @Override
    void check() {
        super.check();
        filter.check(this);
    }

    @Override
    boolean printsMeanwhile() {
        return order(Listing.COLUMNS).isEmpty();
    }

    @Override
    Report read(Heaps heaps, Problems problems, Progress progress) {
        Optional<List<ArenaPart>> parts = filter.parts(heaps, this);
        Listing listing = listing(STATES, filter, heaps.target());
        if (parts.isPresent()) {
            parts.get().forEach(part -> listing.add(part.heap(), part.blocks(), problems, progress));
            return listing;
        }
        for (Heap heap : heaps.list()) {
            listing.add(heap, heap.blocks(), problems, progress);
        }
        return listing;
    }
}
