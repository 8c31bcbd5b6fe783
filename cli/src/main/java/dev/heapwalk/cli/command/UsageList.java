// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli.command;

import dev.heapwalk.cli.output.Problems;
import dev.heapwalk.cli.output.Progress;
import dev.heapwalk.cli.output.Report;
import dev.heapwalk.heap.BlockState;
import dev.heapwalk.heap.Heaps;
import dev.heapwalk.heap.usage.UsageCursor;
import java.util.Set;

/** A list of blocks in some states, each with what it is used for. */
abstract class UsageList extends HeapCommand {
    private final Set<BlockState> states;

    UsageList(Set<BlockState> states) {
        this.states = states;
    }

    @Override
    final Scope scope() {
        return Scope.ALL;
    }

    @Override
    final Report read(Heaps heaps, Problems problems, Progress progress) {
        return new Listing(states).add(UsageCursor.over(heaps), problems, progress);
    }
}
