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

/** {@code heapwalk used}: the chunks that the program has. */
@Command(name = "used", description = "List every used chunk: what malloc returned, its size, and what it is used for.")
final class Used extends HeapCommand {
    private static final Set<BlockState> STATES = EnumSet.of(BlockState.USED);

    @Override
    Scope scope() {
        return Scope.ALL;
    }

    @Override
    Report read(Heaps heaps, Problems problems, Progress progress) {
        return new Listing(STATES).add(UsageCursor.over(heaps), problems, progress);
    }
}
