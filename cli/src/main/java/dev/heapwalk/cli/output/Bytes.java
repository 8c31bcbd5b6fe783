// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli.output;

import java.util.Locale;
import java.util.OptionalLong;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Amounts of bytes as people write and read them: 1 K is 1,024 bytes. */
public final class Bytes {
    private static final Pattern AMOUNT = Pattern.compile("([0-9]+)([KMG]?)(i?B)?", Pattern.CASE_INSENSITIVE);
    private static final String UNITS = " KMGTPE";
    private static final int STEP = 1024;

    private Bytes() {}

    /** Reads an amount such as 4096, 64K, 1M or 2GiB; empty if it is none, or is 0. */
    public static OptionalLong parse(String text) {
        OptionalLong bytes = parseOrNone(text);
        return bytes.orElse(0) > 0 ? bytes : OptionalLong.empty();
    }

    /** Reads an amount likewise, which may be 0. */
    public static OptionalLong parseOrNone(String text) {
        Matcher amount = AMOUNT.matcher(text);
        if (amount.matches()) {
            try {
                char unit = (amount.group(2).toUpperCase(Locale.ROOT) + ' ').charAt(0);
                long bytes = Math.multiplyExact(Long.parseLong(amount.group(1)), 1L << 10 * UNITS.indexOf(unit));
                return OptionalLong.of(bytes);
            } catch (NumberFormatException | ArithmeticException e) {
                // It has more digits than any size.
            }
        }
        return OptionalLong.empty();
    }

    /** Writes an amount with a unit that fits it, such as 640 B or 1.2 MiB. */
    public static String text(long bytes) {
        if (bytes < 0 && bytes > Long.MIN_VALUE) {
            return "-" + text(-bytes);
        }
        if (bytes < STEP) {
            return bytes + " B";
        }
        int unit = 1;
        double amount = (double) bytes / STEP;
        // What would be rounded to 1024.0 is one of the next unit.
        while (amount >= STEP - 0.05) {
            amount /= STEP;
            unit++;
        }
        return String.format(Locale.ROOT, "%.1f %ciB", amount, UNITS.charAt(unit));
    }
}
