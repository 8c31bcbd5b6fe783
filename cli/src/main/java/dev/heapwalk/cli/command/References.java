// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli.command;

import dev.heapwalk.cli.output.Problems;
import dev.heapwalk.cli.output.Progress;
import dev.heapwalk.cli.output.Report;
import dev.heapwalk.heap.Column;
import dev.heapwalk.heap.Heaps;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

/** {@code heapwalk references}: what a block refers to. */
@Command(
        name = "references",
        description = "List what a chunk or an object refers to, by the names of its fields where they are known.")
final class References extends GraphCommand {
    @Parameters(index = "1", paramLabel = "ADDRESS", description = "An address of the chunk or object, or within it.")
    private String address;

    @Override
    List<Column> sortable() {
        return GraphRows.REFERENCES;
    }

    @Override
    Optional<String> largest() {
        return Optional.of("size");
    }

    @Override
    void check() {
        super.check();
        GraphRows.address(address, this);
    }

    @Override
    Report answer(Heaps heaps, GraphNodes nodes, Problems problems, Progress progress) {
        int node = nodes.at(GraphRows.address(address, this), this);
        List<GraphRows.Reference> found = new ArrayList<>();
        nodes.graph().references(node, (other, kind, label) -> {
            StringBuilder name = new StringBuilder();
            label.appendTo(name);
            found.add(new GraphRows.Reference(name.toString(), kind, other));
        });
        return GraphRows.references(found, nodes);
    }
}
