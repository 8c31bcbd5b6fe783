// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.python.object;

import java.math.BigDecimal;
import java.math.MathContext;

/** Writes texts, bytes and numbers as Python's {@code repr} does. */
final class Literals {
    /** How much of a text is shown, in characters. */
    static final int LONGEST_TEXT = 60;

    private static final int FIRST_WITH_EXPONENT = 16;
    private static final int LAST_WITH_EXPONENT = -5;

    private Literals() {}

    /** Bytes as Python writes them. */
    static String quoted(String prefix, byte[] data, long length) {
        StringBuilder text = new StringBuilder(data.length);
        for (byte one : data) {
            text.append((char) (one & 0xFF));
        }
        return quoted(prefix, text.toString(), length, true);
    }

    /** Characters as Python writes them; those that are not ASCII by their number, if that is asked for. */
    static String quoted(String prefix, String text, long length, boolean ascii) {
        char mark = text.indexOf('\'') >= 0 && text.indexOf('"') < 0 ? '"' : '\'';
        StringBuilder out = new StringBuilder(prefix).append(mark);
        int shown = 0;
        int i = 0;
        for (; i < text.length() && shown < LONGEST_TEXT; shown++) {
            int point = text.codePointAt(i);
            i += Character.charCount(point);
            character(point, mark, ascii, prefix, out);
        }
        boolean cut = length > shown;
        out.append(cut ? "…" : "").append(mark);
        if (cut) {
            out.append(" (%,d)".formatted(length));
        }
        return out.toString();
    }

    private static void character(int point, char mark, boolean ascii, String prefix, StringBuilder out) {
        switch (point) {
            case '\\' -> out.append("\\\\");
            case '\n' -> out.append("\\n");
            case '\r' -> out.append("\\r");
            case '\t' -> out.append("\\t");
            default -> {
                if (point == mark) {
                    out.append('\\').append(mark);
                } else if (point < ' '
                        || point == 0x7F
                        || point <= 0xFF && (ascii && point > 0x7F || point > 0x7F && !isPrintable(point))) {
                    out.append("\\x%02x".formatted(point));
                } else if (point > 0x7F && (ascii || !isPrintable(point))) {
                    out.append((point > 0xFFFF ? "\\U%08x" : "\\u%04x").formatted(point));
                } else {
                    out.appendCodePoint(point);
                }
            }
        }
    }

    private static boolean isPrintable(int point) {
        return switch (Character.getType(point)) {
            case Character.CONTROL,
                    Character.FORMAT,
                    Character.SURROGATE,
                    Character.UNASSIGNED,
                    Character.PRIVATE_USE,
                    Character.LINE_SEPARATOR,
                    Character.PARAGRAPH_SEPARATOR,
                    Character.SPACE_SEPARATOR -> false;
            default -> true;
        };
    }

    /** A number as Python writes it: the fewest digits that tell it from others, with an exponent if it is far off. */
    static String real(double value) {
        if (Double.isNaN(value)) {
            return "nan";
        }
        if (Double.isInfinite(value)) {
            return value < 0 ? "-inf" : "inf";
        }
        if (value == 0) {
            return Double.compare(value, 0.0) < 0 ? "-0.0" : "0.0";
        }
        BigDecimal exact = new BigDecimal(Double.toString(value)).stripTrailingZeros();
        // Java writes two digits where one would do.
        BigDecimal shorter = exact.round(new MathContext(1));
        if (shorter.doubleValue() == value) {
            exact = shorter;
        }
        String digits = exact.unscaledValue().abs().toString();
        int point = digits.length() - exact.scale();
        String sign = value < 0 ? "-" : "";
        if (point - 1 >= FIRST_WITH_EXPONENT || point - 1 <= LAST_WITH_EXPONENT) {
            return "%s%s%se%s%02d"
                    .formatted(
                            sign,
                            digits.charAt(0),
                            digits.length() > 1 ? "." + digits.substring(1) : "",
                            point - 1 < 0 ? "-" : "+",
                            Math.abs(point - 1));
        }
        String plain = exact.abs().toPlainString();
        return sign + (plain.indexOf('.') < 0 ? plain + ".0" : plain);
    }
}
