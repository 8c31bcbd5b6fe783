// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli;

import dev.heapwalk.malloc.MallocHeap;
import dev.heapwalk.memory.Target;
import picocli.CommandLine.Parameters;

/** A command about malloc's heap that needs no more than a target. */
abstract class HeapCommand extends TargetCommand {
    @Parameters(paramLabel = "TARGET", description = "A process id, a core file, or demo.")
    private String target;

    @Override
    final String target() {
        return target;
    }

    @Override
    final Report read(Target opened, Problems problems, Progress progress) {
        MallocHeap heap = locate(opened, problems);
        Report report = read(heap, problems, progress);
        problems.add(heap.corruptions());
        compare(heap.mmapped(), problems);
        return report;
    }

    abstract Report read(MallocHeap heap, Problems problems, Progress progress);
}
