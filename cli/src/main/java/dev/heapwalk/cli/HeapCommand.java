// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli;

import dev.heapwalk.malloc.MallocHeap;
import dev.heapwalk.malloc.MmappedChunks;
import dev.heapwalk.memory.Target;
import java.util.Optional;
import picocli.CommandLine.Parameters;

/** A command about malloc's heap that needs no more than a target. */
abstract class HeapCommand extends ReportCommand {
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
        if (needsMmapped()) {
            unconfirmed(heap.mmapped()).ifPresent(problems::missing);
        }
        return report;
    }

    /** Finds the heap, and says so if the target has others beside it. */
    static MallocHeap locate(Target target, Problems problems) {
        MallocHeap heap = MallocHeap.locate(target);
        problems.notices(heap.otherAllocators().stream()
                .map(other -> "%s also has %s; only what glibc's malloc holds is listed"
                        .formatted(target.description(), other))
                .toList());
        return heap;
    }

    /** Whether the answer has the chunks in it that malloc mapped on their own. */
    boolean needsMmapped() {
        return false;
    }

    /**
     * What malloc says itself that is missing: the chunks that it mapped on their own are looked for among all
     * mappings, and nothing else tells that one of them was not in a core.
     */
    static Optional<String> unconfirmed(MmappedChunks mmapped) {
        if (mmapped.confidence() != MmappedChunks.Confidence.UNCONFIRMED) {
            return Optional.empty();
        }
        return Optional.of(
                mmapped.expectedCount() >= 0
                        ? "mmapped chunks: malloc counts %,d with %,d bytes, found %,d with %,d bytes"
                                .formatted(
                                        mmapped.expectedCount(),
                                        mmapped.expectedBytes(),
                                        mmapped.count(),
                                        mmapped.bytes())
                        : "mmapped chunks: malloc's own count of them was not found, so nothing confirms the %,d found"
                                .formatted(mmapped.count()));
    }

    abstract Report read(MallocHeap heap, Problems problems, Progress progress);
}
