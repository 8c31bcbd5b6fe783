// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli.command;

import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Fills the lines of a text for a width. Lines that begin without a space are a paragraph, and are filled. Others are
 * entries of tables or examples, and stay as they are where they fit; else what does not fit goes on below where the
 * entry's text begins.
 */
final class Paragraphs {
    /** A word that is explained, what is between it and its text, and that text. */
    private static final Pattern ENTRY =
            Pattern.compile("( +(?:- |\\S+(?: \\S+)* {2,}(?:\\(\\S+(?: \\S+)*\\) {2,})?))(\\S.*)");

    /** What an entry goes on by where its text begins too far to the right. */
    private static final int LEAST_INDENT = 4;

    private final int width;
    private final List<String> filled = new ArrayList<>();

    private Paragraphs(int width) {
        this.width = width;
    }

    /**
     * Fills a text.
     *
     * @param text lines
     * @param width the longest line that it may have, but for one of a single word
     * @return lines
     */
    static List<String> fill(List<String> text, int width) {
        Paragraphs paragraphs = new Paragraphs(width);
        for (int from = 0; from < text.size(); ) {
            String first = text.get(from);
            int to = from + 1;
            while (to < text.size() && goesOn(first, text.get(to))) {
                to++;
            }
            paragraphs.add(text.subList(from, to));
            from = to;
        }
        return paragraphs.filled;
    }

    /** Whether a line belongs to what a line before it has begun. */
    private static boolean goesOn(String first, String next) {
        int indent = indent(first);
        return !first.isBlank() && !next.isBlank() && (indent == 0 ? indent(next) == 0 : indent(next) > indent);
    }

    private static int indent(String line) {
        int indent = 0;
        while (indent < line.length() && line.charAt(indent) == ' ') {
            indent++;
        }
        return indent;
    }

    private void add(List<String> lines) {
        String first = lines.getFirst();
        boolean fits = lines.stream().allMatch(line -> line.length() <= width);
        if (first.isBlank() || first.startsWith(" ") && fits) {
            filled.addAll(lines);
            return;
        }
        Matcher entry = ENTRY.matcher(first);
        int hang = entry.matches() ? entry.end(1) : indent(first);
        if (hang > width / 2) {
            hang = indent(first) + LEAST_INDENT;
        }
        StringBuilder line = new StringBuilder(entry.matches() ? entry.group(1) : " ".repeat(indent(first)));
        boolean empty = true;
        List<String> words = new ArrayList<>(List.of((entry.matches() ? entry.group(2) : first.strip()).split(" ")));
        lines.stream()
                .skip(1)
                .flatMap(next -> List.of(next.strip().split(" ")).stream())
                .forEach(words::add);
        for (String word : words) {
            if (!empty && line.length() + 1 + word.length() > width) {
                filled.add(line.toString());
                line.setLength(0);
                line.repeat(' ', hang);
                empty = true;
            }
            line.append(empty ? "" : " ").append(word);
            empty = false;
        }
        filled.add(line.toString());
    }
}
