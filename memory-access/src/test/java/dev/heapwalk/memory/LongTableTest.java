// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.HashMap;
import java.util.Map;
import java.util.Random;
import java.util.function.LongUnaryOperator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Operations at random, held against a {@link HashMap}. */
class LongTableTest {

    @ParameterizedTest
    @ValueSource(strings = {"few", "dense", "pages", "pointers", "any"})
    void isWhatAHashMapIs(String kind) {
        Random random = new Random(kind.hashCode());
        LongUnaryOperator key = switch (kind) {
            case "few" -> i -> i % 50 - 25;
            case "dense" -> i -> i;
            case "pages" -> i -> i << 16;
            case "pointers" -> i -> 0x7f00_0000_0000L + (i << 4);
            default -> i -> random.nextLong();
        };
        LongTable table = new LongTable();
        Map<Long, Long> map = new HashMap<>();
        for (int round = 0; round < 300_000; round++) {
            long one = key.applyAsLong(random.nextInt(100_000));
            switch (random.nextInt(4)) {
                case 0 -> {
                    long value = random.nextLong();
                    table.put(one, value);
                    map.put(one, value);
                }
                case 1 -> assertThat(table.add(one, round)).isEqualTo(map.merge(one, (long) round, Long::sum));
                default -> assertThat(table.get(one, -17)).isEqualTo(map.getOrDefault(one, -17L));
            }
            assertThat(table.size()).isEqualTo(map.size());
            if (round == 100_000 || round == 200_000) {
                assertThat(entries(table)).isEqualTo(map);
                if (round == 100_000) {
                    table.clear();
                } else {
                    table.reuse();
                }
                map.clear();
                assertThat(table.size()).isZero();
                assertThat(table.get(one, 1)).isEqualTo(1);
            }
        }
        assertThat(entries(table)).isEqualTo(map);
        map.forEach((one, value) -> assertThat(table.get(one, ~value)).isEqualTo(value));
        assertThat(table).hasToString("LongTable of " + map.size() + " keys");
    }

    private static Map<Long, Long> entries(LongTable table) {
        Map<Long, Long> entries = new HashMap<>();
        table.forEach((key, value) -> assertThat(entries.put(key, value)).isNull());
        return entries;
    }

    @Test
    void zeroIsAKeyAsAnyOther() {
        LongTable table = new LongTable();
        assertThat(table.get(0, 5)).isEqualTo(5);
        table.put(0, 0);
        assertThat(table.get(0, 5)).isZero();
        assertThat(table.size()).isEqualTo(1);
        table.clear();
        assertThat(table.get(0, 5)).isEqualTo(5);
        assertThat(table.add(0, 3)).isEqualTo(3);
    }
}
