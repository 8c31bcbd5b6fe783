// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli.command;

import dev.heapwalk.cli.output.Problems;
import dev.heapwalk.cli.output.Progress;
import dev.heapwalk.cli.output.Report;
import dev.heapwalk.cli.output.SomeRows;
import dev.heapwalk.heap.Heaps;
import dev.heapwalk.heap.Table;
import java.util.List;
import java.util.Optional;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

/** {@code heapwalk bins}: what the lists of free blocks hold. */
@Command(
        name = "bins",
        description = "List the bins of each arena: its lists of free chunks, those that are not empty.")
final class Bins extends HeapCommand {
    @Mixin
    private BlockFilter filter;

    @Override
    void check() {
        super.check();
        filter.check(this);
    }

    @Override
    Report read(Heaps heaps, Problems problems, Progress progress) {
        Optional<List<ArenaPart>> parts = filter.parts(heaps, this);
        // What is wrong with chunks is wrong with what the bins hold, too.
        heaps.list().forEach(heap -> walk(heap, problems, progress));
        return tables(heaps, problems, "bins", heap -> {
            Table large = new SomeRows(heap.freeLists(), "max_size", filter::takes, true);
            return parts.isEmpty()
                    ? large
                    : new SomeRows(
                            large,
                            "arena",
                            arena -> parts.get().stream().anyMatch(part -> part.index() >= 0 && arena == part.number()),
                            false);
        });
    }
}
