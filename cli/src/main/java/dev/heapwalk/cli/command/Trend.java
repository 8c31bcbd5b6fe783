// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli.command;

import java.util.Arrays;

/**
 * An amount over several looks: how fast it grows, by the line that fits all of them best, and how sure that is.
 *
 * <p>An amount that goes up and down, as that of a cache or a heap that is collected now and then, has a slope by where
 * the looks fell. So it grows only if its floor rises, too: the least of the second half of all looks is more than that
 * of the first half, and that of the last quarter more than that of the third, so that a step long ago is no growth.
 */
final class Trend {
    /** With fewer looks nothing is said. */
    static final int FEWEST = 4;

    /** How many floors are kept, each of as many looks. */
    private static final int FLOORS = 32;

    /** By how many standard errors 95 of 100 slopes are off at most, with one to ten looks more than two. */
    private static final double[] WITHIN = {12.71, 4.30, 3.18, 2.78, 2.57, 2.45, 2.36, 2.31, 2.26, 2.23};

    private static final double WITHIN_OF_MANY = 1.96;

    private final long[] floors = new long[FLOORS];
    private int eachFloor = 1;
    private int looks;

    private double times;
    private double timeSquares;
    private double sum;
    private double products;
    private double squares;

    private long first;
    private long before;
    private long last;

    /** What an amount does. */
    enum Direction {
        TOO_EARLY("too early to tell"),
        GROWS("grows"),
        SHRINKS("shrinks"),
        STEADY("steady");

        private final String label;

        Direction(String label) {
            this.label = label;
        }

        @Override
        public String toString() {
            return label;
        }
    }

    /**
     * Takes one look.
     *
     * @param minutes when it was, since the first one
     * @param value the amount
     */
    void add(double minutes, long value) {
        if (looks == 0) {
            first = value;
            last = value;
        }
        before = last;
        last = value;
        double more = value - first;
        times += minutes;
        timeSquares += minutes * minutes;
        sum += more;
        products += minutes * more;
        squares += more * more;
        if (looks == FLOORS * eachFloor) {
            for (int i = 0; i < FLOORS / 2; i++) {
                floors[i] = Math.min(floors[2 * i], floors[2 * i + 1]);
            }
            eachFloor *= 2;
        }
        int at = looks / eachFloor;
        floors[at] = looks % eachFloor == 0 ? value : Math.min(floors[at], value);
        looks++;
    }

    /** The amount at the last look. */
    long now() {
        return last;
    }

    /** How much more there is than at the first look. */
    long sinceStart() {
        return last - first;
    }

    /** How much more there is than at the look before. */
    long sinceLast() {
        return last - before;
    }

    /** By how much it grows in a minute; 0 with less than two looks. */
    double perMinute() {
        double spread = spread();
        return spread <= 0 ? 0 : (products - times * sum / looks) / spread;
    }

    /** By how much that may be off, in 95 of 100 cases; infinite with less than three looks. */
    double error() {
        if (looks < 3 || spread() <= 0) {
            return Double.POSITIVE_INFINITY;
        }
        double slope = perMinute();
        double rest = squares - sum * sum / looks - slope * (products - times * sum / looks);
        double deviation = Math.sqrt(Math.max(0, rest) / (looks - 2) / spread());
        return deviation * (looks - 3 < WITHIN.length ? WITHIN[looks - 3] : WITHIN_OF_MANY + 2.5 / (looks - 2));
    }

    private double spread() {
        return looks < 2 ? 0 : timeSquares - times * times / looks;
    }

    /** What it does, as far as the looks tell. */
    Direction direction() {
        if (looks < FEWEST) {
            return Direction.TOO_EARLY;
        }
        double slope = perMinute();
        double error = error();
        if (slope > error && floorRises()) {
            return Direction.GROWS;
        }
        return slope < -error ? Direction.SHRINKS : Direction.STEADY;
    }

    private boolean floorRises() {
        int used = (looks + eachFloor - 1) / eachFloor;
        int half = used / 2;
        int quarters = half + (used - half) / 2;
        return floor(half, used) > floor(0, half) && floor(quarters, used) > floor(half, quarters);
    }

    private long floor(int from, int to) {
        return Arrays.stream(floors, from, to).min().orElse(Long.MIN_VALUE);
    }
}
