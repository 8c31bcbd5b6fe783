// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli;

import dev.heapwalk.malloc.ChunkState;
import dev.heapwalk.malloc.MallocHeap;
import dev.heapwalk.malloc.usage.UsageCursor;
import java.util.EnumSet;
import java.util.Set;
import picocli.CommandLine.Command;

/** {@code heapwalk used}: the chunks that the program has. */
@Command(name = "used", description = "List every used chunk: what malloc returned, its size, and what it is used for.")
final class Used extends HeapCommand {
    private static final Set<ChunkState> STATES = EnumSet.of(ChunkState.USED);

    @Override
    boolean needsMmapped() {
        return true;
    }

    @Override
    Report read(MallocHeap heap, Problems problems, Progress progress) {
        return Listing.of(UsageCursor.over(heap), STATES, problems, progress);
    }
}
