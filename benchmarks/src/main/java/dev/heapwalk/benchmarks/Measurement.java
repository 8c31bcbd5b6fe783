// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.benchmarks;

import com.fasterxml.jackson.annotation.JsonInclude;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * What came of measuring a subject in turns. In each JVM a figure is the median of all turns; of several JVMs it is the
 * median of theirs.
 *
 * @param jvms how many JVMs it was measured in
 * @param turns how many there were in a JVM
 * @param steps how many an operation of Heapwalk's takes; 0 if it is not made of steps
 * @param ways by name, the medians
 * @param ratios medians of Heapwalk's figure over that of a floor in the same turn, by the floor's name and {@code cpu}
 *     or {@code wall}
 * @param best by the same names, the least CPU time of Heapwalk's turns over the least of the floor's: what others on
 *     the machine do has little part in it; empty in what several JVMs measured
 */
record Measurement(
        int jvms,
        int turns,
        @JsonInclude(JsonInclude.Include.NON_DEFAULT) long steps,
        Map<String, Figures> ways,
        Map<String, Double> ratios,
        @JsonInclude(JsonInclude.Include.NON_EMPTY) Map<String, Double> best) {

    Measurement {
        best = best == null ? Map.of() : best;
    }

    /**
     * Those of one way, for one operation.
     *
     * @param wallMs milliseconds by the clock
     * @param cpuMs milliseconds of the thread and of those that read ahead for it
     * @param allocated bytes that all threads allocated in the Java heap, the least of some operations in a row
     * @param written what it writes; null if it writes nothing
     */
    record Figures(double wallMs, double cpuMs, double allocated, Written written) {}

    /** Each figure as the median of those of several JVMs, which have measured the same. */
    static Measurement median(List<Measurement> all) {
        Measurement any = all.getFirst();
        Map<String, Figures> ways = new LinkedHashMap<>();
        for (String name : any.ways.keySet()) {
            List<Figures> figures =
                    all.stream().map(each -> each.ways.get(name)).toList();
            ways.put(
                    name,
                    new Figures(
                            Medians.of(figures.stream().map(Figures::wallMs).toList()),
                            Medians.of(figures.stream().map(Figures::cpuMs).toList()),
                            Medians.of(figures.stream().map(Figures::allocated).toList()),
                            figures.getFirst().written()));
        }
        Map<String, Double> ratios = new LinkedHashMap<>();
        for (String name : any.ratios.keySet()) {
            ratios.put(
                    name,
                    Medians.of(all.stream().map(each -> each.ratios.get(name)).toList()));
        }
        double turns = Medians.of(all.stream().map(each -> (double) each.turns).toList());
        return new Measurement(all.size(), (int) turns, any.steps, ways, ratios, Map.of());
    }

    /** What Heapwalk allocates for each step; NaN if it takes none. */
    double allocatedPerStep() {
        return steps == 0 ? Double.NaN : ways.get(Way.JAVA).allocated() / steps;
    }
}
