// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli.command;

import dev.heapwalk.cli.output.Problems;
import dev.heapwalk.cli.output.Progress;
import dev.heapwalk.cli.output.Report;
import dev.heapwalk.heap.BlockState;
import dev.heapwalk.heap.Heap;
import dev.heapwalk.heap.Heaps;
import dev.heapwalk.heap.usage.UsageCursor;
import dev.heapwalk.memory.Target;
import java.util.EnumSet;
import java.util.Optional;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

/** {@code heapwalk arena}: every chunk of one arena. */
@Command(name = "arena", description = "List every chunk of one arena, used or not.")
final class OneArena extends ReportCommand {
    @Parameters(index = "0", paramLabel = "N", description = "The arena's index, as 'heapwalk arenas' shows it.")
    private int index;

    @Parameters(index = "1", paramLabel = "TARGET", description = "A process id, a core file, or demo.")
    private String target;

    @Override
    String target() {
        return target;
    }

    @Override
    Optional<HeapCommand.Scope> located() {
        return Optional.of(HeapCommand.Scope.ALL);
    }

    @Override
    Report read(Target opened, Problems problems, Progress progress) {
        Heaps heaps = heaps(opened);
        problems.notices(heaps.allocators().notices());
        Heap heap = heaps.allocators().list().getFirst();
        int count = RegionTable.count(heap.regions());
        if (index < 0 || index >= count) {
            throw wrong("there is no arena " + index + ": "
                    + (count == 0 ? "the target has none" : "the target has 0 to " + (count - 1)));
        }
        UsageCursor blocks = UsageCursor.over(heaps, heap.blocks(index));
        Listing listing = new Listing(EnumSet.allOf(BlockState.class)).add(heap, blocks, problems, progress);
        problems.add(heap, heap.damage());
        return listing;
    }
}
