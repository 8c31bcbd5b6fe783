// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;

class RangesTest {

    @Test
    void joinsWhatIsLessThanAPageApart() {
        Ranges ranges = Ranges.of(
                new long[] {0x1000, 0x3000, 0x8000, 0x8800, 0x20000},
                new long[] {0x2000, 0x4000, 0x9000, 0x8900, 0x20001});
        assertThat(ranges.count()).isEqualTo(3);
        assertThat(ranges.start(0)).isEqualTo(0x1000);
        assertThat(ranges.end(0)).isEqualTo(0x4000);
        assertThat(ranges.start(1)).isEqualTo(0x8000);
        assertThat(ranges.end(1)).isEqualTo(0x9000);
        assertThat(ranges.end(2)).isEqualTo(0x20001);
    }

    @Test
    void leavesOutWhatIsNone() {
        Ranges ranges = Ranges.of(new long[] {-8, 0x1000, 0x5000, 0x9000}, new long[] {8, 0x1000, 0x4000, 0xa000});
        assertThat(ranges.count()).isEqualTo(1);
        assertThat(ranges.start(0)).isEqualTo(0x9000);
    }

    @Test
    void tellsWhichRangeHoldsAnAddress() {
        Ranges ranges = Ranges.of(new long[] {0x1000, 0x8000}, new long[] {0x2000, 0x9000});
        assertThat(ranges.at(0xfff)).isEqualTo(-1);
        assertThat(ranges.at(0x1000)).isZero();
        assertThat(ranges.at(0x1fff)).isZero();
        assertThat(ranges.at(0x2000)).isEqualTo(-1);
        assertThat(ranges.at(0x8fff)).isEqualTo(1);
        assertThat(ranges.at(0x9000)).isEqualTo(-1);
        assertThat(ranges.at(Long.MIN_VALUE)).isEqualTo(-1);
        assertThat(Ranges.NONE.at(0x1000)).isEqualTo(-1);
    }

    @Test
    void keepsRangesExactlyAsTheyAre() {
        Ranges ranges = Ranges.exactly(new long[] {0, 8, 17, 4096}, new long[] {8, 16, 18, 5000});
        assertThat(ranges.count()).isEqualTo(4);
        assertThat(ranges.at(7)).isZero();
        assertThat(ranges.at(8)).isEqualTo(1);
        assertThat(ranges.at(16)).isEqualTo(-1);
        assertThat(ranges.at(17)).isEqualTo(2);
        assertThat(ranges.at(5000)).isEqualTo(-1);
        for (long[][] bad : new long[][][] {
            {{8}, {8}},
            {{8}, {7}},
            {{-8}, {8}},
            {{0, 7}, {8, 9}},
            {{16, 0}, {20, 8}},
            {{Long.MAX_VALUE}, {Long.MIN_VALUE}}
        }) {
            assertThatThrownBy(() -> Ranges.exactly(bad[0], bad[1])).isInstanceOf(IllegalArgumentException.class);
        }
    }
}
