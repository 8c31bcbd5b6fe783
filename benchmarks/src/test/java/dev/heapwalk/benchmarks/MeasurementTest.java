// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.benchmarks;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class MeasurementTest {
    private static Measurement of(double wall, double cpu, double allocated, double ratio) {
        return new Measurement(
                1,
                9,
                0,
                Map.of(Way.JAVA, new Measurement.Figures(wall, cpu, allocated, null)),
                Map.of("c cpu", ratio),
                Map.of("c cpu", ratio));
    }

    @Test
    void eachFigureIsTheMedianOfItsOwn() throws IOException {
        Measurement median = Measurement.median(List.of(of(1, 30, 200, 1.3), of(2, 10, 100, 1.1), of(3, 20, 300, 1.2)));
        assertThat(median)
                .isEqualTo(new Measurement(
                        3,
                        9,
                        0,
                        Map.of(Way.JAVA, new Measurement.Figures(2, 20, 200, null)),
                        Map.of("c cpu", 1.2),
                        Map.of()));
        String text = Results.text(median);
        assertThat(text).doesNotContain("best");
        assertThat(Results.measurement(text)).isEqualTo(median);
    }

    @Test
    void theMedianIsTheMiddle() {
        assertThat(Medians.of(9, 1, 2)).isEqualTo(2);
        assertThat(Medians.of(9, 1, 2, 4)).isEqualTo(3);
    }
}
