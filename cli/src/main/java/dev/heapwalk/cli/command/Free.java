// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli.command;

import dev.heapwalk.cli.output.Problems;
import dev.heapwalk.cli.output.Progress;
import dev.heapwalk.cli.output.Report;
import dev.heapwalk.heap.BlockState;
import dev.heapwalk.heap.Heap;
import dev.heapwalk.heap.Heaps;
import java.util.EnumSet;
import java.util.Set;
import picocli.CommandLine.Command;

/** {@code heapwalk free}: the chunks that malloc may hand out again. */
@Command(name = "free", description = "List every free chunk: those in bins, in fastbins and in the caches of threads.")
final class Free extends HeapCommand {
    private static final Set<BlockState> STATES = EnumSet.of(BlockState.FREE, BlockState.CACHED);

    @Override
    Report read(Heaps heaps, Problems problems, Progress progress) {
        Listing listing = new Listing(STATES);
        for (Heap heap : heaps.list()) {
            listing.add(heap, heap.blocks(), problems, progress);
        }
        return listing;
    }
}
