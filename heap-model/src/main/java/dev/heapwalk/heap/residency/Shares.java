// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.heap.residency;

import dev.heapwalk.memory.Proportions;
import dev.heapwalk.memory.Range;
import dev.heapwalk.memory.Ranges;
import dev.heapwalk.memory.Residency;
import java.util.List;
import java.util.Optional;

/**
 * Which part of a page falls to the process where others have it too. The kernel tells it by mapping: it is the same for
 * all such pages of one.
 */
final class Shares {
    private final Ranges mappings;
    private final double[] shares;

    private Shares(Ranges mappings, double[] shares) {
        this.mappings = mappings;
        this.shares = shares;
    }

    static Shares of(Optional<Proportions> told, Residency residency) {
        List<Proportions.Part> parts = told.map(Proportions::parts).orElse(List.of()).stream()
                .filter(part -> part.range().start() >= 0)
                .toList();
        double[] shares = new double[parts.size()];
        long exclusive = 0;
        double divided = 0;
        for (int i = 0; i < shares.length; i++) {
            Range range = parts.get(i).range();
            long own = residency.bytes(
                    range.start(), range.end(), Residency.PRESENT | Residency.EXCLUSIVE, Residency.ZERO);
            long others = residency.bytes(
                    range.start(), range.end(), Residency.PRESENT, Residency.ZERO | Residency.EXCLUSIVE);
            double rest = Math.max(0, parts.get(i).bytes() - own);
            shares[i] = others == 0 ? 0 : Math.min(1, rest / others);
            exclusive += own;
            divided += shares[i] * others;
        }
        // What was rounded in each mapping is in the sum of all.
        double mend = divided == 0 ? 1 : Math.max(0, (told.orElseThrow().all() - exclusive) / divided);
        for (int i = 0; i < shares.length; i++) {
            shares[i] *= mend;
        }
        return new Shares(
                Ranges.exactly(
                        parts.stream().mapToLong(part -> part.range().start()).toArray(),
                        parts.stream().mapToLong(part -> part.range().end()).toArray()),
                shares);
    }

    /** That of the mapping that an address lies in; 0 where it is not known. */
    double at(long address) {
        int mapping = mappings.at(address);
        return mapping < 0 ? 0 : shares[mapping];
    }
}
