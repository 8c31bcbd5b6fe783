// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli;

import dev.heapwalk.malloc.ChunkState;
import dev.heapwalk.malloc.MallocHeap;
import dev.heapwalk.malloc.usage.UsageCursor;
import java.util.EnumSet;
import java.util.Set;
import picocli.CommandLine.Command;

/** {@code heapwalk all}: every chunk. */
@Command(name = "all", description = "List every chunk, used or not.")
final class All extends HeapCommand {
    private static final Set<ChunkState> STATES = EnumSet.allOf(ChunkState.class);

    @Override
    boolean needsMmapped() {
        return true;
    }

    @Override
    Report read(MallocHeap heap, Problems problems, Progress progress) {
        return Listing.of(UsageCursor.over(heap), STATES, problems, progress);
    }
}
