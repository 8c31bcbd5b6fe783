// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli.command;

import dev.heapwalk.cli.output.Progress;
import dev.heapwalk.heap.Heaps;
import dev.heapwalk.heap.dump.DumpOutput;
import dev.heapwalk.heap.dump.DumpSummary;
import dev.heapwalk.python.PythonRuntime;
import dev.heapwalk.python.dump.HeapDump;
import java.util.Locale;
import picocli.CommandLine.Command;

/** {@code heapwalk python dump}: every object, a line each. */
@Command(name = "dump", description = "Write every object with its contents and references, one JSON object a line.")
final class PythonDump extends DumpCommand<PythonRuntime> {
    private final PythonLooks looks =
            new PythonLooks(this, PythonLooks.Need.REST, runtime -> tryOut(runtime.target(), runtime));

    @Override
    RuntimeLooks<PythonRuntime> looks() {
        return looks;
    }

    @Override
    boolean cutsText() {
        return true;
    }

    @Override
    DumpSummary write(PythonRuntime runtime, DumpOutput out, Progress progress) {
        long bytes = (long) runtime.arenas().size() * runtime.arenaSize();
        return HeapDump.of(runtime, Heaps.of(runtime.target()))
                .atMost(limit())
                .telling(told())
                .write(out, (done, total) -> progress.at((long) ((double) bytes / Math.max(1, total) * done), bytes));
    }

    @Override
    String part(DumpSummary written) {
        return String.format(
                Locale.ROOT, "%,d objects were written, and at least %,d are left", written.objects(), written.left());
    }
}
