// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli;

import dev.heapwalk.malloc.ChunkState;
import dev.heapwalk.malloc.MallocHeap;
import dev.heapwalk.malloc.usage.UsageCursor;
import java.util.EnumSet;
import java.util.Set;
import picocli.CommandLine.Command;

/** {@code heapwalk free}: the chunks that malloc may hand out again. */
@Command(name = "free", description = "List every free chunk, be it in a bin, a fastbin or a thread's cache.")
final class Free extends HeapCommand {
    private static final Set<ChunkState> STATES = EnumSet.of(ChunkState.FREE, ChunkState.FASTBIN, ChunkState.TCACHE);

    @Override
    Report read(MallocHeap heap, Problems problems, Progress progress) {
        return Listing.of(UsageCursor.over(heap), STATES, problems, progress);
    }
}
