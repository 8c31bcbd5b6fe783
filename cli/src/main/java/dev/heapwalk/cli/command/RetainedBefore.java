// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli.command;

import dev.heapwalk.cli.output.Problems;
import dev.heapwalk.graph.BlockIndex;
import dev.heapwalk.graph.Dominators;
import dev.heapwalk.graph.GraphOptions;
import dev.heapwalk.graph.HeapGraph;
import dev.heapwalk.graph.root.NativeRoots;
import dev.heapwalk.heap.Heaps;
import dev.heapwalk.memory.Target;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * What each block and each kind of roots retained in a core of an earlier time. A block is the same one later if it is
 * at that address with that size, since no allocator moves blocks.
 */
final class RetainedBefore {
    private final long[] addresses;
    private final long[] sizes;
    private final long[] retained;
    private final Map<String, Long> groups = new HashMap<>();
    private final long all;

    private RetainedBefore(HeapGraph graph) {
        BlockIndex blocks = graph.blocks();
        Dominators dominators = graph.dominators();
        addresses = new long[blocks.count()];
        sizes = new long[addresses.length];
        retained = new long[addresses.length];
        for (int node = 0; node < addresses.length; node++) {
            addresses[node] = blocks.address(node);
            sizes[node] = graph.size(node);
            retained[node] = dominators.retained(node);
        }
        for (int i = 0; i < graph.groups().size(); i++) {
            groups.put(graph.groups().get(i).label(), dominators.retained(addresses.length + i));
        }
        all = dominators.retained(graph.root());
    }

    /** Reads a core. */
    static RetainedBefore of(Path file, Problems problems) {
        try (Target core = new Subject.Core(file).open()) {
            Heaps heaps = Heaps.of(core);
            try (NativeRoots roots = NativeRoots.of(heaps);
                    HeapGraph graph = HeapGraph.of(heaps, List.of(roots), GraphOptions.DEFAULT)) {
                RetainedBefore read = new RetainedBefore(graph);
                problems.notices(core.notices());
                return read;
            }
        }
    }

    /** What a node of a later graph retained then, in bytes; 0 for one that was not there. */
    long of(HeapGraph graph, int node) {
        if (node == graph.root()) {
            return all;
        }
        if (!graph.isBlock(node)) {
            return groups.getOrDefault(graph.group(node).label(), 0L);
        }
        int found = Arrays.binarySearch(addresses, graph.blocks().address(node));
        return found >= 0 && sizes[found] == graph.size(node) ? retained[found] : 0;
    }
}
