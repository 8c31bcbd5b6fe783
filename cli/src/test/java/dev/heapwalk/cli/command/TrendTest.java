// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli.command;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.heapwalk.cli.command.Trend.Direction;
import java.util.Random;
import java.util.function.IntToLongFunction;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Growth, and what is none. */
class TrendTest {
    private static Trend of(int looks, IntToLongFunction amount) {
        Trend trend = new Trend();
        for (int i = 0; i < looks; i++) {
            trend.add(i, amount.applyAsLong(i));
        }
        return trend;
    }

    /** The slope, its standard error and the quantile are those of {@code linregress} and {@code t.ppf} of SciPy. */
    @Test
    void fitsALineAsOthersDo() {
        long[] amounts = {10, 13, 11, 16, 18, 17, 22, 21};
        Trend trend = of(amounts.length, i -> amounts[i]);
        assertThat(trend.perMinute()).isCloseTo(1.6904761904761905, within(1e-9));
        assertThat(trend.error()).isCloseTo(0.2517887631621478 * 2.4469118511449786, within(1e-3));
        assertThat(trend.direction()).isEqualTo(Direction.GROWS);
        assertThat(trend.now()).isEqualTo(21);
        assertThat(trend.sinceStart()).isEqualTo(11);
        assertThat(trend.sinceLast()).isEqualTo(-1);
    }

    @Test
    void saysNothingOfTwoPoints() {
        assertThat(of(2, i -> i * 1_000_000L).direction()).isEqualTo(Direction.TOO_EARLY);
        assertThat(of(Trend.FEWEST - 1, i -> i * 1_000_000L).direction()).isEqualTo(Direction.TOO_EARLY);
        assertThat(of(2, i -> i).error()).isInfinite();
    }

    @ParameterizedTest
    @ValueSource(ints = {4, 7, 33, 64, 65, 1000})
    void growsAndShrinks(int looks) {
        assertThat(of(looks, i -> 1L << 40 | 1000L * i).direction()).isEqualTo(Direction.GROWS);
        assertThat(of(looks, i -> (1L << 40) - 1000L * i).direction()).isEqualTo(Direction.SHRINKS);
        assertThat(of(looks, _ -> 1L << 40).direction()).isEqualTo(Direction.STEADY);
        assertThat(of(looks, i -> 1000L * i).perMinute()).isCloseTo(1000, within(1e-6));
    }

    @ParameterizedTest
    @ValueSource(ints = {8, 30, 100, 500})
    void noiseIsNoGrowth(int looks) {
        int grows = 0;
        for (int seed = 0; seed < 200; seed++) {
            Random random = new Random(seed);
            grows += of(looks, _ -> 1_000_000 + random.nextInt(100_000)).direction() == Direction.GROWS ? 1 : 0;
        }
        // Five of a hundred slopes are off by more than their error, half of them upwards.
        assertThat(grows).isLessThan(10);
    }

    @ParameterizedTest
    @ValueSource(ints = {30, 100, 500})
    void growthIsSeenThroughNoise(int looks) {
        int grows = 0;
        for (int seed = 0; seed < 200; seed++) {
            Random random = new Random(seed);
            grows += of(looks, i -> 1_000_000 + 20_000L * i + random.nextInt(100_000))
                                    .direction()
                            == Direction.GROWS
                    ? 1
                    : 0;
        }
        assertThat(grows).isGreaterThan(190);
    }

    /** A heap that is collected now and then, however many of its rises were seen. */
    @ParameterizedTest
    @ValueSource(ints = {12, 25, 40, 77, 300})
    void aHeapThatIsCollectedDoesNotGrow(int looks) {
        assertThat(of(looks, i -> 5_000_000 + 100_000L * (i % 6)).direction()).isEqualTo(Direction.STEADY);
    }

    @Test
    void aStepLongAgoIsNoGrowth() {
        assertThat(of(40, i -> i < 10 ? 1_000 : 2_000).direction()).isEqualTo(Direction.STEADY);
    }
}
