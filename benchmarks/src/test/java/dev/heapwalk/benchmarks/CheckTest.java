// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.benchmarks;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class CheckTest {
    private static final Results.Circumstances LOADED = new Results.Circumstances("machine", "commit", "2026-01-01", 9);

    private final Results accepted = Results.none();

    private static Subject<Subject.Ready> walk() {
        return Subject.<Subject.Ready>of("Walk/any", Suite.Set.SHORT, () -> () -> {})
                .way(Way.JAVA, on -> 0)
                .way(Way.C, on -> 0);
    }

    private static Measurement measurement(double ratio, double best, double allocated) {
        Map<String, Measurement.Figures> ways = new LinkedHashMap<>();
        ways.put(Way.JAVA, new Measurement.Figures(10 * ratio, 10 * ratio, allocated, null));
        ways.put(Way.C, new Measurement.Figures(10, 10, 0, null));
        return new Measurement(1, 9, 1000, ways, Map.of("c cpu", ratio, "c wall", ratio), Map.of("c cpu", best));
    }

    private List<String> check(Suite.Set set, Subject<?> subject, Measurement measurement) {
        return new Check(set, accepted).of(subject, new Results.Result(measurement, LOADED));
    }

    @Test
    void aShortRunHoldsTheBestTurnsAgainstAWideLimit() {
        accept(measurement(1, 1, 0));
        assertThat(check(Suite.Set.SHORT, walk(), measurement(7, 2.9, 0))).isEmpty();
        assertThat(check(Suite.Set.SHORT, walk(), measurement(7, 3.1, 0)))
                .containsExactly("Walk/any takes 3.10 times the CPU time of C at best, more than 3");
        assertThat(check(Suite.Set.SHORT, walk(), measurement(1, 1, 40))).containsExactly("Walk/any allocates 40 B/op");
    }

    @Test
    void aLongerRunHoldsCpuTimeAgainstWhatWasAccepted() {
        accept(measurement(1, 1, 0));
        assertThat(check(Suite.Set.QUICK, walk(), measurement(1.09, 1, 0))).isEmpty();
        assertThat(check(Suite.Set.QUICK, walk(), measurement(1.2, 1, 0)))
                .containsExactly("Walk/any: the ratio to c cpu is 1.20, and was 1.00 (commit)");
    }

    @Test
    void whatAStepMayNotAllocateIsCountedByTheStep() {
        Subject<?> usage = walk().allocates(Allocation.NOTHING_PER_STEP);
        assertThat(check(Suite.Set.SHORT, usage, measurement(1, 1, 999))).isEmpty();
        assertThat(check(Suite.Set.SHORT, usage, measurement(1, 1, 30_000)))
                .containsExactly("Walk/any allocates 30.0 B for each of 1,000 steps");
    }

    @Test
    void whatAllocatesByNatureIsHeldAgainstWhatWasAccepted() {
        Subject<?> locate = walk().allocates(Allocation.BY_NATURE);
        accept(measurement(1, 1, 1000));
        assertThat(check(Suite.Set.QUICK, locate, measurement(1, 1, 1099))).isEmpty();
        assertThat(check(Suite.Set.QUICK, locate, measurement(1, 1, 1200)))
                .containsExactly("Walk/any allocates 1200 B/op, and did 1000 (commit)");
    }

    private void accept(Measurement measurement) {
        accepted.results().put("Walk/any", new Results.Result(measurement, LOADED));
    }
}
