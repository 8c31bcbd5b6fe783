// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory.linux;

/** Text that comes from a target. */
final class Text {
    private Text() {}

    /**
     * Makes a text safe for a terminal.
     *
     * @param text any
     * @return the same with control characters as {@code \x1b}
     */
    static String printable(String text) {
        if (text.chars().noneMatch(Character::isISOControl)) {
            return text;
        }
        StringBuilder safe = new StringBuilder();
        for (char each : text.toCharArray()) {
            if (Character.isISOControl(each)) {
                safe.append("\\x%02x".formatted((int) each));
            } else {
                safe.append(each);
            }
        }
        return safe.toString();
    }
}
