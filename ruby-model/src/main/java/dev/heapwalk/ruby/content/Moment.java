// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.content;

import java.math.BigInteger;
import java.util.Optional;

/**
 * A Time, as it was read. C name {@code struct time_object}.
 *
 * @param seconds the whole seconds since 1970, as {@code Time#to_i}
 * @param nanoseconds the whole nanoseconds of that second, as {@code Time#nsec}
 * @param subsecond the exact fraction of the second, as {@code Time#subsec}, where it is finer than nanoseconds
 * @param utc whether it is in UTC, as {@code Time#utc?}
 * @param offset the seconds that its zone is ahead of UTC, as {@code Time#utc_offset}; empty where the program has not
 *     asked for it yet, so that Ruby does not know it either
 * @param zone its zone, a {@code VALUE}; 0 in UTC and where it is not known yet
 */
public record Moment(
        BigInteger seconds,
        int nanoseconds,
        Optional<String> subsecond,
        boolean utc,
        Optional<String> offset,
        long zone) {}
