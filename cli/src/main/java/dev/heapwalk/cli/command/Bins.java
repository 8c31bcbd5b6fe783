// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli.command;

import dev.heapwalk.cli.output.Problems;
import dev.heapwalk.cli.output.Progress;
import dev.heapwalk.cli.output.Report;
import dev.heapwalk.heap.Column;
import dev.heapwalk.heap.Heap;
import dev.heapwalk.heap.Heaps;
import java.util.List;
import java.util.Optional;
import picocli.CommandLine.Command;

/** {@code heapwalk bins}: what the lists of free blocks hold. */
@Command(
        name = "bins",
        description = "List the bins of each arena: its lists of free chunks, those that are not empty.")
final class Bins extends HeapCommand {
    @Override
    List<Column> sortable() {
        // The heap names them.
        return List.of();
    }

    @Override
    Optional<String> largest() {
        return Optional.of("bytes");
    }

    @Override
    Report read(Heaps heaps, Problems problems, Progress progress) {
        return tables(heaps, problems, "bins", Heap::freeLists);
    }
}
