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

    /** Has the help of commands, and their man pages, end in their sections. */
    static void addTo(CommandLine root) {
        addTo(root, "", read());
    }

    private static void addTo(CommandLine line, String name, Manual manual) {
        // Picocli takes it for a format.
        line.getCommandSpec()
                .usageMessage()
                .footer(manual.section(name).orElse("").replace("%", "%%").split("\n"));
        line.getSubcommands().forEach((word, below) -> addTo(below, name.isEmpty() ? word : name + " " + word, manual));
    }

    /** A section, if there is one of that name. */
    Optional<String> section(String name) {
        List<String> lines = sections.get(name);
        if (lines == null) {
            return Optional.empty();
        }
        StringBuilder text = new StringBuilder();
        for (String line : trimmed(lines)) {
            text.append(line.startsWith("@") ? section(line.substring(1)).orElseThrow() : line + "\n");
        }
        return Optional.of(text.toString());
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
