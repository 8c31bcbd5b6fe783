// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli.command;

import dev.heapwalk.cli.output.Problems;
import dev.heapwalk.cli.output.Progress;
import dev.heapwalk.cli.output.Report;
import dev.heapwalk.cli.output.SomeRows;
import dev.heapwalk.heap.Heaps;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

/** {@code heapwalk tcache}: what each thread's cache holds. */
@Command(name = "tcache", description = "List the cache of free chunks that each thread has, by size.")
final class Tcache extends HeapCommand {
    @Mixin
    private MinSize minSize;

    @Override
    void check() {
        super.check();
        minSize.check(this);
    }

    @Override
    Report read(Heaps heaps, Problems problems, Progress progress) {
        return tables(
                heaps,
                problems,
                "caches",
                heap -> new SomeRows(heap.caches(), "chunk_size", minSize::takes, minSize.takes(0)));
    }
}
