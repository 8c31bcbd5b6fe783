// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli;

import dev.heapwalk.malloc.Arena;
import dev.heapwalk.malloc.ChunkState;
import dev.heapwalk.malloc.MallocHeap;
import dev.heapwalk.malloc.usage.UsageCursor;
import dev.heapwalk.memory.Target;
import java.util.EnumSet;
import java.util.List;
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
    Report read(Target opened, Problems problems, Progress progress) {
        MallocHeap heap = HeapCommand.locate(opened, problems);
        List<Arena> arenas = heap.arenas();
        if (index < 0 || index >= arenas.size()) {
            throw wrong("there is no arena " + index + ": "
                    + (arenas.isEmpty() ? "the target has none" : "the target has 0 to " + (arenas.size() - 1)));
        }
        UsageCursor chunks = UsageCursor.over(heap, heap.chunks(arenas.get(index)));
        Listing listing = Listing.of(chunks, EnumSet.allOf(ChunkState.class), problems, progress);
        problems.add(heap.corruptions());
        return listing;
    }
}
