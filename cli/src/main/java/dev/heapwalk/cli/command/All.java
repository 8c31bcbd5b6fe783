// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli.command;

import dev.heapwalk.cli.output.Problems;
import dev.heapwalk.cli.output.Progress;
import dev.heapwalk.cli.output.Report;
import dev.heapwalk.heap.BlockState;
import dev.heapwalk.heap.Heaps;
import dev.heapwalk.heap.usage.UsageCursor;
import java.util.EnumSet;
import java.util.Set;
import picocli.CommandLine.Command;

/** {@code heapwalk all}: every chunk. */
@Command(name = "all", description = "List every chunk, used or not.")
final class All extends HeapCommand {
    private static final Set<BlockState> STATES = EnumSet.allOf(BlockState.class);

    @Override
    Scope scope() {
        return Scope.ALL;
    }

    @Override
    Report read(Heaps heaps, Problems problems, Progress progress) {
        return new Listing(STATES).add(UsageCursor.over(heaps), problems, progress);
    }
}
