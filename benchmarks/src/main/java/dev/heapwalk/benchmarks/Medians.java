// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.benchmarks;

import java.util.Arrays;
import java.util.Collection;

/** The middle of several figures, which a few bad ones don't move. */
final class Medians {
    private Medians() {}

    /** The middle one, or half the sum of the two in the middle. */
    static double of(double... values) {
        double[] sorted = values.clone();
        Arrays.sort(sorted);
        int middle = sorted.length / 2;
        return sorted.length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
    }

    /** The same. */
    static double of(Collection<Double> values) {
        return of(values.stream().mapToDouble(Double::doubleValue).toArray());
    }
}
