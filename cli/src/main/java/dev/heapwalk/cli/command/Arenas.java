// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli.command;

import dev.heapwalk.cli.output.Failure;
import dev.heapwalk.cli.output.Format;
import dev.heapwalk.cli.output.Output;
import dev.heapwalk.cli.output.Problems;
import dev.heapwalk.cli.output.Progress;
import dev.heapwalk.cli.output.Report;
import dev.heapwalk.heap.Evidence;
import dev.heapwalk.heap.Heap;
import dev.heapwalk.heap.Heaps;
import dev.heapwalk.heap.Table;
import dev.heapwalk.text.SafeText;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code heapwalk arenas}: what the allocator's regions hold. */
@Command(name = "arenas", description = "List the arenas: how much is used and free in each, and which threads use it.")
final class Arenas extends HeapCommand {
    @Option(
            names = "--explain",
            description = "Say first what each conclusion about the heap rests on: before the table, "
                    + "or on standard error in the other formats.")
    private boolean explain;

    private final List<String> explanation = new ArrayList<>();

    @Option(
            names = "--arena",
            paramLabel = "ARENA",
            description = "Only one arena: its index or its address; or mmapped, for the chunks that lie in none.")
    private String arena;

    @Override
    Optional<String> largest() {
        return Optional.of("used_bytes");
    }

    @Override
    void check() {
        super.check();
        if (arena != null && !ArenaPart.isName(arena)) {
            throw wrong(ArenaPart.refusal("--arena", arena));
        }
    }

    @Override
    boolean explains() {
        return explain;
    }

    @Override
    Report read(Heaps heaps, Problems problems, Progress progress) {
        explanation.clear();
        Report report = arena == null
                ? tables(heaps, problems, "regions", heap -> RegionTable.of(heap, problems, progress))
                : joined(ArenaPart.of(arena, heaps, this).stream()
                        .<Table>map(part -> RegionTable.of(part, problems, progress))
                        .toList());
        if (explain) {
            heaps.list().forEach(this::explain);
        }
        return report;
    }

    private void explain(Heap heap) {
        for (Evidence evidence : heap.evidence()) {
            explanation.add(evidence.subject() + ": " + evidence.conclusion() + " (" + evidence.basis() + ")");
        }
    }

    @Override
    void preface(Format chosen, Output out) {
        for (String line : explanation) {
            if (chosen == Format.TABLE) {
                out.utf8(SafeText.of(line));
                out.put('\n');
            } else {
                Failure.say(line);
            }
        }
        if (chosen == Format.TABLE && !explanation.isEmpty()) {
            out.put('\n');
        }
    }
}
