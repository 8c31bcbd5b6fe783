// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli.command;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import picocli.CommandLine;

/**
 * What help says beyond the options: which question a command answers, its columns and units, examples. It is the text
 * of {@code manual.txt}, with a section for each command and some for topics; {@code @name} stands for another section.
 */
final class Manual {
    /** Sections that can be asked for beside those of commands. */
    static final List<String> TOPICS = List.of("words", "target", "status", "units");

    private static final String FILE = "manual.txt";

    private final Map<String, List<String>> sections = new LinkedHashMap<>();

    private Manual(List<String> lines) {
        List<String> section = List.of();
        for (String line : lines) {
            if (line.startsWith("[") && line.endsWith("]")) {
                section = new ArrayList<>();
                sections.put(line.substring(1, line.length() - 1), section);
            } else {
                section.add(line);
            }
        }
    }

    static Manual read() {
        try (InputStream text = Manual.class.getResourceAsStream(FILE)) {
            return new Manual(new String(text.readAllBytes(), StandardCharsets.UTF_8)
                    .lines()
                    .toList());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /**
     * Has the help of commands, and their man pages, end in their sections.
     *
     * @param root the command
     * @param width characters of the longest line
     */
    static void addTo(CommandLine root, int width) {
        addTo(root, "", read(), width);
    }

    private static void addTo(CommandLine line, String name, Manual manual, int width) {
        line.getCommandSpec()
                .usageMessage()
                .footer(manual.section(name, width).orElse(List.of()).stream()
                        // Picocli takes it for a format.
                        .map(text -> text.replace("%", "%%"))
                        .toArray(String[]::new));
        line.getSubcommands()
                .forEach((word, below) -> addTo(below, name.isEmpty() ? word : name + " " + word, manual, width));
    }

    /**
     * The lines of a section, if there is one of that name.
     *
     * @param name of the section
     * @param width characters of the longest line
     */
    Optional<List<String>> section(String name, int width) {
        return Optional.ofNullable(sections.get(name)).map(lines -> Paragraphs.fill(whole(lines), width));
    }

    /** With the sections that lines stand for. */
    private List<String> whole(List<String> lines) {
        return trimmed(lines).stream()
                .flatMap(line ->
                        line.startsWith("@") ? whole(sections.get(line.substring(1))).stream() : Stream.of(line))
                .toList();
    }

    /** Without the empty lines before the next section. */
    private static List<String> trimmed(List<String> lines) {
        int end = lines.size();
        while (end > 0 && lines.get(end - 1).isEmpty()) {
            end--;
        }
        return lines.subList(0, end);
    }
}
