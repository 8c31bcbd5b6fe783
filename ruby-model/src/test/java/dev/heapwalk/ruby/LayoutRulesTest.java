// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Predicate;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/**
 * Every fact that depends on Ruby's version is a named field of a layout, and a struct is decoded in one place: read
 * from the sources of this module.
 */
class LayoutRulesTest {
    private static final Path SOURCES = Path.of("src/main/java/dev/heapwalk/ruby");

    /** Where a dump's own format differs, and not what it tells of. */
    private static final List<String> FORMATS = List.of("dump/ObjectSpaceFormat.java");

    /** A series such as 303 beside a comparison or behind {@code case}, or a question for what is since a version. */
    private static final Pattern VERSION = Pattern.compile(
            "(?:[<>]=?|[=!]=)\\s*(?:20[0-9]|30[0-9]|40[0-9])\\b|\\bcase\\s+(?:20[0-9]|30[0-9]|40[0-9])\\b"
                    + "|\\b(?:(?:version|series)(?:\\(\\))?|number\\(\\))\\s*(?:[<>]=?|[=!]=)|\\bsince(?:\\(|[0-9])");

    /** What reads at an address, up to its arguments. A single byte of local memory is a character. */
    private static final Pattern READ =
            Pattern.compile("\\b(?:read(?:Long|Int|Short|Byte|CString)|find|require|requireMapped|mapped|word(?:32)?"
                    + "|get(?=\\(Words\\.(?:LONG|INT|SHORT))|longAt|intAt|shortAt|byteAt"
                    + "|(?:mark\\.(?:at|value|values|fields|maybe|locations|hooks|table|idTable)))\\s*(\\()");

    /** A number that is added, or the whole argument; a multiple is the step of an array. */
    private static final Pattern OFFSET =
            Pattern.compile("[+-]\\s*[0-9]+L?\\s*(?![0-9xL*<]|\\s*\\*)|^\\s*[0-9]+L?\\s*$");

    /** A number that is added to a field of a layout: the next field, without its name. */
    private static final Pattern NEXT_FIELD =
            Pattern.compile("\\b(?:\\w+Layout|EnvFlags)\\.[A-Z][A-Z_0-9]*\\s*[+-]\\s*[0-9]+L?\\b(?!\\s*\\*)");

    private static boolean isLayout(String file) {
        return file.startsWith("layout/");
    }

    private static boolean isView(String file) {
        return file.equals("RValue.java") || file.matches("object/R[A-Z]\\w*\\.java");
    }

    @Test
    void onlyLayoutsCompareVersions() throws IOException {
        assertThat(found(file -> !isLayout(file) && !FORMATS.contains(file), LayoutRulesTest::versions))
                .isEmpty();
    }

    @Test
    void onlyLayoutsAndViewsKnowOffsets() throws IOException {
        assertThat(found(file -> !isLayout(file) && !isView(file), LayoutRulesTest::offsets))
                .isEmpty();
    }

    @Test
    void rulesFindWhatTheyAreFor() {
        assertThat(versions("if (version >= 302) {")).hasSize(1);
        assertThat(versions("return vm.series() < OLDEST")).hasSize(1);
        assertThat(versions("return layout.number() == 4")).hasSize(1);
        assertThat(versions("layout.since(3, 4)")).hasSize(1);
        assertThat(versions("case 303, 304 -> 1;")).hasSize(1);
        assertThat(versions("if (count >= 300000 || size == 4) {")).isEmpty();
        assertThat(offsets("memory.readLong(at + 16);")).hasSize(1);
        assertThat(offsets("memory.readInt(memory.readLong(at) + 8)")).hasSize(1);
        assertThat(offsets("slot.readLong(24)")).hasSize(1);
        assertThat(offsets("segment.get(Words.LONG, offset + 8)")).hasSize(1);
        assertThat(offsets("mark.values(at + 8, 2)")).hasSize(1);
        assertThat(offsets("long count = word(space + list + 8);")).hasSize(1);
        assertThat(offsets("return word32(space + 20);")).hasSize(1);
        assertThat(offsets("int size = ContextLayout.CFP + 8;")).hasSize(1);
        assertThat(offsets("memory.readLong(at + Layout.FIELD + 8L * i)")).isEmpty();
        assertThat(offsets("memory.readLong(at, 0)")).isEmpty();
    }

    private interface Rule {
        /** Where in a text the rule is broken. */
        List<Integer> in(String text);
    }

    private static List<Integer> versions(String text) {
        return VERSION.matcher(text).results().map(result -> result.start()).toList();
    }

    private static List<Integer> offsets(String text) {
        List<Integer> places = new ArrayList<>(
                NEXT_FIELD.matcher(text).results().map(result -> result.start()).toList());
        Matcher read = READ.matcher(text);
        while (read.find()) {
            if (first(text, read.end()).stream()
                    .anyMatch(argument -> OFFSET.matcher(argument).find())) {
                places.add(read.start());
            }
        }
        return places;
    }

    /** The arguments that tell a place: the first, and the second behind a layout of a value. */
    private static List<String> first(String text, int start) {
        List<String> arguments = new ArrayList<>();
        int depth = 0;
        int from = start;
        StringBuilder own = new StringBuilder();
        for (int at = start; at < text.length(); at++) {
            char one = text.charAt(at);
            if (one == '(') {
                depth++;
            } else if (depth > 0) {
                depth -= one == ')' ? 1 : 0;
            } else if (one == ')' || one == ',') {
                arguments.add(own.toString());
                own.setLength(0);
                if (one == ')' || arguments.size() == 2) {
                    break;
                }
                from = at;
            } else {
                own.append(one);
            }
        }
        return arguments.isEmpty() || !arguments.getFirst().strip().startsWith("Words.")
                ? arguments.subList(0, Math.min(1, arguments.size()))
                : arguments;
    }

    private static List<String> found(Predicate<String> files, Rule rule) throws IOException {
        List<String> found = new ArrayList<>();
        try (Stream<Path> all = Files.walk(SOURCES)) {
            for (Path path : all.filter(path -> path.toString().endsWith(".java"))
                    .sorted()
                    .toList()) {
                String file = SOURCES.relativize(path).toString();
                if (files.test(file)) {
                    String code = code(Files.readString(path));
                    for (int place : rule.in(code)) {
                        long line = 1
                                + code.substring(0, place)
                                        .chars()
                                        .filter(one -> one == '\n')
                                        .count();
                        int end = code.indexOf('\n', place);
                        found.add(file + ":" + line + ": " + code.substring(place, end < 0 ? code.length() : end));
                    }
                }
            }
        }
        return found;
    }

    /** The text without comments and what is quoted, line by line as it was. */
    private static String code(String source) {
        return Pattern.compile(
                        "\"\"\"[\\s\\S]*?\"\"\"|\"(?:[^\"\\\\\\n]|\\\\.)*\"|'(?:[^'\\\\]|\\\\.)+'|//[^\\n]*|/\\*[\\s\\S]*?\\*/")
                .matcher(source)
                .replaceAll(result -> result.group().startsWith("\"")
                        ? "\"\""
                        : result.group().replaceAll("[^\\n]", " "));
    }
}
