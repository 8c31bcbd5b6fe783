// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli.command;

import dev.heapwalk.cli.output.Problems;
import dev.heapwalk.cli.output.Progress;
import dev.heapwalk.cli.output.Report;
import dev.heapwalk.graph.GraphOptions;
import dev.heapwalk.graph.HeapGraph;
import dev.heapwalk.graph.root.NativeRoots;
import dev.heapwalk.heap.Heaps;
import java.util.List;
import picocli.CommandLine.Mixin;

/** A command that asks who holds whom, over all heaps of a target. */
abstract class GraphCommand extends HeapCommand {
    @Mixin
    private Redaction redaction;

    @Override
    final Scope scope() {
        return Scope.ALL;
    }

    @Override
    final Report read(Heaps heaps, Problems problems, Progress progress) {
        try (NativeRoots roots = NativeRoots.of(heaps);
                HeapGraph graph = HeapGraph.of(heaps, List.of(roots), GraphOptions.DEFAULT, () -> progress.at(0, 0));
                GraphNodes nodes = new GraphNodes(heaps, graph, redaction.told())) {
            Report answer = answer(heaps, nodes, problems, progress);
            graph.missing().forEach(problems::missing);
            return answer;
        }
    }

    /**
     * Answers.
     *
     * @param heaps the heaps that the graph is of
     * @param nodes the graph, which is closed before the answer is printed
     * @param problems takes what is missing
     * @param progress is told that the work goes on
     * @return the answer, which needs the graph no more
     */
    abstract Report answer(Heaps heaps, GraphNodes nodes, Problems problems, Progress progress);
}
