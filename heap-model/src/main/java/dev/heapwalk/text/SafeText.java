// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.text;

/**
 * Text from a target, made harmless for a terminal: control characters, direction marks and everything else that does
 * not stand for itself is written as {@code \x1b} or {@code \\u{202e}}.
 */
public final class SafeText {
    private SafeText() {}

    /**
     * Whether a character can be sent to a terminal as it is.
     *
     * @param codePoint a Unicode code point
     * @return whether it can
     */
    public static boolean plain(int codePoint) {
        if (codePoint < 0x7f) {
            return codePoint >= ' ';
        }
        return switch (Character.getType(codePoint)) {
            case Character.CONTROL,
                    Character.FORMAT,
                    Character.SURROGATE,
                    Character.UNASSIGNED,
                    Character.PRIVATE_USE,
                    Character.LINE_SEPARATOR,
                    Character.PARAGRAPH_SEPARATOR -> false;
            default -> true;
        };
    }

    /**
     * Makes a text harmless.
     *
     * @param text any text
     * @return the same object if it was
     */
    public static String of(String text) {
        int i = 0;
        while (i < text.length()) {
            int codePoint = text.codePointAt(i);
            if (!plain(codePoint)) {
                return escape(text, i);
            }
            i += Character.charCount(codePoint);
        }
        return text;
    }

    private static String escape(String text, int from) {
        StringBuilder safe = new StringBuilder(text.length() + 16).append(text, 0, from);
        int i = from;
        while (i < text.length()) {
            int codePoint = text.codePointAt(i);
            i += Character.charCount(codePoint);
            if (plain(codePoint)) {
                safe.appendCodePoint(codePoint);
            } else if (codePoint == '\n') {
                safe.append("\\n");
            } else if (codePoint == '\t') {
                safe.append("\\t");
            } else if (codePoint == '\r') {
                safe.append("\\r");
            } else if (codePoint < 0x100) {
                safe.append("\\x")
                        .append(Character.forDigit(codePoint >> 4, 16))
                        .append(Character.forDigit(codePoint & 15, 16));
            } else {
                safe.append("\\u{").append(Integer.toHexString(codePoint)).append('}');
            }
        }
        return safe.toString();
    }
}
