// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli.command;

import dev.heapwalk.cli.output.Problems;
import dev.heapwalk.cli.output.Progress;
import dev.heapwalk.cli.output.Report;
import dev.heapwalk.heap.BlockState;
import dev.heapwalk.heap.Column;
import dev.heapwalk.heap.Heaps;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import picocli.CommandLine.Mixin;

/** A list of blocks in some states, each with what it is used for. */
abstract class UsageList extends HeapCommand {
    private final Set<BlockState> states;

    @Mixin
    private BlockFilter filter;

    UsageList(Set<BlockState> states) {
        this.states = states;
    }

    @Override
    final Scope scope() {
        return Scope.ALL;
    }

    @Override
    final List<Column> sortable() {
        return Listing.COLUMNS;
    }

    @Override
    final Optional<String> largest() {
        return Optional.of("size");
    }

    @Override
    final void check() {
        super.check();
        filter.check(this);
    }

    @Override
    final boolean printsMeanwhile() {
        return order(Listing.COLUMNS).isEmpty();
    }

    @Override
    final Report read(Heaps heaps, Problems problems, Progress progress) {
        Optional<List<ArenaPart>> parts = filter.parts(heaps, this);
        Listing listing = listing(states, filter, heaps.target());
        if (parts.isEmpty()) {
            return listing.add(categorizers.over(heaps), problems, progress);
        }
        parts.get().forEach(part -> listing.add(part.heap(), categorizers.over(heaps, part), problems, progress));
        return listing;
    }
}
