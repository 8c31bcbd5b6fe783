// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.python;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** Facts that depend on the version, and offsets, stand in layouts: read from the sources of this module. */
class PythonLayoutRulesTest {
    private static final Path SOURCES = Path.of("src/main/java/dev/heapwalk/python");

    /** A series such as 311 beside a comparison or behind {@code case}, or a comparison of what tells the series. */
    private static final Pattern VERSION =
            Pattern.compile("(?:[<>]=?|[=!]=)\\s*(?:207|3[01][0-9])\\b|\\bcase\\s+(?:207|3[01][0-9])\\b"
                    + "|\\b(?:version|series)\\(\\)\\s*[<>]");

    /** A number that is added to an address that is read, or an address that is nothing but a number. */
    private static final Pattern OFFSET =
            Pattern.compile("\\b(?:read(?:Long|Int|Short|Byte|CString)|longAt|intAt|shortAt|byteAt)\\s*"
                    + "\\((?:[^(),]*[+-]\\s*)?[0-9]+L?[,)]");

    @Test
    void onlyLayoutsCompareVersions() throws IOException {
        assertThat(broken(VERSION)).isEmpty();
    }

    @Test
    void onlyLayoutsKnowOffsets() throws IOException {
        assertThat(broken(OFFSET)).isEmpty();
    }

    @Test
    void rulesFindWhatTheyAreFor() {
        assertThat("if (version >= 312) {").containsPattern(VERSION);
        assertThat("case 307, 308 -> 1;").containsPattern(VERSION);
        assertThat("return reader.series() < OLDEST;").containsPattern(VERSION);
        assertThat("if (count >= 3120) {").doesNotContainPattern(VERSION);
        assertThat("memory.readLong(at + 16)").containsPattern(OFFSET);
        assertThat("memory.readInt(at + 16, 0)").containsPattern(OFFSET);
        assertThat("longAt(24)").containsPattern(OFFSET);
        assertThat("memory.readLong(at + Layout.FIELD, 0)").doesNotContainPattern(OFFSET);
        assertThat("memory.readLong(at, 0)").doesNotContainPattern(OFFSET);
    }

    private static List<String> broken(Pattern rule) throws IOException {
        List<String> found = new ArrayList<>();
        try (Stream<Path> files = Files.walk(SOURCES)) {
            for (Path file : files.filter(path -> path.toString().endsWith(".java"))
                    .filter(path -> !SOURCES.relativize(path).startsWith("layout"))
                    .sorted()
                    .toList()) {
                rule.matcher(Files.readString(file))
                        .results()
                        .forEach(result -> found.add(SOURCES.relativize(file) + ": " + result.group()));
            }
        }
        return found;
    }
}
